// Products by a matrix of weights, with what stands around them: sardonyx.Linear, Y = activation(X W + bias + residual).
#include <algorithm>
#include <cmath>

#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

// ---- What becomes Linear.

bool IsProductByWeights(Match& m) {
  const ir::Shape* x = m.shape("x");
  const std::vector<int64_t>& dims = m.value("w")->initializer() ? m.value("w")->initializer()->dims : std::vector<int64_t>();
  return IsFloating(m.dtype("x")) && x && x->rank() >= 2 && dims.size() == 2 && dims[0] > 0 && dims[1] > 0;
}

int64_t ColumnsOf(const ir::Node& linear) {
  const ir::Value* w = linear.input(1);
  return w->initializer()->dims[linear.GetInt("transW", 0) != 0 ? 0 : 1];
}

// Gemm with a bias that every row shares.
bool GemmIsLinear(Match& m) {
  if (!IsProductByWeights(m)) return false;
  m.SetAttribute("trans", m.root().GetInt("transB", 0));
  if (!m.has("b")) return true;
  const std::vector<int64_t>& w = m.value("w")->initializer()->dims;
  const int64_t columns = w[m.root().GetInt("transB", 0) != 0 ? 0 : 1];
  const auto bias = VectorAlong(m, "b", 1, 2, columns);
  if (!bias) return false;
  if (m.constant("b")->dims() == Dims{columns})
    m.SetValue("bias", m.value("b"));
  else
    m.SetConstant("bias", Tensor::From(Dims{columns}, *bias));
  return true;
}

// ---- Sums, products, activations and residuals behind it.

bool IsPlain(const ir::Node& linear) { return linear.GetString("activation", "").empty(); }

// c is a vector along the last axis, or one element, and does not make the rank larger.
std::optional<std::vector<float>> ColumnConstant(Match& m) {
  const ir::Shape* shape = m.shape("linear");
  if (!shape || !IsFloat(m, "x")) return std::nullopt;
  return VectorAlong(m, "c", 1, shape->rank(), ColumnsOf(*m.node("linear")));
}

std::optional<std::vector<float>> BiasOf(Match& m) {
  const int64_t columns = ColumnsOf(*m.node("linear"));
  if (!m.has("b")) return std::vector<float>(static_cast<size_t>(columns), 0.0f);
  const Tensor* bias = m.constant("b");
  if (!bias || bias->dtype() != DataType::kFloat || bias->num_elements() != columns) return std::nullopt;
  return std::vector<float>(bias->data<float>().begin(), bias->data<float>().end());
}

bool AddsBias(Match& m) {
  if (!IsPlain(*m.node("linear"))) return false;
  auto sum = ColumnConstant(m);
  const auto bias = BiasOf(m);
  if (!sum || !bias) return false;
  for (size_t i = 0; i < sum->size(); ++i) (*sum)[i] += (*bias)[i];
  m.SetConstant("b2", Tensor::From(Dims{static_cast<int64_t>(sum->size())}, *sum));
  return true;
}

// Columns of the weights and the bias times c.
bool ScaleColumns(Match& m, const std::vector<float>& scale) {
  const Tensor* w = m.constant("w");
  auto bias = BiasOf(m);
  if (!w || w->dtype() != DataType::kFloat || !bias || !IsPlain(*m.node("linear"))) return false;
  if (!std::all_of(scale.begin(), scale.end(), [](float s) { return std::isfinite(s); })) return false;
  StatusOr<Tensor> scaled = Tensor::Allocate(DataType::kFloat, w->dims());
  if (!scaled.ok()) return false;
  const bool transposed = m.node("linear")->GetInt("transW", 0) != 0;
  const int64_t rows = w->dims()[0], columns = w->dims()[1];
  const float* from = w->data<float>().data();
  float* to = scaled->mutable_data<float>().data();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[i * columns + j] = from[i * columns + j] * scale[static_cast<size_t>(transposed ? i : j)];
  m.SetConstant("w2", *std::move(scaled));
  if (m.has("b")) {
    for (size_t i = 0; i < bias->size(); ++i) (*bias)[i] *= scale[i];
    m.SetConstant("b2", Tensor::From(Dims{static_cast<int64_t>(bias->size())}, *bias));
  }
  return true;
}

bool MultipliesColumns(Match& m) {
  const auto scale = ColumnConstant(m);
  return scale && ScaleColumns(m, *scale);
}

bool DividesColumns(Match& m) {
  auto scale = ColumnConstant(m);
  if (!scale) return false;
  for (float& s : *scale) s = 1 / s;
  return ScaleColumns(m, *scale);
}

bool AddsResidual(Match& m) { return IsPlain(*m.node("linear")) && SameShape(m.value("linear"), m.value("r")); }

bool HasNoParameters(Match& m) {
  m.SetAttribute("activation", m.root().op_type == "Swish" ? std::string("Silu") : m.root().op_type);
  return IsPlain(*m.node("linear")) && (m.root().op_type != "Swish" || m.root().GetFloat("alpha", 1) == 1);
}

bool IsErfGelu(Match& m) { return IsPlain(*m.node("linear")) && m.root().GetString("approximate", "none") == "none"; }

// ---- Shapes: Linear reads any rank, so that a Reshape behind it may stand before it.

// The result's last axis stays that of the product.
bool KeepsColumns(Match& m) {
  const ir::Value* y = m.root().output(0);
  const ir::Node& linear = *m.node("linear");
  if (linear.input(3) || !y->type.is_tensor() || !y->type.shape || y->type.shape->rank() < 2) return false;
  const ir::Shape& shape = *y->type.shape;
  if (!shape[shape.rank() - 1].is_constant(ColumnsOf(linear))) return false;
  const std::vector<int64_t>& w = linear.input(1)->initializer()->dims;
  std::vector<int64_t> dims;
  int unknown = 0;
  for (size_t i = 0; i + 1 < shape.rank(); ++i) {
    if (shape[i].is_constant(0)) return false;
    unknown += !shape[i].is_constant();
    dims.push_back(shape[i].is_constant() ? shape[i].value() : -1);
  }
  dims.push_back(w[linear.GetInt("transW", 0) != 0 ? 1 : 0]);
  if (unknown > 1) return false;
  m.SetConstant("shape", Tensor::From(Dims{static_cast<int64_t>(dims.size())}, dims));
  return true;
}

#define LINEAR "linear: sardonyx.Linear(x, @w, @b?, r?)"
constexpr Rule kRules[] = {
    {"linear-of-matmul", "MatMul(x, @w)", "sardonyx.Linear(x, w)", IsProductByWeights},
    {"linear-of-gemm", "Gemm(x, @w, @b?){alpha=1, beta=1, transA=0}", "sardonyx.Linear(x, w, bias){transW=$trans}", GemmIsLinear},
    {"linear-add", "Add(linear: sardonyx.Linear(x, @w, @b?), @c)", "sardonyx.Linear(x, w, b2){*linear}", AddsBias},
    {"linear-mul", "Mul(linear: sardonyx.Linear(x, @w, @b?), @c)", "sardonyx.Linear(x, w2, b2){*linear}", MultipliesColumns},
    {"linear-div", "Div(linear: sardonyx.Linear(x, @w, @b?), @c)", "sardonyx.Linear(x, w2, b2){*linear}", DividesColumns},
    {"linear-reshape", "Reshape(linear: sardonyx.Linear(x, @w, @b?), _)", "sardonyx.Linear(Reshape@14(x, shape), w, b){*linear}", KeepsColumns},
};

constexpr Rule kFuse[] = {
    {"linear-residual", "Add(linear: sardonyx.Linear(x, @w, @b?), r)", "sardonyx.Linear(x, w, b, r){*linear}", AddsResidual},
    {"linear-activation", "Relu/Sigmoid/Tanh/HardSwish/Softplus/Swish(" LINEAR ")",
     "sardonyx.Linear(x, w, b, r){*linear, activation=$activation}", HasNoParameters},
    {"linear-gelu", "Gelu(" LINEAR ")", "sardonyx.Linear(x, w, b, r){*linear, activation=\"Gelu\"}", IsErfGelu},
};

}  // namespace

std::span<const Rule> LinearRules() { return kRules; }
std::span<const Rule> LinearFuseRules() { return kFuse; }

}  // namespace sardonyx::optimize
