// Two custom operators in a library that links nothing: see docs/custom_ops.md.
//
//   sardonyx run examples/custom_op/model.onnxtxt --custom-ops build/release/examples/libexample_ops.so --random 1
#include <algorithm>
#include <cmath>

#include "sardonyx/custom_op.h"

namespace {

using sardonyx::custom::Node;
using sardonyx::custom::Run;

// The notation is that of Sardonyx's own tables: src/ops/README.md.
constexpr char kSchemas[] = R"(
domain example.ops 2
set floats = float double

# y = x if |x| > lambd else 0. Version 2 takes lambd as an input, too.
HardShrink
  2 (X: T, lambd?: T) -> (Y: T)
    T in floats
    lambd: float = 0.5
  1 (X: T) -> (Y: T)
    T in floats
    lambd: float = 0.5

# The k largest elements of each row of a matrix, in falling order, and how many distinct values they have.
RowTop
  1 (X: float) -> (Values: float, Distinct?: int64)
    k: int required
)";

// One class for both element types: each is an entry of its own, and a constructor that throws Unsupported passes the node on.
template <class T>
class HardShrink {
 public:
  static void Infer(Node& node) { node.SetOutputLike(0, 0); }

  explicit HardShrink(Node& node) : lambd_(node.attribute<float>("lambd")) {
    const auto type = node.input_type(0);
    if (type && type->dtype != sardonyx::custom::kDataType<T>) throw sardonyx::custom::Unsupported("another element type");
    if (lambd_ < 0) throw sardonyx::custom::Error("attribute 'lambd' is " + std::to_string(lambd_) + "; it must not be negative");
  }

  void Compute(Run& run) const {
    const auto input = run.input(0);
    const auto x = input.as<T>();
    const T lambd = run.num_inputs() > 1 && run.has_input(1) ? run.input(1).as<T>().front() : static_cast<T>(lambd_);
    const auto y = run.output<T>(0, *input.dims);
    run.ParallelFor(static_cast<int64_t>(x.size()), 0.5, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = std::abs(x[i]) > lambd ? x[i] : T{0};
    });
  }

 private:
  float lambd_;
};

class RowTop {
 public:
  static void Infer(Node& node) {
    const auto x = node.input_type(0);
    if (!x || !x->dims) return;
    if (x->dims->size() != 2) throw sardonyx::custom::Error("X must be a matrix");
    const int64_t k = node.attribute<int64_t>("k"), columns = (*x->dims)[1];
    if (columns >= 0 && k > columns)
      throw sardonyx::custom::Error("k is " + std::to_string(k) + ", but rows have " + std::to_string(columns));
    // Rows may be a symbol of the model ("batch"): the number that stands for it is passed on as it is.
    node.SetOutput(0, 1, std::vector<int64_t>{(*x->dims)[0], k});
    if (node.num_outputs() > 1) node.SetOutput(1, 7, std::vector<int64_t>{(*x->dims)[0]});
  }

  explicit RowTop(Node& node) : k_(node.attribute<int64_t>("k")) {
    if (k_ < 1) throw sardonyx::custom::Error("k must be positive");
  }

  void Compute(Run& run) const {
    const auto input = run.input(0);
    if (input.dims->size() != 2 || (*input.dims)[1] < k_) throw sardonyx::custom::Error("X must be a matrix of at least k columns");
    const int64_t rows = (*input.dims)[0], columns = (*input.dims)[1];
    const auto x = input.as<float>();
    const auto values = run.output<float>(0, {rows, k_});
    const auto distinct = run.num_outputs() > 1 ? run.output<int64_t>(1, {rows}) : std::span<int64_t>();
    auto* row = static_cast<float*>(run.workspace(static_cast<size_t>(columns) * sizeof(float)));
    for (int64_t r = 0; r < rows; ++r) {
      run.CheckInterrupted();
      std::copy_n(x.data() + r * columns, columns, row);
      std::partial_sort(row, row + k_, row + columns, std::greater<>());
      std::copy_n(row, k_, values.data() + r * k_);
      if (!distinct.empty()) distinct[r] = std::unique(row, row + k_) - row;
    }
  }

 private:
  int64_t k_;
};

using sardonyx::custom::Entry;

}  // namespace

SARDONYX_CUSTOM_OPS(kSchemas, Entry<HardShrink<float>>("example.ops", "HardShrink"), Entry<HardShrink<double>>("example.ops", "HardShrink"),
                    Entry<RowTop>("example.ops", "RowTop"))
