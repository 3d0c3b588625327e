// What a step of a program costs besides its kernel: chains of operators on one number, as the model has them. The difference of two
// lengths is the operators' own; a kernel of one element is part of it.
#include <memory>
#include <string>
#include <vector>

#include "ir/text.h"
#include "measure.h"
#include "sardonyx/session.h"

namespace sardonyx::kernels {
namespace {

std::string Chain(int64_t operators, bool dynamic, bool identity) {
  std::string text = "<ir_version: 8, opset_import: [\"\" : 18]>\ng (float[" + std::string(dynamic ? "n" : "1") + "] x0) => (float[" +
                     (dynamic ? "n" : "1") + "] x" + std::to_string(operators) + ") {\n";
  for (int64_t i = 0; i < operators; ++i) text += "x" + std::to_string(i + 1) + " = " + (identity ? "Identity" : i % 2 ? "Neg" : "Abs") + "(x" + std::to_string(i) + ")\n";
  return text + "}\n";
}

// operators, whether shapes are known only when it runs, whether the operators do nothing at all. Not optimized, or the chain would become one operator.
void Dispatch(benchmark::State& state) {
  SessionOptions options;
  options.threads = 1;
  options.level = 0;
  auto model = ir::ParseText(Chain(state.range(0), state.range(1) != 0, state.range(2) != 0));
  if (!model.ok()) return state.SkipWithError(model.status().message().c_str());
  const auto session = Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))), options);
  if (!session.ok()) return state.SkipWithError(session.status().message().c_str());
  const std::vector<Value> inputs = {Tensor::From<float>({1}, {1})};
  std::vector<Value> outputs;
  for (auto _ : state)
    if (const Status status = session->RunInOrder(inputs, &outputs); !status.ok()) return state.SkipWithError(status.message().c_str());
  state.counters["s_an_operator"] = benchmark::Counter(static_cast<double>(state.range(0)) * static_cast<double>(state.iterations()),
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(Dispatch)->ArgNames({"operators", "dynamic", "identity"})->ArgsProduct({{1, 1000}, {0, 1}, {0, 1}});

}  // namespace
}  // namespace sardonyx::kernels
