// Bodies of operators that move or generate elements.
#include <fmt/ranges.h>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

// Reshape to `first`, transpose, reshape to `second`; both are lists of names of int64[1] values.
void Rearrange(FunctionBuilder& b, const std::vector<std::string>& first, const std::vector<int64_t>& permutation,
               const std::vector<std::string>& second) {
  b.Add("split_shape = Concat <axis = 0> ({})", fmt::join(first, ", "));
  b.Add("split = Reshape (input, split_shape)");
  b.Add("moved = Transpose <perm = [{}]> (split)", fmt::join(permutation, ", "));
  b.Add("shape = Concat <axis = 0> ({})", fmt::join(second, ", "));
  b.Add("output = Reshape (moved, shape)");
}

void SplitDims(FunctionBuilder& b) {
  for (int i = 0; i < 4; ++i) b.Add("{} = Shape <start = {}, end = {}> (input)", std::string(1, "nchw"[i]), i, i + 1);
}

}  // namespace

bool DepthToSpace(FunctionBuilder& b) {
  const int64_t block = b.Int("blocksize");
  if (block < 1 || block > INT32_MAX) return false;
  SplitDims(b);
  const std::string s = b.Ints({block}), s2 = b.Ints({block * block});
  b.Add("depth = Div (c, {})", s2);
  b.Add("height = Mul (h, {})", s);
  b.Add("width = Mul (w, {})", s);
  if (b.String("mode") == "CRD") {
    Rearrange(b, {"n", "depth", s, s, "h", "w"}, {0, 1, 4, 2, 5, 3}, {"n", "depth", "height", "width"});
  } else {
    Rearrange(b, {"n", s, s, "depth", "h", "w"}, {0, 3, 4, 1, 5, 2}, {"n", "depth", "height", "width"});
  }
  return true;
}

bool SpaceToDepth(FunctionBuilder& b) {
  const int64_t block = b.Int("blocksize");
  if (block < 1 || block > INT32_MAX) return false;
  SplitDims(b);
  const std::string s = b.Ints({block}), s2 = b.Ints({block * block});
  b.Add("depth = Mul (c, {})", s2);
  b.Add("height = Div (h, {})", s);
  b.Add("width = Div (w, {})", s);
  const bool crd = b.String("mode") == "CRD";
  Rearrange(b, {"n", "c", "height", s, "width", s}, crd ? std::vector<int64_t>{0, 1, 3, 5, 2, 4} : std::vector<int64_t>{0, 3, 5, 1, 2, 4},
            {"n", "depth", "height", "width"});
  return true;
}

// Crops what is too long and pads what is too short, along each axis at both ends, the odd element at the end.
bool CenterCropPad(FunctionBuilder& b) {
  const bool some_axes = b.HasAttribute("axes");
  const std::string zero = b.Scalar(0), two = b.Scalar(2), axes = some_axes ? ", axes" : "";
  b.Add("{} = Shape (input_data)", some_axes ? "input_shape" : "sizes");
  if (some_axes) {
    b.Add("axes = Constant <value_ints: ints = @axes> ()");
    b.Add("sizes = Gather (input_shape, axes)");
  }
  b.Add("wanted = Cast <to = 7> (shape)");
  b.Add("growth = Sub (wanted, sizes)");
  b.Add("padding = Max (growth, {})", zero);
  b.Add("shrinkage = Sub (sizes, wanted)");
  b.Add("cropping = Max (shrinkage, {})", zero);
  b.Add("crop_begin = Div (cropping, {})", two);
  b.Add("crop_length = Sub (sizes, cropping)");
  b.Add("crop_end = Add (crop_begin, crop_length)");
  b.Add("cropped = Slice (input_data, crop_begin, crop_end{})", axes);
  b.Add("pad_begin = Div (padding, {})", two);
  b.Add("pad_end = Sub (padding, pad_begin)");
  b.Add("pads = Concat <axis = 0> (pad_begin, pad_end)");
  b.Add("output_data = Pad (cropped, pads{})", some_axes ? ", , axes" : "");
  return true;
}

// Points of a regular grid in homogeneous coordinates (x, y[, z], 1), one a column, multiplied by the matrices.
bool AffineGrid(FunctionBuilder& b) {
  const std::optional<int64_t> rows = b.InputDim(0, 1), sizes = b.InputDim(1, 0);
  const int64_t axes = rows ? *rows : sizes ? *sizes - 2 : 0;
  if (axes != 2 && axes != 3) return false;
  const std::string zero = b.Scalar(0), one = b.Scalar(1), two = b.Scalar(2), row = b.Ints({1, -1});
  b.Add("spatial = Slice (size, {}, {})", b.Ints({2}), b.Ints({2 + axes}));
  std::vector<std::string> points;
  for (int64_t axis = axes - 1; axis >= 0; --axis) {  // x is the innermost axis
    std::vector<int64_t> others;
    for (int64_t other = 0; other < axes; ++other) {
      if (other != axis) others.push_back(other);
    }
    // Element i of n lies at (2i - (n - 1)) / n, or with aligned corners / (n - 1).
    b.Add("n_{0} = Gather (size, {1})", axis, b.Scalar(2 + axis));
    b.Add("last_{0} = Sub (n_{0}, {1})", axis, one);
    b.Add("index_{0} = Range ({1}, n_{0}, {2})", axis, zero, one);
    b.Add("twice_{0} = Mul (index_{0}, {1})", axis, two);
    b.Add("centered_{0} = Sub (twice_{0}, last_{0})", axis);
    b.Add("span_{0} = Max ({1}_{0}, {2})", axis, b.Int("align_corners") != 0 ? "last" : "n", one);
    b.Add("centered_double_{0} = Cast <to = 11> (centered_{0})", axis);
    b.Add("span_double_{0} = Cast <to = 11> (span_{0})", axis);
    b.Add("at_double_{0} = Div (centered_double_{0}, span_double_{0})", axis);
    b.Add("at_{0} = CastLike (at_double_{0}, theta)", axis);
    b.Add("along_{0} = Unsqueeze (at_{0}, {1})", axis, b.Ints(others));
    b.Add("everywhere_{0} = Expand (along_{0}, spatial)", axis);
    b.Add("row_{0} = Reshape (everywhere_{0}, {1})", axis, row);
    points.push_back(fmt::format("row_{}", axis));
  }
  b.Add("row_shape = Shape (row_0)");
  b.Add("ones = Expand ({}, row_shape)", b.NumberLike(1, "theta"));
  points.push_back("ones");
  b.Add("points = Concat <axis = 0> ({})", fmt::join(points, ", "));
  b.Add("mapped = MatMul (theta, points)");
  b.Add("by_point = Transpose <perm = [0, 2, 1]> (mapped)");
  b.Add("batch = Shape <start = 0, end = 1> (theta)");
  b.Add("grid_shape = Concat <axis = 0> (batch, spatial, {})", b.Ints({axes}));
  b.Add("grid = Reshape (by_point, grid_shape)");
  return true;
}

// A loop over the first sequence that inserts what the subgraph gives for each position into the output sequences.
bool SequenceMap(FunctionBuilder& b) {
  const ir::Node& node = b.node();
  const ir::Graph* body = node.GetGraph("body");
  if (!body || body->outputs().size() != node.outputs().size()) return false;
  std::vector<std::string> empties, carried, declared, results;
  for (size_t k = 0; k < node.outputs().size(); ++k) {
    const ir::Type& type = body->outputs()[k].value->type;
    const ir::Type* element = type.is_tensor() ? &type : node.output(k) ? node.output(k)->type.element.get() : nullptr;
    if (!element || !element->is_tensor() || element->dtype == DataType::kUndefined) return false;
    b.Add("empty_{} = SequenceEmpty <dtype = {}> ()", k, static_cast<int>(element->dtype));
    empties.push_back(fmt::format("empty_{}", k));
    declared.push_back(fmt::format("seq({}[]) before_{}", DataTypeName(element->dtype), k));
    carried.push_back(fmt::format("after_{}", k));
    results.push_back(b.OutputName(k));
  }
  std::string lines;
  std::vector<std::string> arguments, given;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.input(i) || !node.input(i)->type.known()) return false;
    const bool is_sequence = node.input(i)->type.kind == ir::Type::Kind::kSequence;
    if (is_sequence) lines += fmt::format(" at_{0} = SequenceAt ({1}, i)", i, b.InputName(i));
    arguments.push_back(is_sequence ? fmt::format("at_{}", i) : b.InputName(i));
  }
  for (size_t k = 0; k < node.outputs().size(); ++k) given.push_back(fmt::format("given_{}", k));
  lines += fmt::format(" {} = Subgraph.body ({})", fmt::join(given, ", "), fmt::join(arguments, ", "));
  for (size_t k = 0; k < node.outputs().size(); ++k) lines += fmt::format(" after_{0} = SequenceInsert (before_{0}, given_{0})", k);
  b.Add("count = SequenceLength ({})", b.InputName(0));
  b.Add("always = Constant <value = bool {{1}}> ()");
  b.Add("{} = Loop <body = each (int64 i, bool go, {}) => (bool go_on, {}) {{ go_on = Identity (go){} }}> (count, always, {})",
        fmt::join(results, ", "), fmt::join(declared, ", "), fmt::join(carried, ", "), lines, fmt::join(empties, ", "));
  return true;
}

}  // namespace sardonyx::ops::builders
