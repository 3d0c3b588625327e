// Float kernels at the sizes of transformers, recurrent and tabular models. README.md says how to run and read this.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/movement/transpose_lines.h"
#include "kernels/recurrent/recurrent.h"
#include "kernels/reduce/along_axis.h"
#include "kernels/reduce/normalize.h"
#include "measure.h"

namespace sardonyx::kernels {
namespace {

// Weights are packed, as at load. With few rows several copies take turns, as the layers of a network do: weights come from
// memory then, and the figure is bandwidth.
void Gemm(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const bool streams = m <= 16;
  const int64_t copies = streams ? std::max<int64_t>(1, (int64_t{48} << 20) / (n * k)) : 1;
  const std::vector<float> a = Values(m * k), b = Values(k * n);
  std::vector<float> c(static_cast<size_t>(m * n));
  std::vector<AlignedBuffer<float>> packed;
  for (int64_t i = 0; i < copies; ++i) {
    packed.emplace_back(PackedColumnsSize(k, n));
    PackColumnsF32({b.data(), n, 1}, k, n, packed.back().data(), Pool());
  }
  size_t turn = 0;
  for (auto _ : state) {
    GemmF32Arguments g{.m = m, .n = n, .k = k, .a = {a.data(), k, 1}};
    g.packed_b = packed[turn++ % packed.size()].data();
    g.c = c.data();
    g.c_stride = n;
    GemmF32(g, nullptr, Pool());
  }
  const auto products = static_cast<double>(n * k);
  if (m <= 4)
    SetBytes(state, 4 * products);
  else
    SetFlops(state, 2 * products * static_cast<double>(m));
}
BENCHMARK(Gemm)
    ->Args({1024, 1024, 1024})
    ->Args({2048, 2048, 2048})
    ->ArgsProduct({{16, 32, 128, 384}, {768, 3072}, {768}})
    ->Args({128, 768, 3072})
    ->Args({197, 768, 768})
    ->Args({1500, 384, 384})
    ->Args({3136, 384, 96})
    ->Args({1, 3072, 768})
    ->Args({1, 768, 3072})
    ->Args({4, 3072, 768})
    ->Args({64, 256, 784})
    ->UseRealTime();

// A right operand that is only known when it runs.
void GemmUnpacked(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const std::vector<float> a = Values(m * k), b = Values(k * n);
  std::vector<float> c(static_cast<size_t>(m * n));
  GemmF32Arguments g{.m = m, .n = n, .k = k, .a = {a.data(), k, 1}, .b = {b.data(), n, 1}};
  if (state.range(3)) g.b = {b.data(), 1, k};
  g.c = c.data();
  g.c_stride = n;
  AlignedBuffer<char> workspace(static_cast<int64_t>(GemmF32Workspace(g, Pool().threads())));
  for (auto _ : state) GemmF32(g, workspace.data(), Pool());
  SetFlops(state, 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
}
BENCHMARK(GemmUnpacked)->ArgNames({"m", "n", "k", "transposed"})->ArgsProduct({{128, 512}, {128, 512}, {64, 512}, {0, 1}})->UseRealTime();

void AttentionHeads(benchmark::State& state) {
  AttentionArguments<float> a;
  a.batch = 1, a.q_heads = a.kv_heads = 12, a.queries = state.range(0), a.keys = state.range(1), a.size = a.v_size = 64;
  a.causal = state.range(2) != 0;
  a.past = a.keys - a.queries;
  a.scale = 0.125f;
  const std::vector<float> q = Values(a.q_heads * a.queries * 64), k = Values(a.q_heads * a.keys * 64);
  std::vector<float> y(q.size());
  a.q = PositionsOutermost<const float>(q.data(), 12, a.queries, 64);
  a.k = a.v = PositionsOutermost<const float>(k.data(), 12, a.keys, 64);
  a.y = PositionsOutermost<float>(y.data(), 12, a.queries, 64);
  AlignedBuffer<char> workspace(static_cast<int64_t>(AttentionWorkspace(a, Pool().threads())));
  for (auto _ : state) Attention(a, workspace.data(), Pool());
  const double pairs = static_cast<double>(a.queries) * static_cast<double>(a.keys) * 12;
  if (a.queries == 1)
    SetBytes(state, 12.0 * static_cast<double>(a.keys) * 2 * 64 * 4);
  else
    SetFlops(state, pairs * 4 * 64 / (a.causal ? 2 : 1));
}
BENCHMARK(AttentionHeads)
    ->ArgNames({"queries", "keys", "causal"})
    ->Args({16, 16, 0})
    ->Args({128, 128, 0})
    ->Args({384, 384, 0})
    ->Args({384, 384, 1})
    ->Args({1500, 1500, 0})
    ->Args({1, 1024, 0})
    ->UseRealTime();

void SoftmaxRows(benchmark::State& state) {
  const int64_t rows = state.range(0), length = state.range(1);
  const std::vector<float> x = Values(rows * length);
  std::vector<float> y(x.size());
  const AxisView view(rows, length, 1);
  for (auto _ : state)
    Pool().ParallelFor(rows, static_cast<double>(length) / 2, [&](int64_t begin, int64_t end) {
      Softmax(SoftmaxKind::kSoftmax, DataType::kFloat, x.data(), view, y.data(), begin, end);
    });
  SetBytes(state, 8.0 * static_cast<double>(rows * length));
}
BENCHMARK(SoftmaxRows)->Args({1536, 128})->Args({6000, 1500})->Args({1, 50257})->UseRealTime();

void LayerNormalization(benchmark::State& state) {
  const int64_t rows = state.range(0), length = state.range(1);
  const std::vector<float> x = Values(rows * length), scale = Values(length), bias = Values(length);
  std::vector<float> y(x.size());
  const RowNormalization how{.length = length, .scale = scale.data(), .bias = bias.data(), .run = 1, .period = length};
  for (auto _ : state)
    Pool().ParallelFor(rows, static_cast<double>(length) / 2, [&](int64_t begin, int64_t end) {
      NormalizeRows(how, DataType::kFloat, x.data(), DataType::kFloat, y.data(), nullptr, nullptr, begin, end);
    });
  SetBytes(state, 8.0 * static_cast<double>(rows * length));
}
BENCHMARK(LayerNormalization)->Args({128, 768})->Args({3136, 96})->UseRealTime();

template <UnaryOp op>
void Unary(benchmark::State& state) {
  const int64_t count = state.range(0);
  const std::vector<float> x = Values(count);
  std::vector<float> y(x.size());
  const RowKernel kernel = FindUnary(op, DataType::kFloat);
  const float parameters[2] = {1, 1};
  const RowInput in{x.data(), false};
  for (auto _ : state) kernel.function(&in, y.data(), count, parameters);
  SetBytes(state, 8.0 * static_cast<double>(count));
}
BENCHMARK(Unary<UnaryOp::kRelu>)->Arg(1 << 16);
BENCHMARK(Unary<UnaryOp::kExp>)->Arg(1 << 16);
BENCHMARK(Unary<UnaryOp::kTanh>)->Arg(1 << 16);
BENCHMARK(Unary<UnaryOp::kSigmoid>)->Arg(1 << 16);
BENCHMARK(Unary<UnaryOp::kErf>)->Arg(1 << 16);
BENCHMARK(Unary<UnaryOp::kGelu>)->Arg(1 << 16);

void Add(benchmark::State& state) {
  const int64_t count = state.range(0);
  const std::vector<float> a = Values(count), b = Values(count);
  std::vector<float> y(a.size());
  const RowKernel kernel = FindBinary(BinaryOp::kAdd, DataType::kFloat);
  const RowInput in[] = {{a.data(), false}, {b.data(), false}};
  for (auto _ : state) kernel.function(in, y.data(), count, nullptr);
  SetBytes(state, 12.0 * static_cast<double>(count));
}
BENCHMARK(Add)->Arg(1 << 12)->Arg(1 << 22);

void Transpose(benchmark::State& state) {
  const int64_t rows = state.range(0), columns = state.range(1);
  const std::vector<float> x = Values(rows * columns);
  std::vector<float> y(x.size());
  for (auto _ : state) TransposeLines32(x.data(), columns, rows, columns, y.data(), rows);
  SetBytes(state, 8.0 * static_cast<double>(rows * columns));
}
BENCHMARK(Transpose)->Args({128, 64})->Args({1024, 1024});

void Recurrent(benchmark::State& state, CellKind kind) {
  const int64_t batch = state.range(0), hidden = state.range(1), directions = state.range(2);
  RecurrentArguments<float> a;
  a.shape = {.kind = kind, .steps = 100, .batch = batch, .input = hidden, .hidden = hidden, .directions = directions};
  const RecurrentShape& s = a.shape;
  a.options.linear_before_reset = true;
  for (auto& list : a.options.activations)
    list = {*ParseActivation("Sigmoid"), *ParseActivation("Tanh"), *ParseActivation("Tanh")};
  const std::vector<float> x = Values(s.steps * batch * hidden), w = Values(s.gates() * hidden);
  std::vector<float> y(static_cast<size_t>(s.steps * directions * batch * hidden));
  std::vector<AlignedBuffer<float>> packed;
  for (int64_t d = 0; d < directions; ++d) {
    packed.emplace_back(PackedRecurrentSize(s));
    a.weights[static_cast<size_t>(d)] = PackRecurrentWeights(s, w.data(), w.data(), packed.back().data(), Pool());
  }
  a.x = x.data();
  a.y = y.data();
  AlignedBuffer<char> workspace(static_cast<int64_t>(RecurrentWorkspace<float>(s)));
  for (auto _ : state) RunRecurrent(a, workspace.data(), Pool());
  SetFlops(state, static_cast<double>(s.steps * batch * directions) * static_cast<double>(4 * s.gates() * hidden));
}
BENCHMARK_CAPTURE(Recurrent, lstm, CellKind::kLstm)->ArgNames({"batch", "hidden", "directions"})->Args({1, 512, 2})->UseRealTime();
BENCHMARK_CAPTURE(Recurrent, gru, CellKind::kGru)->ArgNames({"batch", "hidden", "directions"})->ArgsProduct({{1, 16}, {256}, {1}})->UseRealTime();

}  // namespace
}  // namespace sardonyx::kernels
