// Activations: torch.nn.functional's, as they are in training IR, and what they decompose to.
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// The operator of that name in ONNX, on floating point.
Outputs Same(Call& c) { return c.b.Op(std::string(c.param()), {c.float_tensor("self")}); }

Outputs Relu(Call& c) {
  V x = c.tensor("self");
  return c.b.dtype(x) == DataType::kUint8 ? x : c.b.Op("Relu", {x});
}

V Clip(Call& c, V x, std::optional<double> low, std::optional<double> high) {
  return c.b.Op("Clip", {x, low ? c.b.NumberLike(*low, x) : nullptr, high ? c.b.NumberLike(*high, x) : nullptr});
}

Outputs Hardtanh(Call& c) { return Clip(c, c.tensor("self"), c.Double("min_val", -1.0), c.Double("max_val", 1.0)); }
Outputs Relu6(Call& c) { return Clip(c, c.tensor("self"), 0.0, 6.0); }

Outputs Gelu(Call& c) {
  V x = c.tensor("self");
  const bool tanh = c.String("approximate", "none") == "tanh";
  if (c.b.Has("Gelu")) return tanh ? c.b.Op("Gelu", {x}, {{"approximate", "tanh"}}) : c.b.Op("Gelu", {x});
  if (tanh) {
    // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    V cube = c.b.Mul(c.b.Mul(x, x), x);
    V inner = c.b.Mul(c.b.Add(x, c.b.Mul(cube, c.b.NumberLike(0.044715, x))), c.b.NumberLike(std::sqrt(2 / M_PI), x));
    return c.b.Mul(c.b.Mul(x, c.b.NumberLike(0.5, x)), c.b.Add(c.b.Op("Tanh", {inner}), c.b.NumberLike(1, x)));
  }
  // The form that runtimes fuse.
  V erf = c.b.Op("Erf", {c.b.Div(x, c.b.NumberLike(std::sqrt(2.0), x))});
  return c.b.Mul(c.b.Mul(x, c.b.Add(erf, c.b.NumberLike(1, x))), c.b.NumberLike(0.5, x));
}

Outputs Elu(Call& c) {
  // scale * (x > 0 ? x : alpha * (exp(input_scale * x) - 1))
  V x = c.tensor("self");
  const double alpha = c.Double("alpha", 1), scale = c.Double("scale", 1), input_scale = c.Double("input_scale", 1);
  if (input_scale == 1 && scale == 1) return c.b.Op("Elu", {x}, {{"alpha", alpha}});
  V negative = c.b.Op("Elu", {c.b.Mul(x, c.b.NumberLike(input_scale, x))}, {{"alpha", alpha}});
  V y = c.b.Where(c.b.Op("Greater", {x, c.b.NumberLike(0, x)}), x, negative);
  return c.b.Mul(y, c.b.NumberLike(scale, x));
}

Outputs Celu(Call& c) {
  // ONNX's Celu is for float alone before opset 28.
  V x = c.tensor("self");
  const double alpha = c.Double("alpha", 1);
  if (c.b.dtype(x) == DataType::kFloat) return c.b.Op("Celu", {x}, {{"alpha", alpha}});
  V scaled = c.b.Div(x, c.b.NumberLike(alpha, x));
  return c.b.Where(c.b.Op("Greater", {x, c.b.NumberLike(0, x)}), x, c.b.Mul(c.b.Op("Elu", {scaled}), c.b.NumberLike(alpha, x)));
}

Outputs LeakyRelu(Call& c) { return c.b.Op("LeakyRelu", {c.tensor("self")}, {{"alpha", c.Double("negative_slope", 0.01)}}); }

Outputs Hardsigmoid(Call& c) { return c.b.Op("HardSigmoid", {c.tensor("self")}, {{"alpha", 1.0 / 6}, {"beta", 0.5}}); }

Outputs Silu(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Mul(x, c.b.Op("Sigmoid", {x}));
}

Outputs Softplus(Call& c) {
  // log(1 + exp(beta x)) / beta; x itself where beta x > threshold, which is what float gives there anyway.
  V x = c.tensor("self");
  const double beta = c.Double("beta", 1.0), threshold = c.Double("threshold", 20.0);
  V scaled = beta == 1 ? x : c.b.Mul(x, c.b.NumberLike(beta, x));
  V y = c.b.Op("Softplus", {scaled});
  if (beta != 1) y = c.b.Div(y, c.b.NumberLike(beta, x));
  if (threshold >= 15) return y;
  return c.b.Where(c.b.Op("Greater", {scaled, c.b.NumberLike(threshold, x)}), x, y);
}

Outputs Hardshrink(Call& c) {
  V x = c.tensor("self");
  const double lambda = c.Double("lambd", 0.5);
  V outside = c.b.Op("Greater", {c.b.Op("Abs", {x}), c.b.NumberLike(lambda, x)});
  // NaN stays NaN, as in PyTorch.
  V keep = c.b.Op("Or", {outside, c.b.Op("IsNaN", {x})});
  return c.b.Where(keep, x, c.b.NumberLike(0, x));
}

Outputs Softshrink(Call& c) {
  const double lambda = c.Double("lambd", 0.5);
  return c.b.Op("Shrink", {c.tensor("self")}, {{"bias", lambda}, {"lambd", lambda}});
}

Outputs Threshold(Call& c) {
  V x = c.tensor("self");
  return c.b.Where(c.b.Op("LessOrEqual", {x, c.NumberAs("threshold", c.b.dtype(x))}), c.NumberAs("value", c.b.dtype(x)), x);
}

Outputs LogSigmoid(Call& c) {
  V x = c.tensor("self");
  V y = c.b.Neg(c.b.Op("Softplus", {c.b.Neg(x)}));
  return Outputs{y, y};  // log_sigmoid_forward gives a buffer as well, which inference does not read
}

Outputs Glu(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), -1);
  const std::vector<V> halves = c.b.Ops("Split", {x}, 2, {{"axis", axis}, {"num_outputs", 2}});
  return c.b.Mul(halves[0], c.b.Op("Sigmoid", {halves[1]}));
}

Outputs Prelu(Call& c) {
  // One slope a channel (axis 1).
  V x = c.tensor("self"), weight = c.tensor("weight");
  const int64_t rank = c.rank("self");
  if (rank > 2 && c.b.known_rank(weight) == size_t{1} && !c.b.dim(weight, 0).is_constant(1)) {
    std::vector<int64_t> shape(static_cast<size_t>(rank) - 1, 1);
    shape[0] = -1;
    weight = c.b.Reshape(weight, shape);
  }
  return c.b.Op("PRelu", {x, weight});
}

Outputs Rrelu(Call& c) {
  // In inference: the mean of its slopes.
  V x = c.tensor("self");
  if (c.Bool("training", false)) return c.Unsupported("random slopes are for training: export the model after model.eval()");
  V y = c.b.Op("LeakyRelu", {x}, {{"alpha", (c.Double("lower", 0.125) + c.Double("upper", 1.0 / 3)) / 2}});
  return c.is_none("noise") ? Outputs(y) : Outputs{y, c.tensor("noise")};
}

Outputs Softmax(Call& c) {
  V x = c.tensor("self");
  const DataType to = c.Dtype("dtype", IsFloatingPoint(c.b.dtype(x)) ? c.b.dtype(x) : DataType::kFloat);
  x = c.b.Cast(x, to);
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.b.Squeeze(c.b.Op(std::string(c.param()), {c.b.Unsqueeze(x, {0})}, {{"axis", 0}}), {0});
  const int64_t axis = c.Axis("dim", rank);
  V y = c.b.Op(std::string(c.param()), {x}, {{"axis", axis}});
  if (!c.target().starts_with("aten._safe_softmax")) return y;
  // Where there is nothing but -infinity: zeros.
  const double infinity = std::numeric_limits<double>::infinity();
  V nothing = c.b.Op("Equal", {Maximum(c.b, x, {axis}, true), c.b.NumberLike(-infinity, x)});
  return c.b.Where(nothing, c.b.NumberLike(0, x), y);
}

Outputs Dropout(Call& c) {
  const bool train = c.Bool("train", false) && c.Double("p", 0.5) > 0;
  if (train) return c.Unsupported("dropout in training mode: export the model after model.eval()");
  V x = c.tensor("input");
  if (c.target().starts_with("aten.native_dropout")) return Outputs{x, c.b.Expand(c.b.Scalar<bool>(true), c.b.ShapeOf(x))};
  return x;
}

constexpr RuleRow kRows[] = {
    {"aten.relu", Relu},
    {"aten.relu6", Relu6},
    {"aten.sigmoid", Same, "Sigmoid"},
    {"aten.special_expit", Same, "Sigmoid"},
    {"aten.tanh", Same, "Tanh"},
    {"aten.hardswish", Same, "HardSwish"},
    {"aten.mish", Same, "Mish"},
    {"aten.selu", Same, "Selu"},
    {"aten.softsign", Same, "Softsign"},
    {"aten.hardtanh", Hardtanh},
    {"aten.gelu", Gelu},
    {"aten.elu", Elu},
    {"aten.celu", Celu},
    {"aten.leaky_relu", LeakyRelu},
    {"aten.hardsigmoid", Hardsigmoid},
    {"aten.silu", Silu},
    {"aten.softplus", Softplus},
    {"aten.hardshrink", Hardshrink},
    {"aten.softshrink", Softshrink},
    {"aten.threshold", Threshold},
    {"aten.log_sigmoid", LogSigmoid},
    {"aten.log_sigmoid_forward", LogSigmoid},
    {"aten.glu", Glu},
    {"aten.prelu", Prelu},
    {"aten._prelu_kernel", Prelu},
    {"aten.rrelu", Rrelu},
    {"aten.rrelu_with_noise", Rrelu},
    {"aten.rrelu_with_noise_functional", Rrelu},
    {"aten.softmax", Softmax, "Softmax"},
    {"aten._softmax", Softmax, "Softmax"},
    {"aten.special_softmax", Softmax, "Softmax"},
    {"aten.log_softmax", Softmax, "LogSoftmax"},
    {"aten._log_softmax", Softmax, "LogSoftmax"},
    {"aten._safe_softmax", Softmax, "Softmax"},
    {"aten.special_log_softmax", Softmax, "LogSoftmax"},
    {"aten.dropout", Dropout},
    {"aten.feature_dropout", Dropout},
    {"aten.alpha_dropout", Dropout},
    {"aten.feature_alpha_dropout", Dropout},
    {"aten.native_dropout", Dropout},
};

}  // namespace

std::span<const RuleRow> Activation() { return kRows; }

}  // namespace sardonyx::pytorch::rules
