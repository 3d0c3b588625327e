#include "optimize/version/widen.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "optimize/version/fit.h"

namespace sardonyx::optimize::version {
namespace {

// What may become of an element type without a change of the result.
enum class Use : uint8_t {
  kMoves,    // moves, compares or chooses elements: any type that holds every value will do
  kRounds,   // rounds each result once to the type: floats may be computed in a wider float, small integers in any wider type
  kWraps,    // integers wrap around: only wider integers; floats as kRounds
};

struct Row {
  std::string_view op_type;
  Use use;
};

// Operators whose only type is that of all their inputs and outputs that share a variable, sorted by name.
constexpr Row kRows[] = {
    {"Abs", Use::kWraps},         {"Acos", Use::kRounds},        {"Acosh", Use::kRounds},       {"Add", Use::kWraps},
    {"ArgMax", Use::kMoves},      {"ArgMin", Use::kMoves},       {"Asin", Use::kRounds},        {"Asinh", Use::kRounds},
    {"Atan", Use::kRounds},       {"Atanh", Use::kRounds},       {"AveragePool", Use::kRounds}, {"BatchNormalization", Use::kRounds},
    {"Ceil", Use::kRounds},       {"Celu", Use::kRounds},        {"Clip", Use::kMoves},         {"Compress", Use::kMoves},
    {"Concat", Use::kMoves},      {"Conv", Use::kRounds},        {"ConvTranspose", Use::kRounds}, {"Cos", Use::kRounds},
    {"Cosh", Use::kRounds},       {"CumSum", Use::kWraps},       {"DepthToSpace", Use::kMoves}, {"Div", Use::kWraps},
    {"Dropout", Use::kRounds},    {"Einsum", Use::kWraps},       {"Elu", Use::kRounds},         {"Equal", Use::kMoves},
    {"Erf", Use::kRounds},        {"Exp", Use::kRounds},         {"Expand", Use::kMoves},       {"EyeLike", Use::kMoves},
    {"Flatten", Use::kMoves},     {"Floor", Use::kRounds},       {"Gather", Use::kMoves},       {"GatherElements", Use::kMoves},
    {"GatherND", Use::kMoves},    {"Gemm", Use::kWraps},         {"GlobalAveragePool", Use::kRounds}, {"GlobalLpPool", Use::kRounds},
    {"GlobalMaxPool", Use::kMoves}, {"Greater", Use::kMoves},    {"GreaterOrEqual", Use::kMoves}, {"GridSample", Use::kRounds},
    {"HardSigmoid", Use::kRounds}, {"HardSwish", Use::kRounds},  {"Hardmax", Use::kMoves},      {"Identity", Use::kMoves},
    {"InstanceNormalization", Use::kRounds}, {"IsInf", Use::kMoves}, {"IsNaN", Use::kMoves},    {"LRN", Use::kRounds},
    {"LeakyRelu", Use::kRounds},  {"Less", Use::kMoves},         {"LessOrEqual", Use::kMoves},  {"Log", Use::kRounds},
    {"LogSoftmax", Use::kRounds}, {"LpNormalization", Use::kRounds}, {"LpPool", Use::kRounds},  {"MatMul", Use::kWraps},
    {"Max", Use::kMoves},         {"MaxPool", Use::kMoves},      {"MaxRoiPool", Use::kMoves},   {"MaxUnpool", Use::kMoves},
    {"Mean", Use::kRounds},       {"Min", Use::kMoves},          {"Mod", Use::kWraps},          {"Mul", Use::kWraps},
    {"Neg", Use::kWraps},         {"NonZero", Use::kMoves},      {"PRelu", Use::kWraps},        {"Pad", Use::kMoves},
    {"Reciprocal", Use::kRounds}, {"ReduceL1", Use::kWraps},     {"ReduceL2", Use::kRounds},    {"ReduceLogSum", Use::kRounds},
    {"ReduceLogSumExp", Use::kRounds}, {"ReduceMax", Use::kMoves}, {"ReduceMean", Use::kRounds}, {"ReduceMin", Use::kMoves},
    {"ReduceProd", Use::kWraps},  {"ReduceSum", Use::kWraps},    {"ReduceSumSquare", Use::kWraps}, {"Relu", Use::kMoves},
    {"Reshape", Use::kMoves},     {"ReverseSequence", Use::kMoves}, {"RoiAlign", Use::kRounds}, {"Round", Use::kRounds},
    {"ScatterElements", Use::kMoves}, {"ScatterND", Use::kMoves}, {"Selu", Use::kRounds},       {"Shape", Use::kMoves},
    {"Sigmoid", Use::kRounds},    {"Sign", Use::kMoves},         {"Sin", Use::kRounds},         {"Sinh", Use::kRounds},
    {"Size", Use::kMoves},        {"Slice", Use::kMoves},        {"Softmax", Use::kRounds},     {"Softplus", Use::kRounds},
    {"Softsign", Use::kRounds},   {"SpaceToDepth", Use::kMoves}, {"Split", Use::kMoves},        {"Sqrt", Use::kRounds},
    {"Squeeze", Use::kMoves},     {"Sub", Use::kWraps},          {"Sum", Use::kRounds},         {"Tan", Use::kRounds},
    {"Tanh", Use::kRounds},       {"ThresholdedRelu", Use::kRounds}, {"Tile", Use::kMoves},     {"TopK", Use::kMoves},
    {"Transpose", Use::kMoves},   {"Trilu", Use::kMoves},        {"Unique", Use::kMoves},       {"Unsqueeze", Use::kMoves},
    {"Where", Use::kMoves},
};
static_assert(std::is_sorted(std::begin(kRows), std::end(kRows), [](const Row& a, const Row& b) { return a.op_type < b.op_type; }));

const Row* FindRow(std::string_view op_type) {
  const auto* row = std::lower_bound(std::begin(kRows), std::end(kRows), op_type, [](const Row& a, std::string_view b) { return a.op_type < b; });
  return row != std::end(kRows) && row->op_type == op_type ? row : nullptr;
}

// Types that hold every value of `dtype`, narrowest first; none for those that nothing holds.
std::vector<DataType> Wider(DataType dtype, Use use) {
  using enum DataType;
  std::vector<DataType> types;
  switch (dtype) {
    case kBool:
      if (use == Use::kMoves) types = {kUint8, kInt32, kFloat};
      break;
    case kUint2:
    case kUint4:
    case kUint8:
    case kUint16:
      types = {kUint8, kUint16, kUint32, kInt32, kUint64, kInt64};
      if (use != Use::kWraps) types.insert(types.end(), {kFloat, kDouble});
      break;
    case kInt2:
    case kInt4:
    case kInt8:
    case kInt16:
      types = {kInt8, kInt16, kInt32, kInt64};
      if (use != Use::kWraps) types.insert(types.end(), {kFloat, kDouble});
      break;
    case kInt32:
    case kUint32:
      types = {kInt64};
      if (use != Use::kWraps) types.push_back(kDouble);
      break;
    case kFloat8E4M3FN:
    case kFloat8E4M3FNUZ:
    case kFloat8E5M2:
    case kFloat8E5M2FNUZ:
    case kFloat4E2M1:
    case kFloat16:
    case kBfloat16:
      types = {kFloat, kDouble};
      break;
    default:
      break;
  }
  // Equal width is no wider: int8 stands in the list of int4 too.
  std::erase_if(types, [&](DataType t) { return t == dtype || BitsPerElement(t) < BitsPerElement(dtype); });
  return types;
}

bool Allows(const ops::OpSchema& schema, std::string_view variable, DataType dtype) {
  const ops::TypeConstraint* constraint = schema.constraint(variable);
  if (!constraint) return false;
  const std::string spelling = ir::Type::Tensor(dtype).Spelling();
  return std::find(constraint->types.begin(), constraint->types.end(), spelling) != constraint->types.end();
}

bool CastExists(int64_t version, DataType from, DataType to) {
  const ops::OpSchema* cast = ops::FindSchema("", "Cast", version);
  return cast && version >= 6 && Allows(*cast, "T1", from) && Allows(*cast, "T2", to) && Allows(*cast, "T1", to) && Allows(*cast, "T2", from);
}

struct Widening {
  DataType from, to;
};

}  // namespace

bool WidenTypes(NodeEditor& editor, const ops::OpSchema& to) {
  const Row* row = FindRow(to.name);
  if (!row || !to.domain.empty() || WhyTypesDoNotFit(editor.node(), to).empty()) return false;
  // By variable: the type that the node has and one that the operator takes instead.
  std::map<std::string_view, Widening> variables;
  const auto collect = [&](const ops::FormalParameter* parameter, const ir::Value* value) {
    if (!parameter || !value || !value->type.is_tensor() || !to.constraint(parameter->type)) return true;
    const DataType dtype = value->type.dtype;
    if (dtype == DataType::kUndefined || Allows(to, parameter->type, dtype)) return true;
    for (const DataType wide : Wider(dtype, row->use)) {
      if (!Allows(to, parameter->type, wide) || !CastExists(editor.to(), dtype, wide)) continue;
      const auto [found, inserted] = variables.try_emplace(parameter->type, Widening{dtype, wide});
      return inserted || found->second.from == dtype;
    }
    return false;
  };
  const ir::Node& node = editor.node();
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (!collect(to.input(i), node.input(i))) return false;
  for (size_t i = 0; i < node.outputs().size(); ++i)
    if (!collect(to.output(i), node.output(i))) return false;
  if (variables.empty()) return false;

  const auto cast_to = [](DataType dtype) { return std::vector{ir::Attribute("to", static_cast<int64_t>(dtype))}; };
  for (size_t i = 0; i < editor.node().inputs().size(); ++i) {
    ir::Value* input = editor.node().input(i);
    const ops::FormalParameter* parameter = to.input(i);
    const auto found = parameter ? variables.find(parameter->type) : variables.end();
    if (!input || found == variables.end()) continue;
    ir::Value* wide = editor.AddNode("Cast", {input}, cast_to(found->second.to), "wide");
    wide->type = input->type;
    wide->type.dtype = found->second.to;
    editor.SetInput(i, wide);
  }
  for (size_t i = 0; i < editor.node().outputs().size(); ++i) {
    const ops::FormalParameter* parameter = to.output(i);
    const auto found = parameter ? variables.find(parameter->type) : variables.end();
    if (!editor.node().output(i) || found == variables.end()) continue;
    const auto [fresh, old] = editor.DetachOutput(i, found->second.to);
    editor.AddNodeBehind("Cast", {fresh}, cast_to(found->second.from), old);
  }
  return true;
}

}  // namespace sardonyx::optimize::version
