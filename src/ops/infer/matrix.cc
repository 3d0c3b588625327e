// Matrix products, determinants and einsum.
#include "ops/infer/matrix.h"

#include <cctype>
#include <map>

#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

StatusOr<Shape> MatMulShape(InferenceContext& context, Shape a, Shape b) {
  if (a.rank() == 0 || b.rank() == 0) return Invalid("a scalar cannot be multiplied as a matrix");
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = Shape{Dim(1), a[0]};
  if (column) b = Shape{b[0], Dim(1)};
  const Dim inner_a = a[a.rank() - 1], inner_b = b[b.rank() - 2];
  if (inner_a.is_constant() && inner_b.is_constant() && !(inner_a == inner_b))
    return Invalid(fmt::format("{} and {} cannot be multiplied: inner sizes {} and {} differ", a.ToString(), b.ToString(), inner_a.value(),
                               inner_b.value()));
  ASSIGN_OR_RETURN(Shape result, Broadcast(context, SubShape(a, 0, a.rank() - 2), SubShape(b, 0, b.rank() - 2)));
  if (!row) result.Append(a[a.rank() - 2]);
  if (!column) result.Append(b[b.rank() - 1]);
  return result;
}

Shape TransposedMatrix(Shape shape) {
  if (shape.rank() >= 2) std::swap(shape[shape.rank() - 1], shape[shape.rank() - 2]);
  return shape;
}

Status InferMatMulOf(InferenceContext& context, size_t a, size_t b, DataType dtype) {
  const Shape* left = context.input_shape(a);
  const Shape* right = context.input_shape(b);
  std::optional<Shape> shape;
  if (left != nullptr && right != nullptr) {
    ASSIGN_OR_RETURN(shape, MatMulShape(context, *left, *right));
  }
  context.SetOutput(0, dtype, std::move(shape));
  return {};
}

Status InferGemmOf(InferenceContext& context, size_t a, size_t b, DataType dtype) {
  RETURN_IF_ERROR(RequireRank(context, a, 2));
  RETURN_IF_ERROR(RequireRank(context, b, 2));
  const Shape* left = context.input_shape(a);
  const Shape* right = context.input_shape(b);
  const bool transpose_a = GetInt(context, "transA") != 0, transpose_b = GetInt(context, "transB") != 0;
  Dim rows, columns, inner_a, inner_b;
  if (left != nullptr) {
    rows = (*left)[transpose_a ? 1 : 0];
    inner_a = (*left)[transpose_a ? 0 : 1];
  }
  if (right != nullptr) {
    columns = (*right)[transpose_b ? 0 : 1];
    inner_b = (*right)[transpose_b ? 1 : 0];
  }
  RETURN_IF_ERROR(
      EqualDims(inner_a, inner_b, fmt::format("inner sizes of {} and {}", InputLabel(context, a), InputLabel(context, b))).status());
  context.SetOutput(0, dtype, Shape{rows, columns});
  return {};
}

Status InferMatMul(InferenceContext& context) { return InferMatMulOf(context, 0, 1, kBySchema); }
Status InferMatMulInteger(InferenceContext& context) { return InferMatMulOf(context, 0, 1, DataType::kInt32); }
Status InferQLinearMatMul(InferenceContext& context) { return InferMatMulOf(context, 0, 3, context.input_dtype(7)); }

Status InferGemm(InferenceContext& context) {
  RETURN_IF_ERROR(InferGemmOf(context, 0, 1, context.input_dtype(0)));
  const Shape* c = context.input_shape(2);
  const Shape* a = context.input_shape(0);
  const Shape* b = context.input_shape(1);
  constexpr int kNumpyBroadcast = 7;
  if (a == nullptr || b == nullptr || c == nullptr || context.schema().since_version < kNumpyBroadcast) return {};
  const Dim rows = (*a)[GetInt(context, "transA") != 0 ? 1 : 0], columns = (*b)[GetInt(context, "transB") != 0 ? 0 : 1];
  const Shape product{rows, columns};
  ASSIGN_OR_RETURN(const Shape sum, Broadcast(context, product, *c));
  const auto grows = [](const Dim& from, const Dim& to) { return from.is_constant() && to.is_constant() && !(from == to); };
  if (sum.rank() != 2 || grows(rows, sum[0]) || grows(columns, sum[1]))
    return Invalid(fmt::format("{} {} cannot be broadcast to {}", InputLabel(context, 2), c->ToString(), product.ToString()));
  return {};
}

Status InferDet(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 2));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    RETURN_IF_ERROR(EqualDims((*shape)[shape->rank() - 1], (*shape)[shape->rank() - 2], "rows and columns").status());
    shape = SubShape(*shape, 0, shape->rank() - 2);
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

namespace {

// "ij...,jk->ik": one list of letters a term, where '.' stands for an ellipsis.
StatusOr<std::string> Term(std::string_view text) {
  std::string term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "..." && term.find('.') == std::string::npos) {
      term += '.';
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      term += text[i];
    } else {
      return Invalid(fmt::format("equation has '{}' where a letter or an ellipsis is expected", text[i]));
    }
  }
  return term;
}

struct Equation {
  std::vector<std::string> inputs;
  std::optional<std::string> output;
};

StatusOr<Equation> ParseEquation(std::string_view text) {
  Equation equation;
  const size_t arrow = text.find("->");
  if (arrow != std::string_view::npos) {
    ASSIGN_OR_RETURN(equation.output, Term(text.substr(arrow + 2)));
    text = text.substr(0, arrow);
  }
  while (true) {
    const size_t comma = text.find(',');
    ASSIGN_OR_RETURN(std::string term, Term(text.substr(0, comma)));
    equation.inputs.push_back(std::move(term));
    if (comma == std::string_view::npos) return equation;
    text = text.substr(comma + 1);
  }
}

// Sizes of the letters and of the ellipsis, gathered from one input.
Status GatherSizes(InferenceContext& context, const std::string& term, size_t i, std::map<char, Dim>& sizes, Shape& ellipsis) {
  const Shape& shape = *context.input_shape(i);
  const bool open = term.find('.') != std::string::npos;
  const size_t letters = term.size() - (open ? 1 : 0);
  if (shape.rank() < letters || (!open && shape.rank() != letters))
    return Invalid(fmt::format("term '{}' of the equation does not fit input {} {}", term, i, shape.ToString()));
  size_t axis = 0;
  for (const char c : term) {
    if (c == '.') {
      const size_t count = shape.rank() - letters;
      ASSIGN_OR_RETURN(ellipsis, Broadcast(context, ellipsis, SubShape(shape, axis, axis + count)));
      axis += count;
      continue;
    }
    const auto [found, inserted] = sizes.try_emplace(c, shape[axis]);
    if (!inserted && found->second.is_constant(1)) {
      found->second = shape[axis];
    } else if (!inserted && !shape[axis].is_constant(1)) {
      ASSIGN_OR_RETURN(found->second, EqualDims(found->second, shape[axis], fmt::format("sizes of '{}'", c)));
    }
    ++axis;
  }
  return {};
}

}  // namespace

Status InferEinsum(InferenceContext& context) {
  ASSIGN_OR_RETURN(Equation equation, ParseEquation(GetString(context, "equation")));
  if (equation.inputs.size() != context.num_inputs())
    return Invalid(fmt::format("the equation has {} terms for {} inputs", equation.inputs.size(), context.num_inputs()));
  std::map<char, Dim> sizes;
  Shape ellipsis;
  bool all_known = true, has_ellipsis = false;
  std::map<char, int> uses;
  for (size_t i = 0; i < equation.inputs.size(); ++i) {
    for (const char c : equation.inputs[i]) c == '.' ? static_cast<void>(has_ellipsis = true) : static_cast<void>(++uses[c]);
    if (context.input_shape(i) == nullptr)
      all_known = false;
    else
      RETURN_IF_ERROR(GatherSizes(context, equation.inputs[i], i, sizes, ellipsis));
  }
  if (!equation.output) {
    // Without an arrow: the ellipsis, then every letter that occurs once, in alphabetical order.
    equation.output = has_ellipsis ? "." : "";
    for (const auto& [letter, count] : uses)
      if (count == 1) *equation.output += letter;
  }
  Shape shape;
  for (const char c : *equation.output) {
    if (c == '.') {
      if (!all_known) {
        context.SetOutput(0, kBySchema, std::nullopt);
        return {};
      }
      for (const Dim& dim : ellipsis.dims()) shape.Append(dim);
      continue;
    }
    if (!uses.contains(c)) return Invalid(fmt::format("the equation's result has '{}', which no input has", c));
    const auto found = sizes.find(c);
    shape.Append(found == sizes.end() ? Dim() : found->second);
  }
  context.SetOutput(0, kBySchema, std::move(shape));
  return {};
}

}  // namespace sardonyx::ops::infer
