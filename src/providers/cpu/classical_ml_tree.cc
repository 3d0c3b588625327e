// TreeEnsembleClassifier, TreeEnsembleRegressor (versions 1 and 3) and TreeEnsemble (5): from scores of a forest to outputs.
//
// Where the specification is silent (which label wins and which scores are written when two classes share one score) these
// do what ONNX Runtime does, because that is what exporters have been tested against.
#include "providers/cpu/classical_ml_forest.h"

namespace sardonyx::cpu {
namespace {

using kernels::PostTransform;
using kernels::SecondClass;
using kernels::TreeEnsemble;
using kernels::TreeForest;

// A forest's raw scores for the rows of input 0, in the workspace.
template <class T>
struct RawScores {
  std::span<T> scores;       // [rows, targets]
  std::span<uint8_t> given;  // whether any leaf gave a score
  std::span<size_t> spare;   // [rows], for the caller
  std::span<float> row;      // [targets], for the caller
};

template <class T>
StatusOr<RawScores<T>> ScoreRows(KernelContext& context, const TreeEnsemble<T>& ensemble, const FeatureRows& shape) {
  if (shape.features < ensemble.features())
    return Invalid(fmt::format("the trees ask for {} features, the input has {}", ensemble.features(), shape.features));
  ASSIGN_OR_RETURN(const auto x, NumbersAs<T>::Read(context.input(0)));
  // The outputs, as large as these, have been allocated: their number is bounded.
  const auto rows = static_cast<size_t>(shape.rows), targets = static_cast<size_t>(ensemble.targets()), count = rows * targets;
  ASSIGN_OR_RETURN(void* const memory, context.Workspace(count * (sizeof(T) + 1) + rows * sizeof(size_t) + targets * sizeof(float)));
  auto* const spare = static_cast<size_t*>(memory);
  auto* const scores = reinterpret_cast<T*>(spare + rows);
  auto* const row = reinterpret_cast<float*>(scores + count);
  auto* const given = reinterpret_cast<uint8_t*>(row + targets);
  ensemble.Score(x.data(), shape.rows, shape.features, scores, given, &context.thread_pool());
  return RawScores<T>{{scores, count}, {given, count}, {spare, rows}, {row, targets}};
}

// How a classifier turns raw scores into a label and scores.
template <class T>
struct ClassifierRule {
  PostTransform transform;
  std::vector<T> base_values;
  // Two classes, but every leaf speaks of one and the same: its score is that of the second class.
  bool one_of_two = false;
  bool weights_positive = true;  // such scores are probabilities, else margins

  // Writes `to` [classes]; returns the winner's place, or whether class 1 or 0 of labels without names.
  size_t Decide(std::span<T> scores, std::span<uint8_t> given, const ClassLabels& labels, std::span<float> to) const;

 private:
  size_t DecideOfTwo(std::span<T> scores, std::span<uint8_t> given, std::span<float> to) const;
  bool IsSecond(T score) const { return weights_positive ? score > T{0.5} : score > 0; }
};

template <class T>
size_t ClassifierRule<T>::Decide(std::span<T> scores, std::span<uint8_t> given, const ClassLabels& labels, std::span<float> to) const {
  if (one_of_two) return DecideOfTwo(scores, given, to);
  // The top class is that of the highest score; what no leaf spoke of has the score 0. (ONNX Runtime takes, of two classes,
  // the second whenever its score is positive.)
  size_t best = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!base_values.empty()) scores[i] += base_values[std::min(i, base_values.size() - 1)];
    if (scores[i] > scores[best]) best = i;
    to[i] = static_cast<float>(scores[i]);
  }
  if (scores.size() > 1)
    ApplyPostTransform(transform, to);
  else if (transform == PostTransform::kProbit)
    to[0] = kernels::Probit(to[0]);
  if (scores.size() == 1) return scores[0] > 0 ? labels.one() : labels.zero();
  return best;
}

template <class T>
size_t ClassifierRule<T>::DecideOfTwo(std::span<T> scores, std::span<uint8_t> given, std::span<float> to) const {
  if (base_values.size() == 2 && given[1] != 0) {
    scores[1] = base_values[1] + scores[0];
    scores[0] = -scores[1];
  } else if (base_values.size() == 2) {
    // The second class keeps its base value for itself as no leaf spoke of it: it is not a score.
    scores[0] += base_values[0];
    given[0] = 1;
  } else if (base_values.size() == 1) {
    scores[0] += base_values[0];
  }
  const bool has_second = given[1] != 0;
  const bool second_wins = IsSecond(has_second ? scores[1] : given[0] != 0 ? scores[0] : T{0});
  if (has_second || base_values.size() == 2) {
    for (size_t i = 0; i < 2; ++i) to[i] = given[i] != 0 ? static_cast<float>(scores[i]) : 0.f;
    ApplyPostTransform(transform, to);
  } else if (transform == PostTransform::kProbit) {
    to[0] = kernels::Probit(static_cast<float>(scores[0]));
    to[1] = -to[0];
  } else {
    const SecondClass second = weights_positive ? SecondClass::kComplement : SecondClass::kNegated;
    WriteTwoScores(transform, second, static_cast<float>(scores[0]), to.data());
  }
  return second_wins ? 1 : 0;
}

template <class T>
KernelOr MakeClassifier(const NodeInfo& node, const ClassLabels& labels) {
  struct Prepared {
    ClassLabels labels;
    ClassifierRule<T> rule;
    TreeEnsemble<T> ensemble;
  };
  ClassifierRule<T> rule;
  ASSIGN_OR_RETURN(rule.transform, ReadPostTransform(node));
  ASSIGN_OR_RETURN(rule.base_values, ReadNumbers<T>(node, "base_values"));
  const size_t bases = rule.base_values.size(), classes = labels.size();
  if (bases != 0 && bases != classes && !(bases == 1 && classes == 2))
    return Invalid(fmt::format("{} base_values for {} classes", bases, classes));
  ASSIGN_OR_RETURN(TreeForest<T> forest, ReadForest<T>(node, "class"));
  forest.targets = static_cast<uint32_t>(classes);
  std::optional<uint32_t> only;
  bool several = false;
  for (const auto& leaf : forest.leaves) {
    for (const auto& weight : leaf) {
      several = several || (only && *only != weight.target);
      only = weight.target;
      rule.weights_positive = rule.weights_positive && weight.value >= 0;
    }
  }
  rule.one_of_two = classes == 2 && only && !several;
  ASSIGN_OR_RETURN(TreeEnsemble<T> ensemble, TreeEnsemble<T>::Create(std::move(forest)));
  auto prepared = std::make_shared<const Prepared>(Prepared{labels, std::move(rule), std::move(ensemble)});
  return MakeKernel([prepared](KernelContext& context) -> Status {
    const ClassLabels& labels = prepared->labels;  // by name: a lambda of Clang 14 takes no structured binding
    const auto& rule = prepared->rule;
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    const size_t classes = labels.size();
    const Dims dims{shape.rows, static_cast<int64_t>(classes)};
    RETURN_IF_ERROR(CheckedNumElements(DataType::kFloat, dims).status());
    ASSIGN_OR_RETURN(TensorView out, context.Output(1, DataType::kFloat, dims));
    ASSIGN_OR_RETURN(const RawScores<T> raw, ScoreRows(context, prepared->ensemble, shape));
    context.ParallelFor(shape.rows, 10.0 * static_cast<double>(classes), [&](int64_t begin, int64_t end) {
      for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r)
        raw.spare[r] = rule.Decide(raw.scores.subspan(r * classes, classes), raw.given.subspan(r * classes, classes), labels,
                                   {out.mutable_ptr<float>() + r * classes, classes});
    });
    return labels.Write(context, raw.spare);
  });
}

// What a regressor does with the scores of a row. A lone score is transformed only by probit.
template <class T>
struct RegressorRule {
  PostTransform transform = PostTransform::kNone;
  std::vector<T> base_values;  // per target, or none
  double divisor = 1;          // the number of trees when averaging

  void Finish(std::span<const T> scores, std::span<float> to) const {
    for (size_t i = 0; i < scores.size(); ++i)
      to[i] = static_cast<float>(scores[i] / static_cast<T>(divisor) + (base_values.empty() ? T{0} : base_values[i]));
    if (to.size() > 1 || transform == PostTransform::kProbit) ApplyPostTransform(transform, to);
  }
};

// Output 0 is [N, targets] of float, or for TreeEnsemble of the input's type.
template <class T>
KernelOr MakeRegressor(TreeForest<T> forest, RegressorRule<T> rule, bool of_input_type) {
  struct Prepared {
    RegressorRule<T> rule;
    TreeEnsemble<T> ensemble;
  };
  if (forest.aggregate == kernels::TreeAggregate::kAverage && !forest.roots.empty())
    rule.divisor = static_cast<double>(forest.roots.size());
  if (rule.base_values.size() == 1) rule.base_values.resize(forest.targets, rule.base_values[0]);
  if (!rule.base_values.empty() && rule.base_values.size() != forest.targets)
    return Invalid(fmt::format("{} base_values for {} targets", rule.base_values.size(), forest.targets));
  ASSIGN_OR_RETURN(TreeEnsemble<T> ensemble, TreeEnsemble<T>::Create(std::move(forest)));
  auto prepared = std::make_shared<const Prepared>(Prepared{std::move(rule), std::move(ensemble)});
  return MakeKernel([prepared, of_input_type](KernelContext& context) -> Status {
    const RegressorRule<T>& rule = prepared->rule;
    const TreeEnsemble<T>& ensemble = prepared->ensemble;
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    const size_t targets = ensemble.targets();
    const DataType type = of_input_type ? context.input(0).dtype : DataType::kFloat;
    const Dims dims{shape.rows, static_cast<int64_t>(targets)};
    RETURN_IF_ERROR(CheckedNumElements(type, dims).status());
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, type, dims));
    ASSIGN_OR_RETURN(const RawScores<T> raw, ScoreRows(context, ensemble, shape));
    return Dispatch<float, double, Float16>(type, "TreeEnsemble", [&]<class Out>() -> Status {
      for (size_t r = 0; r < static_cast<size_t>(shape.rows); ++r) {
        const std::span<const T> scores = raw.scores.subspan(r * targets, targets);
        rule.Finish(scores, raw.row);
        Out* to = out.mutable_ptr<Out>() + r * targets;
        // Untransformed doubles keep their precision.
        if constexpr (std::is_same_v<Out, double>) {
          if (rule.transform == PostTransform::kNone) {
            for (size_t i = 0; i < targets; ++i) to[i] = scores[i] / rule.divisor;
            continue;
          }
        }
        for (size_t i = 0; i < targets; ++i) to[i] = static_cast<Out>(raw.row[i]);
      }
      return {};
    });
  });
}

template <class T>
KernelOr MakeTreeEnsembleRegressor(const NodeInfo& node) {
  RegressorRule<T> rule;
  ASSIGN_OR_RETURN(rule.transform, ReadPostTransform(node));
  ASSIGN_OR_RETURN(rule.base_values, ReadNumbers<T>(node, "base_values"));
  ASSIGN_OR_RETURN(TreeForest<T> forest, ReadForest<T>(node, "target"));
  const std::string aggregate_name = node.GetString("aggregate_function", "SUM");
  const std::optional<kernels::TreeAggregate> aggregate = kernels::ParseTreeAggregate(aggregate_name);
  if (!aggregate) return Invalid(fmt::format("aggregate_function '{}' is not one of AVERAGE, SUM, MIN, MAX", aggregate_name));
  const int64_t targets = node.GetInt("n_targets", 1);
  if (targets < 1 || targets > INT32_MAX) return Invalid(fmt::format("n_targets is {}", targets));
  forest.aggregate = *aggregate;
  forest.targets = static_cast<uint32_t>(targets);
  return MakeRegressor(std::move(forest), std::move(rule), /*of_input_type=*/false);
}

template <class T>
KernelOr MakeTreeEnsemble5(const NodeInfo& node) {
  ASSIGN_OR_RETURN(TreeForest<T> forest, ReadForest5<T>(node));
  const int64_t aggregate = node.GetInt("aggregate_function", 1), transform = node.GetInt("post_transform", 0),
                targets = node.GetInt("n_targets", 1);
  if (aggregate < 0 || aggregate > 3) return Invalid(fmt::format("aggregate_function is {}, not 0 to 3", aggregate));
  if (transform < 0 || transform > 4) return Invalid(fmt::format("post_transform is {}, not 0 to 4", transform));
  if (targets < 1 || targets > INT32_MAX) return Invalid(fmt::format("n_targets is {}", targets));
  forest.aggregate = static_cast<kernels::TreeAggregate>(aggregate);
  forest.targets = static_cast<uint32_t>(targets);
  RegressorRule<T> rule;
  rule.transform = static_cast<PostTransform>(transform);
  return MakeRegressor(std::move(forest), std::move(rule), /*of_input_type=*/true);
}

}  // namespace

KernelOr CreateTreeEnsembleClassifier(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const ClassLabels labels, ClassLabels::Read(node, "classlabels_int64s"));
  return NeedsDouble(node, {"nodes_values_as_tensor", "class_weights_as_tensor"}) ? MakeClassifier<double>(node, labels)
                                                                                  : MakeClassifier<float>(node, labels);
}

KernelOr CreateTreeEnsembleRegressor(const NodeInfo& node) {
  return NeedsDouble(node, {"nodes_values_as_tensor", "target_weights_as_tensor"}) ? MakeTreeEnsembleRegressor<double>(node)
                                                                                   : MakeTreeEnsembleRegressor<float>(node);
}

KernelOr CreateTreeEnsemble(const NodeInfo& node) {
  return NeedsDouble(node, {"nodes_splits", "leaf_weights"}) ? MakeTreeEnsemble5<double>(node) : MakeTreeEnsemble5<float>(node);
}

}  // namespace sardonyx::cpu
