// operator_suite FILE... [--filter REGEX]: runs the cases of the files on every instruction set that the kernels are compiled
// for, with one thread and with two, and holds what comes out against a reference. README.md says how cases are written.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <regex>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "case.h"
#include "ir/model.h"
#include "kernels/elementwise/convert.h"
#include "kernels/gemm/simd_choice.h"
#include "reference.h"
#include "sardonyx/session.h"

namespace sardonyx::operators {
namespace {

bool IsNumber(DataType type) { return IsFloatingPoint(type) || IsInteger(type) || type == DataType::kBool; }

Array ToArray(const Tensor& tensor) {
  Array array(std::vector<int64_t>(tensor.dims().begin(), tensor.dims().end()));
  kernels::ConvertElements(tensor.dtype(), tensor.raw_data(), DataType::kDouble, array.values.data(), 0, tensor.num_elements());
  return array;
}

StatusOr<std::vector<Value>> Run(const Case& one, const std::vector<Value>& inputs, int threads, Feed feed) {
  ASSIGN_OR_RETURN(const Model model, MakeModel(one, inputs, feed));
  SessionOptions options;
  options.threads = threads;
  ASSIGN_OR_RETURN(const Session session, Session::Create(model, options));
  std::vector<Session::NamedValue> named;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_none() && !(inputs[i].is_tensor() && IsConstant(feed, i))) named.emplace_back(fmt::format("x{}", i), inputs[i]);
  return session.Run(named);
}

// The values that the outputs should have: of the plain reference, else of the node in double. Empty when neither exists.
StatusOr<std::vector<Array>> Expect(const Case& one, const ops::OpSchema& schema, const std::vector<Value>& inputs, DataType type) {
  if (one.only_bits) return std::vector<Array>();
  for (const Value& input : inputs)
    if (input.is_tensor() && !IsNumber(input.tensor().dtype())) return std::vector<Array>();
  if (const Reference* reference = FindReference(schema)) {
    Arrays arrays;
    for (const Value& input : inputs) arrays.push_back(input.is_tensor() ? std::optional(ToArray(input.tensor())) : std::nullopt);
    ASSIGN_OR_RETURN(const Model model, MakeModel(one, inputs, Feed::kAllGiven));
    std::vector<Array> outputs = (*reference)(ReferenceNode{*model.ir().graph->nodes().back(), schema, one.opset}, arrays);
    if (!outputs.empty()) return outputs;
  }
  std::vector<Value> wide;
  bool takes_double = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ops::FormalParameter* parameter = schema.input(i);
    const ops::TypeConstraint* constraint = parameter != nullptr ? schema.constraint(parameter->type) : nullptr;
    const bool of_type = !one.inputs[i].omitted && !one.inputs[i].dtype && inputs[i].tensor().dtype() == type && constraint != nullptr;
    const bool can = of_type && std::find(constraint->types.begin(), constraint->types.end(), "tensor(double)") != constraint->types.end();
    if (of_type && !can) return std::vector<Array>();
    takes_double = takes_double || can;
    wide.push_back(can ? ToDouble(inputs[i]) : inputs[i]);
  }
  if (!takes_double) return std::vector<Array>();
  ASSIGN_OR_RETURN(const std::vector<Value> outputs, Run(one, wide, 1, Feed::kAllGiven));
  std::vector<Array> arrays;
  for (const Value& output : outputs) {
    if (!output.is_tensor() || !IsNumber(output.tensor().dtype())) return std::vector<Array>();
    arrays.push_back(ToArray(output.tensor()));
  }
  return arrays;
}

double ToleranceOf(DataType type) {
  switch (type) {
    case DataType::kDouble:
      return 1e-6;  // some functions are computed with float coefficients
    case DataType::kFloat:
      return 1e-5;
    case DataType::kFloat16:
      return 4e-3;
    case DataType::kBfloat16:
      return 3e-2;
    default:
      return 0.1;  // floats of 8 bits and less
  }
}

// Empty, or how an output differs. Integers are what a cast of the expected value gives; floats are within the tolerance of
// the less precise of input and output, relative to the largest value.
std::string Compare(const Tensor& got, const Array& expected, DataType type, std::optional<double> tolerance) {
  if (!(got.dims() == Dims(expected.dims))) return fmt::format("dims {} for {}", got.dims().ToString(), Dims(expected.dims).ToString());
  const Array values = ToArray(got);
  const bool real = IsFloatingPoint(got.dtype());
  double largest = 0;
  for (double v : expected.values)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  double limit = tolerance.value_or(0);
  if (real) limit = tolerance.value_or(std::max(ToleranceOf(got.dtype()), IsFloatingPoint(type) ? ToleranceOf(type) : 0)) * largest;
  for (size_t i = 0; i < values.values.size(); ++i) {
    double want = expected.values[i];
    if (!real) {
      const auto whole = static_cast<int64_t>(std::trunc(want));
      std::byte cast[8] = {};
      kernels::ConvertElements(DataType::kInt64, &whole, got.dtype(), cast, 0, 1);
      kernels::ConvertElements(got.dtype(), cast, DataType::kDouble, &want, 0, 1);
    }
    const double have = values.values[i];
    const bool same = std::isfinite(want) ? std::abs(have - want) <= limit : have == want || (std::isnan(have) && std::isnan(want));
    if (!same) return fmt::format("element {} of {} is {:.9g}, not {:.9g} (within {:.3g})", i, values.values.size(), have, want, limit);
  }
  return "";
}

bool SameBits(const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].is_tensor() || a[i].tensor().dtype() == DataType::kString) continue;
    if (a[i].tensor().byte_size() != b[i].tensor().byte_size()) return false;
    if (a[i].tensor().byte_size() > 0 && std::memcmp(a[i].tensor().raw_data(), b[i].tensor().raw_data(), a[i].tensor().byte_size()) != 0)
      return false;
  }
  return true;
}

// A refusal names the operator and says what was foreseen.
std::string JudgeRefusal(const Case& one, const Status& status) {
  if (status.ok()) return "was computed, not refused";
  const std::string text = status.ToString();
  if (text.find(one.op_type) == std::string::npos) return fmt::format("the error does not name the operator: {}", text);
  if (text.find(*one.refusal) == std::string::npos) return fmt::format("another error: {}", text);
  return "";
}

// Empty, or what is wrong with a case at one type.
StatusOr<std::string> Judge(const Case& one, const ops::OpSchema& schema, DataType type) {
  ASSIGN_OR_RETURN(const std::vector<Value> inputs, MakeInputs(one, schema, type));
  if (one.refusal) return JudgeRefusal(one, Run(one, inputs, 1, Feed::kAllGiven).status());
  ASSIGN_OR_RETURN(const std::vector<Array> expected, Expect(one, schema, inputs, type));
  std::vector<Feed> feeds;
  if (!one.only_constants) feeds.push_back(Feed::kAllGiven);
  if (inputs.size() > 1) feeds.push_back(Feed::kFirstGiven);
  for (const std::string& target : kernels::SimdTargets()) {
    RETURN_IF_ERROR(kernels::ChooseSimdTarget(target));
    for (const Feed feed : feeds) {
      ASSIGN_OR_RETURN(const std::vector<Value> outputs, Run(one, inputs, 1, feed));
      ASSIGN_OR_RETURN(const std::vector<Value> threaded, Run(one, inputs, 2, feed));
      std::string problem;
      if (!SameBits(outputs, threaded)) problem = "two threads give other bits than one";
      for (size_t i = 0; i < expected.size() && i < outputs.size() && problem.empty(); ++i)
        problem = Compare(outputs[i].tensor(), expected[i], type, one.tolerance);
      if (!problem.empty()) return fmt::format("on {}{}: {}", target, feed == Feed::kFirstGiven ? " with constants" : "", problem);
    }
  }
  return std::string();
}

struct Counts {
  int cases = 0, runs = 0, failures = 0;
};

void RunCase(const Case& one, Counts& counts) {
  ++counts.cases;
  const auto fail = [&](std::string_view type, std::string_view why) {
    ++counts.failures;
    fmt::print("{}: {}\n  {}: {}\n", one.place, one.source, type, why);
  };
  const StatusOr<const ops::OpSchema*> schema = SchemaOf(one);
  if (!schema.ok()) return fail("schema", schema.status().ToString());
  for (DataType type : TypesOf(one, **schema)) {
    ++counts.runs;
    const StatusOr<std::string> problem = Judge(one, **schema, type);
    const std::string why = problem.ok() ? *problem : problem.status().ToString();
    if (!why.empty()) fail(DataTypeName(type), why);
  }
  (void)kernels::ChooseSimdTarget("");
}

int Main(int argc, char** argv) {
  std::vector<std::string> files;
  std::regex filter(".*");
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--filter" && i + 1 < argc)
      filter = std::regex(argv[++i]);
    else
      files.emplace_back(argv[i]);
  }
  Counts counts;
  for (const std::string& file : files) {
    const StatusOr<std::vector<Case>> cases = ReadCases(file);
    if (!cases.ok()) {
      fmt::print("{}\n", cases.status().ToString());
      return 2;
    }
    for (const Case& one : *cases)
      if (std::regex_search(one.source, filter)) RunCase(one, counts);
  }
  fmt::print("{} cases, {} with their types, on {}: {} failures\n", counts.cases, counts.runs, fmt::join(kernels::SimdTargets(), " "),
             counts.failures);
  return counts.failures == 0 && counts.cases > 0 ? 0 : 1;
}

}  // namespace
}  // namespace sardonyx::operators

int main(int argc, char** argv) { return sardonyx::operators::Main(argc, argv); }
