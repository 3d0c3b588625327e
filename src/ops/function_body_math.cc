// Bodies of element-wise operators, casts, losses and normalization that depend on the node.
#include "ops/function_builders.h"

namespace sardonyx::ops::builders {

bool CastLike(FunctionBuilder& b) {
  const DataType to = b.InputDtype(1);
  if (to == DataType::kUndefined) return false;
  std::string attributes = fmt::format("to = {}", static_cast<int>(to));
  if (b.schema().attribute("saturate")) attributes += ", saturate: int = @saturate";
  if (b.schema().attribute("round_mode")) attributes += ", round_mode: string = @round_mode";
  b.Add("output = Cast <{}> (input)", attributes);
  return true;
}

bool Clip(FunctionBuilder& b) {
  // The upper bound wins where the bounds contradict each other.
  b.Add("{} = {}", b.HasInput(2) ? "raised" : "output", b.HasInput(1) ? "Max (input, min)" : "Identity (input)");
  if (b.HasInput(2)) b.Add("output = Min (raised, max)");
  return true;
}

bool Gelu(FunctionBuilder& b) {
  const std::string half = b.NumberLike(0.5, "X"), one = b.NumberLike(1, "X");
  if (b.String("approximate") == "tanh") {
    const std::string root = b.NumberLike(0.7978845608028654, "X"), cubic = b.NumberLike(0.044715, "X");  // root: sqrt(2 / pi)
    b.Add("square = Mul (X, X)");
    b.Add("cube = Mul (square, X)");
    b.Add("cubic_term = Mul ({}, cube)", cubic);
    b.Add("sum = Add (X, cubic_term)");
    b.Add("argument = Mul ({}, sum)", root);
    b.Add("gate = Tanh (argument)");
  } else {
    const std::string root = b.NumberLike(1.4142135623730951, "X");
    b.Add("argument = Div (X, {})", root);
    b.Add("gate = Erf (argument)");
  }
  b.Add("gate_plus_one = Add (gate, {})", one);
  b.Add("half_x = Mul ({}, X)", half);
  b.Add("Y = Mul (half_x, gate_plus_one)");
  return true;
}

bool Bernoulli(FunctionBuilder& b) {
  b.Add("random = RandomUniformLike <dtype = 1, high = 1.0, low = 0.0, seed: float = @seed> (input)");
  b.Add("probability = Cast <to = 1> (input)");
  b.Add("drawn = Less (random, probability)");
  b.Add("output = {}", b.HasAttribute("dtype") ? "Cast <to: int = @dtype> (drawn)" : "CastLike (drawn, input)");
  return true;
}

bool Range(FunctionBuilder& b) {
  const std::string zero = b.Scalar(0), one = b.Ints({1});
  b.Add("start_double = Cast <to = 11> (start)");
  b.Add("limit_double = Cast <to = 11> (limit)");
  b.Add("delta_double = Cast <to = 11> (delta)");
  b.Add("distance = Sub (limit_double, start_double)");
  b.Add("steps = Div (distance, delta_double)");
  b.Add("steps_up = Ceil (steps)");
  b.Add("steps_integer = Cast <to = 7> (steps_up)");
  b.Add("count = Max (steps_integer, {})", zero);
  b.Add("count_1d = Reshape (count, {})", one);
  b.Add("ones = Expand ({}, count_1d)", one);
  b.Add("index = CumSum <exclusive = 1> (ones, {})", zero);
  if (IsInteger(b.InputDtype(0))) {  // exact beyond what double holds
    b.Add("index_like = CastLike (index, start)");
    b.Add("offset = Mul (index_like, delta)");
    b.Add("output = Add (start, offset)");
  } else {
    b.Add("index_double = Cast <to = 11> (index)");
    b.Add("offset = Mul (index_double, delta_double)");
    b.Add("sum = Add (start_double, offset)");
    b.Add("output = CastLike (sum, start)");
  }
  return true;
}

bool LayerNormalization(FunctionBuilder& b) {
  const std::string zero = b.Scalar(0), one = b.Scalar(1);
  b.Add("x = Cast <to: int = @stash_type> (X)");
  b.Add("shape = Shape (X)");
  b.Add("rank = Size (shape)");
  b.Add("axis = Constant <value_int: int = @axis> ()");
  b.Add("axis_is_negative = Less (axis, {})", zero);
  b.Add("axis_plus_rank = Add (axis, rank)");
  b.Add("first = Where (axis_is_negative, axis_plus_rank, axis)");
  b.Add("axes = Range (first, rank, {})", one);
  b.Add("Mean = ReduceMean (x, axes)");
  b.Add("deviation = Sub (x, Mean)");
  b.Add("square = Mul (deviation, deviation)");
  b.Add("variance = ReduceMean (square, axes)");
  b.Add("epsilon = Constant <value_float: float = @epsilon> ()");
  b.Add("epsilon_like = CastLike (epsilon, x)");
  b.Add("variance_epsilon = Add (variance, epsilon_like)");
  b.Add("sigma = Sqrt (variance_epsilon)");
  b.Add("InvStdDev = Reciprocal (sigma)");
  b.Add("normalized = Mul (deviation, InvStdDev)");
  b.Add("normalized_like = CastLike (normalized, X)");
  b.Add("{} = Mul (normalized_like, Scale)", b.HasInput(2) ? "scaled" : "Y");
  if (b.HasInput(2)) b.Add("Y = Add (scaled, B)");
  return true;
}

bool NegativeLogLikelihoodLoss(FunctionBuilder& b) {
  const bool ignores = b.HasAttribute("ignore_index"), weighs = b.HasInput(2);
  const std::string reduction = b.String("reduction", "mean"), class_axis = b.Ints({1});
  std::string target = "target";
  if (ignores) {
    b.Add("ignore_index = Constant <value_int: int = @ignore_index> ()");
    b.Add("ignored_class = CastLike (ignore_index, target)");
    b.Add("ignored = Equal (target, ignored_class)");
    b.Add("class_zero = Sub (ignored_class, ignored_class)");
    b.Add("target_or_zero = Where (ignored, class_zero, target)");
    target = "target_or_zero";
  }
  b.Add("index = Unsqueeze ({}, {})", target, class_axis);
  b.Add("picked = GatherElements <axis = 1> (input, index)");
  b.Add("log_likelihood = Squeeze (picked, {})", class_axis);
  b.Add("unweighted = Neg (log_likelihood)");
  std::string loss = "unweighted";
  // The weight of every sample, where it is not one throughout.
  if (weighs || ignores) {
    const std::string zero = b.NumberLike(0, "input"), one = b.NumberLike(1, "input");
    if (weighs) b.Add("class_weight = Gather (weight, {})", target);
    if (ignores) b.Add("sample_weight = Where (ignored, {}, {})", zero, weighs ? "class_weight" : one);
    b.Add("weighted = Mul (unweighted, {})", ignores ? "sample_weight" : "class_weight");
    loss = "weighted";
  }
  if (reduction == "none") {
    b.Add("loss = Identity ({})", loss);
  } else if (reduction == "sum" || !(weighs || ignores)) {
    b.Add("loss = {} <keepdims = 0> ({})", reduction == "sum" ? "ReduceSum" : "ReduceMean", loss);
  } else {
    b.Add("loss_sum = ReduceSum <keepdims = 0> ({})", loss);
    b.Add("weight_sum = ReduceSum <keepdims = 0> ({})", ignores ? "sample_weight" : "class_weight");
    b.Add("loss = Div (loss_sum, weight_sum)");
  }
  return true;
}

}  // namespace sardonyx::ops::builders
