#include "kernels/gemm/matmul.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::kernels {
namespace {

Status Mismatch(std::span<const int64_t> a, std::span<const int64_t> b) {
  return Invalid(fmt::format("matrices {} and {} cannot be multiplied", Dims(a).ToString(), Dims(b).ToString()));
}

// Strides of an operand's batch dims in matrices, aligned right with the broadcast batch.
Dims BatchStrides(std::span<const int64_t> operand, const Dims& batch) {
  Dims strides(batch.rank(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i < operand.size(); ++i) {
    const int64_t dim = operand[operand.size() - 1 - i];
    strides[batch.rank() - 1 - i] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
  return strides;
}

}  // namespace

int64_t MatMulShape::MatrixOf(const Dims& batch, const Dims& strides, int64_t index) {
  int64_t matrix = 0;
  for (size_t i = batch.rank(); i-- > 0;) {
    matrix += index % batch[i] * strides[i];
    index /= batch[i];
  }
  return matrix;
}

StatusOr<MatMulShape> PlanMatMul(std::span<const int64_t> a, std::span<const int64_t> b, bool transpose_a, bool transpose_b) {
  if (a.empty() || b.empty()) return Invalid("an operand of a matrix product is a scalar");
  MatMulShape s;
  const bool row = a.size() == 1, column = b.size() == 1;
  const auto a_batch = row ? std::span<const int64_t>() : a.first(a.size() - 2);
  const auto b_batch = column ? std::span<const int64_t>() : b.first(b.size() - 2);
  const int64_t a_rows = row ? 1 : a[a.size() - 2], a_columns = a.back();
  const int64_t b_rows = column ? b[0] : b[b.size() - 2], b_columns = column ? 1 : b.back();
  s.m = transpose_a && !row ? a_columns : a_rows;
  s.k = transpose_a && !row ? a_rows : a_columns;
  s.n = transpose_b && !column ? b_rows : b_columns;
  if (s.k != (transpose_b && !column ? b_columns : b_rows)) return Mismatch(a, b);

  const size_t rank = std::max(a_batch.size(), b_batch.size());
  s.batch = Dims(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t left = i < a_batch.size() ? a_batch[a_batch.size() - 1 - i] : 1;
    const int64_t right = i < b_batch.size() ? b_batch[b_batch.size() - 1 - i] : 1;
    if (left != right && left != 1 && right != 1) return Mismatch(a, b);
    s.batch[rank - 1 - i] = left == 1 ? right : left;
  }
  s.a_strides = BatchStrides(a_batch, s.batch);
  s.b_strides = BatchStrides(b_batch, s.batch);
  const auto nonzero = [](int64_t stride) { return stride != 0; };
  s.a_batched = std::any_of(s.a_strides.begin(), s.a_strides.end(), nonzero);
  s.b_batched = std::any_of(s.b_strides.begin(), s.b_strides.end(), nonzero);
  s.a_contiguous = Dims(a_batch).num_elements() == s.batch.num_elements();

  s.output = s.batch;
  if (!row) s.output.push_back(s.m);
  if (!column) s.output.push_back(s.n);
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, s.output));
  return s;
}

namespace {

// Products that share one B are one product of all their rows.
bool IsOneProduct(const MatMulF32Arguments& m) {
  const MatMulShape& s = m.shape;
  return s.num_batches() == 1 || (!s.b_batched && s.a_contiguous && !m.transpose_a);
}

GemmF32Arguments Product(const MatMulF32Arguments& m, int64_t index) {
  const MatMulShape& s = m.shape;
  GemmF32Arguments g{.m = s.m, .n = s.n, .k = s.k};
  const float* a = m.a + MatMulShape::MatrixOf(s.batch, s.a_strides, index) * s.m * s.k;
  g.a = m.transpose_a ? MatrixF32{a, 1, s.m} : MatrixF32{a, s.k, 1};
  if (m.packed_b) {
    g.packed_b = m.packed_b;
  } else {
    const float* b = m.b + MatMulShape::MatrixOf(s.batch, s.b_strides, index) * s.k * s.n;
    g.b = m.transpose_b ? MatrixF32{b, 1, s.k} : MatrixF32{b, s.n, 1};
  }
  g.c = m.y + index * s.m * s.n;
  g.c_stride = s.n;
  g.epilogue = m.epilogue;
  if (IsOneProduct(m)) g.m *= s.num_batches();
  return g;
}

int64_t Workers(const MatMulF32Arguments& m, int threads) {
  return IsOneProduct(m) ? 1 : std::min<int64_t>(threads, m.shape.num_batches());
}

}  // namespace

size_t MatMulF32Workspace(const MatMulF32Arguments& arguments, int threads) {
  if (arguments.shape.output.num_elements() == 0) return 0;
  return RoundUpToAlignment(GemmF32Workspace(Product(arguments, 0), threads)) * static_cast<size_t>(Workers(arguments, threads));
}

void MatMulF32(const MatMulF32Arguments& arguments, void* workspace, ThreadPool& pool) {
  const MatMulShape& s = arguments.shape;
  if (s.output.num_elements() == 0) return;
  if (IsOneProduct(arguments)) return GemmF32(Product(arguments, 0), workspace, pool);
  const int64_t batches = s.num_batches(), workers = Workers(arguments, pool.threads());
  const size_t slice = RoundUpToAlignment(GemmF32Workspace(Product(arguments, 0), pool.threads()));
  // Enough products: each worker takes every so-manyth with scratch of its own. Else the threads share each product.
  const auto run = [&](int64_t worker, int64_t step) {
    void* scratch = static_cast<char*>(workspace) + slice * static_cast<size_t>(worker);
    for (int64_t i = worker; i < batches; i += step) GemmF32(Product(arguments, i), scratch, pool);
  };
  if (batches < pool.threads()) return run(0, 1);
  const double cost =
      static_cast<double>(s.m) * s.n * std::max<int64_t>(s.k, 1) / 20 * static_cast<double>(batches) / static_cast<double>(workers);
  pool.ParallelFor(workers, cost, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker) run(worker, workers);
  });
}

}  // namespace sardonyx::kernels
