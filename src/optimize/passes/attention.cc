// Attention, with its heads, its cache and its rotary embedding, from the operators that exporters write for it.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"
#include "optimize/passes/views.h"

namespace sardonyx::optimize {
namespace {

bool HasRank(const ir::Shape* shape, size_t rank) { return shape && shape->rank() == rank; }

bool SameDim(const ir::Dim& a, const ir::Dim& b) { return a == b; }

// ---- Transposed keys, brought to Transpose{0,1,3,2} of [batch, heads, positions, size].

// A chain of Reshapes and Transposes is one of each.
bool IsRearranged(Match& m) {
  const auto view = ViewOf(m.root().output(0));
  if (!view || view->transposes == 0 || view->gathers != 0 || view->base == m.root().output(0)) return false;
  int64_t elements = 1;
  for (int64_t dim : view->base_dims) elements *= dim;
  const auto arrangement = ArrangementOf(*view, elements);
  if (!arrangement || arrangement->columns != elements) return false;
  m.SetValue("x", view->base);
  m.SetConstant("shape", Tensor::From(Dims{static_cast<int64_t>(arrangement->shape.size())}, arrangement->shape));
  m.SetAttribute("perm", arrangement->perm);
  return true;
}

// A slice of a chain behind a product by weights, where queries, keys and values come from one: the product by those columns alone.
bool IsSliceOfLinear(Match& m) {
  const auto view = ViewOf(m.root().output(0));
  const ir::Node* linear = view && view->gathers > 0 ? view->base->producer() : nullptr;
  if (!linear || linear->op_type != "Linear" || !linear->attributes().empty() || linear->inputs().size() > 3) return false;
  const std::optional<Tensor> w = ConstantTensor(linear->input(1)), b = ConstantTensor(linear->input(2));
  if (!w || w->dtype() != DataType::kFloat || (linear->input(2) && (!b || b->dtype() != DataType::kFloat))) return false;
  const int64_t rows = w->dims()[0], columns = w->dims()[1];
  const auto part = ArrangementOf(*view, columns);
  if (!part) return false;
  std::vector<float> weights;
  for (int64_t i = 0; i < rows; ++i) {
    const float* row = w->data<float>().data() + i * columns + part->first_column;
    weights.insert(weights.end(), row, row + part->columns);
  }
  m.SetConstant("w", Tensor::From(Dims{rows, part->columns}, weights));
  if (b) m.SetConstant("b", Tensor::From(Dims{part->columns}, b->data<float>().subspan(part->first_column, part->columns)));
  m.SetValue("x", linear->input(0));
  m.SetConstant("shape", Tensor::From(Dims{static_cast<int64_t>(part->shape.size())}, part->shape));
  m.SetAttribute("perm", part->perm);
  return true;
}

// It is the right operand of a product, scaled or not.
bool IsRightOperandOf(const ir::Value* value, bool may_scale) {
  return std::any_of(value->uses().begin(), value->uses().end(), [&](const ir::Use& use) {
    if (use.node->op_type == "MatMul") return use.index == 1;
    return may_scale && use.node->op_type == "Mul" && use.node->output(0) && IsRightOperandOf(use.node->output(0), false);
  });
}
bool IsRightOperand(Match& m) { return IsRightOperandOf(m.root().output(0), true); }

constexpr Rule kPrepare[] = {
    {"slice-of-linear", "Gather(x, _)", "Transpose(Reshape@14(sardonyx.Linear(x, w, b), shape)){perm=$perm}", IsSliceOfLinear},
    {"rearrangement", "Reshape(x, _)", "Transpose(Reshape@14(x, shape)){perm=$perm}", IsRearranged},
    {"keys-by-two-steps", "Transpose(k){perm=[0,2,3,1]}", "Transpose(Transpose(k){perm=[0,2,1,3]}){perm=[0,1,3,2]}", IsRightOperand},
};

// ---- softmax(scale Q K^T + mask) V.

// Multiplies `scale` by the constant, or divides by it; false when it is not one number.
bool Multiply(Match& m, std::string_view name, bool divide, double* scale) {
  if (!m.has(name)) return true;
  const std::optional<double> number = m.scalar(name);
  if (!number || (divide && *number == 0)) return false;
  *scale = divide ? *scale / *number : *scale * *number;
  return true;
}

bool MaskFits(Match& m, const ir::Shape& q) {
  if (!m.has("mask")) return true;
  const ir::Shape* mask = m.shape("mask");
  if (!mask || mask->rank() < 1 || mask->rank() > 4 || !IsFloat(m, "mask")) return false;
  for (size_t axis : {0, 1}) {
    if (axis + mask->rank() < 4) continue;
    const ir::Dim& dim = (*mask)[axis + mask->rank() - 4];
    if (!dim.is_constant(1) && !SameDim(dim, q[axis])) return false;
  }
  return true;
}

bool IsAttention(Match& m) {
  const ir::Shape *q = m.shape("q"), *k = m.shape("k"), *v = m.shape("v");
  if (!HasRank(q, 4) || !HasRank(k, 4) || !HasRank(v, 4) || !IsFloat(m, "q")) return false;
  for (size_t axis : {0, 1})
    if (!SameDim((*q)[axis], (*k)[axis]) || !SameDim((*q)[axis], (*v)[axis])) return false;
  if (!SameDim((*q)[3], (*k)[3]) || !MaskFits(m, *q)) return false;
  const int64_t axis = m.node("softmax")->GetInt("axis", m.opset_version(*m.node("softmax")) < 13 ? 1 : -1);
  if (axis != -1 && axis != 3) return false;
  double scale = 1;
  if (!Multiply(m, "scale", false, &scale) || !Multiply(m, "divisor", true, &scale) || !Multiply(m, "q_scale", false, &scale) ||
      !Multiply(m, "q_divisor", true, &scale) || !Multiply(m, "k_scale", false, &scale))
    return false;
  m.SetAttribute("scale", static_cast<float>(scale));
  return true;
}

#define KEYS "Transpose(k){perm=[0,1,3,2]}"
#define PRODUCT "MatMul((Mul(q, @q_scale) | Div(q, @q_divisor) | q), (Mul(" KEYS ", @k_scale) | " KEYS "))"
#define SCALED "(Mul(" PRODUCT ", @scale) | Div(" PRODUCT ", @divisor) | " PRODUCT ")"
#define SOFTMAX "softmax: Softmax(Add?(" SCALED ", mask))"
constexpr Rule kCore[] = {
    {"attention", "MatMul(" SOFTMAX ", v)", "Attention@23(q, k, v, mask){scale=$scale}", IsAttention},
    // PyTorch's scaled_dot_product_attention gives zeros, not NaN, where everything is masked; so does Attention.
    {"attention-without-nan", "MatMul(Where(IsNaN(" SOFTMAX "), 0, softmax), v)", "Attention@23(q, k, v, mask){scale=$scale}", IsAttention},
};

// Swin adds what is masked under the axes [batch, windows, heads, queries, keys]: both sums are one, by [windows, heads, ...].
bool IsWindowAttention(Match& m) {
  const auto scores = StaticDims(m.value("scores")), split = StaticDims(m.value("split")), y = StaticDims(m.value("joined"));
  const Tensor *bias = m.constant("bias"), *hidden = m.constant("hidden");
  if (!scores || !split || scores != y || scores->size() != 4 || split->size() != 5 || bias->dtype() != DataType::kFloat ||
      hidden->dtype() != DataType::kFloat)
    return false;
  const int64_t windows = (*scores)[0], heads = (*scores)[1], queries = (*scores)[2], keys = (*scores)[3], map = queries * keys;
  if (*split != std::vector<int64_t>{1, windows, heads, queries, keys} || !(bias->dims() == Dims{1, heads, queries, keys}) ||
      !(hidden->dims() == Dims{1, windows, 1, queries, keys}) || windows * heads * map > (int64_t{1} << 24))
    return false;
  std::vector<float> mask(static_cast<size_t>(windows * heads * map));
  for (int64_t w = 0; w < windows; ++w)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < map; ++i)
        mask[static_cast<size_t>((w * heads + h) * map + i)] =
            bias->data<float>()[static_cast<size_t>(h * map + i)] + hidden->data<float>()[static_cast<size_t>(w * map + i)];
  if (!IsAttention(m)) return false;
  m.SetConstant("mask", Tensor::From(Dims{windows, heads, queries, keys}, mask));
  return true;
}

constexpr Rule kWindows[] = {
    {"window-attention",
     "MatMul(softmax: Softmax(joined: Reshape(Add(split: Reshape(scores: Add(" SCALED ", @bias), _), @hidden), _)), v)",
     "Attention@23(q, k, v, mask){scale=$scale}", IsWindowAttention},
};

// ---- Keys and values that several heads share, and those of earlier positions.

// x [batch, heads, positions, size] repeated to [batch, heads * repeats, positions, size].
bool RepeatsHeads(Match& m, std::string_view x_name, std::string_view expanded_name, std::string_view all_name) {
  const ir::Shape *x = m.shape(x_name), *expanded = m.shape(expanded_name), *all = m.shape(all_name);
  if (!HasRank(x, 4) || !HasRank(expanded, 5) || !HasRank(all, 4)) return false;
  const ir::Dim &heads = (*x)[1], &size = (*x)[3], &repeats = (*expanded)[2], &total = (*all)[1];
  return heads.is_constant() && size.is_constant() && repeats.is_constant() && total.is_constant() &&
         heads.value() < INT32_MAX && repeats.value() < INT32_MAX && total.value() == heads.value() * repeats.value() && (*expanded)[1] == heads && (*expanded)[4] == size && (*all)[3] == size &&
         (*all)[0] == (*x)[0];
}

// Its input has an axis of size 1 where the repeats will be.
bool OpensAxis(const ir::Node* expand, const ir::Shape* x) {
  const ir::Value* opened = expand->input(0);
  if (!opened || !opened->type.is_tensor() || !HasRank(opened->type.shape ? &*opened->type.shape : nullptr, 5)) return false;
  const ir::Shape& shape = *opened->type.shape;
  return shape[2].is_constant(1) && shape[1] == (*x)[1] && shape[4] == (*x)[3];
}

bool SharesHeads(Match& m) {
  return RepeatsHeads(m, "k", "ke", "ka") && RepeatsHeads(m, "v", "ve", "va") && OpensAxis(m.node("ke"), m.shape("k")) &&
         OpensAxis(m.node("ve"), m.shape("v"));
}

bool AppendsPositions(Match& m) {
  for (const char* name : {"pk", "pv"}) {
    const ir::Shape* shape = m.shape(name);
    const int64_t axis = m.node(name)->GetInt("axis", 0);
    if (!HasRank(shape, 4) || (axis != -2 && axis != 2)) return false;
  }
  const ir::Shape *k = m.shape("k"), *v = m.shape("v"), *pk = m.shape("past_k"), *pv = m.shape("past_v");
  return HasRank(k, 4) && HasRank(v, 4) && HasRank(pk, 4) && HasRank(pv, 4) && SameDim((*k)[0], (*pk)[0]) && SameDim((*v)[0], (*pv)[0]);
}

#define REPEATED(x) x "a: Reshape(" x "e: Expand(Reshape/Unsqueeze(" x ", _), _), _)"
constexpr Rule kCache[] = {
    {"attention-shared-heads", "a: Attention(q, " REPEATED("k") ", " REPEATED("v") ", mask?)", "Attention@23(q, k, v, mask){*a}", SharesHeads},
    {"attention-cache", "a: Attention(q, pk: Concat^(past_k, k), pv: Concat^(past_v, v), mask?)",
     "_, pk, pv = Attention@23(q, k, v, mask, past_k, past_v){*a}", AppendsPositions},
};

// ---- Heads that lie next to each other, [batch, positions, heads, size], need no transposing: three axes say so.

// Sets `$heads`, and the shape [0, 0, heads * size] as `joined`.
bool JoinHeads(Match& m, std::string_view name, std::string_view joined) {
  const ir::Shape* shape = m.shape(name);
  if (!HasRank(shape, 4) || !(*shape)[2].is_constant() || !(*shape)[3].is_constant()) return false;
  const int64_t heads = (*shape)[2].value(), size = (*shape)[3].value();
  if (heads < 1 || size < 1 || heads > INT32_MAX || size > INT32_MAX) return false;
  m.SetAttribute("heads", heads);
  m.SetConstant(joined, Tensor::From(Dims{3}, std::vector<int64_t>{0, 0, heads * size}));
  return true;
}

// The axes other than those of size 1 in the order in which a permutation puts them.
std::vector<int64_t> Moved(const std::vector<int64_t>& perm, const ir::Shape& shape) {
  std::vector<int64_t> order;
  for (int64_t axis : perm)
    if (!shape[static_cast<size_t>(axis)].is_constant(1)) order.push_back(axis);
  return order;
}

bool JoinsQueries(Match& m) {
  const ir::Shape *y = m.shape("a"), *out = m.root().output(0)->type.shape ? &*m.root().output(0)->type.shape : nullptr;
  const std::vector<int64_t> perm = m.root().GetInts("perm");
  if (!HasRank(y, 4) || !HasRank(out, 4) || perm.size() != 4 || !JoinHeads(m, "q", "joined")) return false;
  for (int64_t axis : perm)
    if (axis < 0 || axis > 3) return false;
  if (Moved(perm, *y) != Moved({0, 2, 1, 3}, *y)) return false;
  if (perm == std::vector<int64_t>{0, 2, 1, 3}) {
    if (!(*out)[2].is_constant() || !(*out)[3].is_constant()) return false;
    m.SetConstant("split", Tensor::From(Dims{4}, std::vector<int64_t>{0, 0, (*out)[2].value(), (*out)[3].value()}));
    return true;
  }
  const auto dims = StaticDims(m.root().output(0));
  if (!dims) return false;
  m.SetConstant("split", Tensor::From(Dims{4}, *dims));
  return true;
}

bool JoinsKeys(Match& m) { return JoinHeads(m, "k", "joined"); }
bool JoinsValues(Match& m) { return JoinHeads(m, "v", "joined"); }

constexpr Rule kQueries[] = {
    {"attention-queries", "Transpose(a: Attention(Transpose(q){perm=[0,2,1,3]}, k, v, mask?))",
     "Reshape@14(Attention@23(Reshape@14(q, joined), k, v, mask){*a, q_num_heads=$heads}, split)", JoinsQueries},
};
constexpr Rule kKeys[] = {
    {"attention-keys", "a: Attention(q, Transpose(k){perm=[0,2,1,3]}, v, mask?, past_k?, past_v?)",
     "* = Attention@23(q, Reshape@14(k, joined), v, mask, past_k, past_v){*a, kv_num_heads=$heads}", JoinsKeys},
    {"attention-values", "a: Attention(q, k, Transpose(v){perm=[0,2,1,3]}, mask?, past_k?, past_v?)",
     "* = Attention@23(q, k, Reshape@14(v, joined), mask, past_k, past_v){*a, kv_num_heads=$heads}", JoinsValues},
};

// ---- Rotary embedding: x cos + (-x2, x1) sin, where x1 and x2 are the halves of x, and cos and sin repeat for both.

std::optional<int64_t> Number(Match& m, std::string_view name) {
  const auto numbers = Integers(m, name);
  return numbers && numbers->size() == 1 ? std::optional((*numbers)[0]) : std::nullopt;
}

bool IsRotary(Match& m) {
  const ir::Shape *x = m.shape("x"), *angles = m.shape("angles"), *cos = m.shape("cos"), *sin = m.shape("sin");
  if (!HasRank(x, 4) || !(*x)[3].is_constant() || !HasRank(angles, 3) || !HasRank(cos, 4) || !HasRank(sin, 4) || !IsFloat(m, "x")) return false;
  const int64_t size = (*x)[3].value();
  if (size % 2 != 0 || !(*angles)[2].is_constant(size / 2) || !(*cos)[1].is_constant(1) || !(*sin)[1].is_constant(1)) return false;
  // The caches have one row a batch and position: those of x.
  if (!SameDim((*angles)[0], (*x)[0]) || !SameDim((*angles)[1], (*x)[2])) return false;
  const std::optional<int64_t> low_start = Number(m, "s1"), low_end = Number(m, "e1"), high_start = Number(m, "s2"), high_end = Number(m, "e2");
  const std::optional<int64_t> axis1 = Number(m, "a1"), axis2 = Number(m, "a2");
  for (const char* step : {"t1", "t2"})
    if (m.has(step) && Number(m, step) != 1) return false;
  const auto is_last = [](std::optional<int64_t> axis) { return axis && (*axis == 3 || *axis == -1); };
  const int64_t concat1 = m.node("pair")->GetInt("axis", 0), concat2 = m.node("turned")->GetInt("axis", 0);
  return low_start == 0 && low_end == size / 2 && high_start == size / 2 && high_end && *high_end >= size && is_last(axis1) &&
         is_last(axis2) && (concat1 == -1 || concat1 == 2) && (concat2 == -1 || concat2 == 3);
}

#define ANGLES "pair: Concat^(angles, angles)"
constexpr Rule kRotary[] = {
    {"rotary",
     "Add(Mul(x, cos: Unsqueeze/Reshape^(Cos^(" ANGLES "), _)),"
     " Mul(turned: Concat(Neg(Slice(x, @s2, @e2, @a2, @t2?)), Slice(x, @s1, @e1, @a1, @t1?)), sin: Unsqueeze/Reshape^(Sin^(pair), _)))",
     "RotaryEmbedding@23(x, Cos(angles), Sin(angles))", IsRotary},
};

}  // namespace

std::span<const Rule> AttentionPrepareRules() { return kPrepare; }
std::span<const Rule> AttentionRules() { return kCore; }
std::span<const Rule> WindowAttentionRules() { return kWindows; }
std::span<const Rule> AttentionQueryRules() { return kQueries; }
std::span<const Rule> AttentionCacheRules() { return kCache; }
std::span<const Rule> AttentionKeyRules() { return kKeys; }
std::span<const Rule> RotaryRules() { return kRotary; }

}  // namespace sardonyx::optimize
