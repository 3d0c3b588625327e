#include "optimize/version/widen.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "optimize/version/fit.h"

namespace sardonyx::optimize::version {
namespace {

// What may become of an element type without a change of the result.
enum class Use : uint8_t {
  kMoves,   // moves, compares or chooses elements: any type that holds every value will do
  kRounds,  // rounds each result once to the type: floats may be computed in a wider float, small integers in any wider type
  kWraps,   // integers wrap around: only wider integers; floats as kRounds
};

// Operators whose type variables say of which type all their tensors are, each between blanks.
constexpr std::string_view kMoving =
    " ArgMax ArgMin Clip Compress Concat DepthToSpace Equal Expand Flatten Gather GatherElements GatherND GlobalMaxPool Greater "
    "GreaterOrEqual Hardmax Identity IsInf IsNaN Less LessOrEqual Max MaxPool MaxRoiPool MaxUnpool Min NonZero Pad ReduceMax "
    "ReduceMin Relu Reshape ReverseSequence ScatterElements ScatterND Shape Sign Size Slice SpaceToDepth Split Squeeze Tile TopK "
    "Transpose Trilu Unique Unsqueeze Where ";
constexpr std::string_view kRounding =
    " Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Conv ConvTranspose Cos Cosh Dropout Elu Erf Exp "
    "Floor GlobalAveragePool GlobalLpPool GridSample HardSigmoid HardSwish InstanceNormalization LRN LeakyRelu Log LogSoftmax "
    "LpNormalization LpPool Mean Reciprocal ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMean RoiAlign Round Selu Sigmoid Sin Sinh "
    "Softmax Softplus Softsign Sqrt Sum Tan Tanh ThresholdedRelu ";
constexpr std::string_view kWrapping =
    " Abs Add CumSum Div Einsum Gemm MatMul Mod Mul Neg PRelu ReduceL1 ReduceProd ReduceSum ReduceSumSquare Sub ";

std::optional<Use> UseOf(std::string_view op_type) {
  const std::string word = fmt::format(" {} ", op_type);
  const auto is_in = [&](std::string_view names) { return names.find(word) != std::string_view::npos; };
  if (is_in(kMoving)) return Use::kMoves;
  if (is_in(kRounding)) return Use::kRounds;
  if (is_in(kWrapping)) return Use::kWraps;
  return std::nullopt;
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
    case kFloat6E2M3:
    case kFloat6E3M2:
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
  return cast && version >= 6 && Allows(*cast, "T1", from) && Allows(*cast, "T2", to) && Allows(*cast, "T1", to) &&
         Allows(*cast, "T2", from);
}

struct Widening {
  DataType from, to;
};

}  // namespace

bool WidenTypes(NodeEditor& editor, const ops::OpSchema& to) {
  const std::optional<Use> use = UseOf(to.name);
  if (!use || !to.domain.empty() || WhyTypesDoNotFit(editor.node(), to).empty()) return false;
  // By variable: the type that the node has and one that the operator takes instead.
  std::map<std::string_view, Widening> variables;
  const auto collect = [&](const ops::FormalParameter* parameter, const ir::Value* value) {
    if (!parameter || !value || !value->type.is_tensor() || !to.constraint(parameter->type)) return true;
    const DataType dtype = value->type.dtype;
    if (dtype == DataType::kUndefined || Allows(to, parameter->type, dtype)) return true;
    for (const DataType wide : Wider(dtype, *use)) {
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
    if (!input || found == variables.end() || input->type.dtype != found->second.from) continue;
    ir::Value* wide = editor.AddNode("Cast", {input}, cast_to(found->second.to), "wide");
    wide->type = input->type;
    wide->type.dtype = found->second.to;
    editor.SetInput(i, wide);
  }
  for (size_t i = 0; i < editor.node().outputs().size(); ++i) {
    const ops::FormalParameter* parameter = to.output(i);
    const auto found = parameter ? variables.find(parameter->type) : variables.end();
    const ir::Value* output = editor.node().output(i);
    if (!output || found == variables.end() || output->type.dtype != found->second.from) continue;
    const auto [fresh, old] = editor.DetachOutput(i, found->second.to);
    editor.AddNodeBehind("Cast", {fresh}, cast_to(found->second.from), old);
  }
  return true;
}

}  // namespace sardonyx::optimize::version
