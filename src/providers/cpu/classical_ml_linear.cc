// Linear models and support vector machines.
//
// Where the specification is silent (how one score of a two-class model becomes two, which transforms a single score gets)
// these do what ONNX Runtime does, because that is what exporters have been tested against.
#include <algorithm>

#include "kernels/ml/svm.h"
#include "providers/cpu/classical_ml.h"

namespace sardonyx::cpu {
namespace {

using kernels::PostTransform;
using kernels::SecondClass;

StatusOr<TensorView> FloatOutput(KernelContext& context, size_t i, int64_t rows, int64_t columns) {
  const Dims dims{rows, columns};
  RETURN_IF_ERROR(CheckedNumElements(DataType::kFloat, dims).status());
  return context.Output(i, DataType::kFloat, dims);
}

// A lone score is transformed only by probit: the others are made for several.
void TransformRow(PostTransform transform, std::span<float> scores) {
  if (scores.size() > 1 || transform == PostTransform::kProbit) ApplyPostTransform(transform, scores);
}

// The first of the highest scores. Which of a few it is cannot be predicted, so there is no branch.
size_t Highest(std::span<const float> scores) {
  size_t place = 0;
  float highest = scores[0];
  for (size_t i = 1; i < scores.size(); ++i) {
    const bool higher = scores[i] > highest;
    place = higher ? i : place;
    highest = higher ? scores[i] : highest;
  }
  return place;
}

struct LinearModel {
  std::vector<float> coefficients, intercepts;  // [targets, features], [targets] or none
  int64_t targets = 0;

  // [rows, targets] in the workspace, and behind it a place for each row's label.
  struct Result {
    std::span<float> scores;
    std::span<size_t> chosen;
  };
  StatusOr<Result> Scores(KernelContext& context, const FeatureRows& shape) const {
    const auto given = static_cast<int64_t>(coefficients.size());
    if (given % targets != 0 || given / targets != shape.features)
      return Invalid(fmt::format("{} coefficients of {} targets do not fit an input of {} features", given, targets, shape.features));
    ASSIGN_OR_RETURN(const auto x, NumbersAs<float>::Read(context.input(0)));
    RETURN_IF_ERROR(CheckedNumElements(DataType::kDouble, Dims{shape.rows, targets + 1}).status());
    const auto rows = static_cast<size_t>(shape.rows), count = rows * static_cast<size_t>(targets);
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(rows * sizeof(size_t) + count * sizeof(float)));
    auto* const chosen = static_cast<size_t*>(memory);
    auto* const scores = reinterpret_cast<float*>(chosen + rows);
    kernels::LinearScores(x.data(), shape.rows, shape.features, coefficients, targets, intercepts, scores, &context.thread_pool());
    return Result{{scores, count}, {chosen, rows}};
  }
};

StatusOr<LinearModel> ReadLinearModel(const NodeInfo& node, int64_t targets) {
  LinearModel model{node.GetFloats("coefficients"), node.GetFloats("intercepts"), targets};
  if (model.coefficients.empty() || targets < 1) return Invalid("coefficients are missing");
  if (!model.intercepts.empty() && static_cast<int64_t>(model.intercepts.size()) != targets)
    return Invalid(fmt::format("{} intercepts for {} targets", model.intercepts.size(), targets));
  return model;
}

}  // namespace

KernelOr CreateLinearRegressor(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(node));
  ASSIGN_OR_RETURN(const LinearModel model, ReadLinearModel(node, node.GetInt("targets", 1)));
  return MakeKernel([transform, model](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    ASSIGN_OR_RETURN(const LinearModel::Result result, model.Scores(context, shape));
    const std::span<float> scores = result.scores;
    ASSIGN_OR_RETURN(TensorView out, FloatOutput(context, 0, shape.rows, model.targets));
    for (int64_t r = 0; r < shape.rows; ++r) TransformRow(transform, scores.subspan(r * model.targets, model.targets));
    std::copy(scores.begin(), scores.end(), out.mutable_ptr<float>());
    return {};
  });
}

KernelOr CreateLinearClassifier(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(node));
  ASSIGN_OR_RETURN(const ClassLabels labels, ClassLabels::Read(node, "classlabels_ints"));
  const size_t intercepts = node.GetFloats("intercepts").size();
  ASSIGN_OR_RETURN(const LinearModel model, ReadLinearModel(node, static_cast<int64_t>(intercepts > 0 ? intercepts : labels.size())));
  const bool two_of_one = model.targets == 1 && labels.size() == 2;
  if (model.targets > 1 && static_cast<size_t>(model.targets) > labels.size())
    return Invalid(fmt::format("{} labels for {} classes", labels.size(), model.targets));
  return MakeKernel([=](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    ASSIGN_OR_RETURN(const LinearModel::Result result, model.Scores(context, shape));
    const int64_t columns = two_of_one ? 2 : model.targets;
    ASSIGN_OR_RETURN(TensorView out, FloatOutput(context, 1, shape.rows, columns));
    const auto decide = [&](int64_t r) -> size_t {
      const std::span<float> row = result.scores.subspan(r * model.targets, model.targets);
      const std::span<float> to(out.mutable_ptr<float>() + r * columns, columns);
      size_t label = 0;
      if (model.targets > 1)
        label = Highest(row);
      else if (labels.size() == 2)
        label = row[0] > 0 ? 1 : 0;
      else
        label = row[0] > 0 ? labels.one() : labels.zero();
      if (two_of_one && transform != PostTransform::kProbit) {
        WriteTwoScores(transform, SecondClass::kComplement, row[0], to.data());
        return label;
      }
      TransformRow(transform, row);
      to[0] = row[0];
      if (two_of_one)
        to[1] = -row[0];  // the normal quantile of the complement
      else
        std::copy(row.begin(), row.end(), to.begin());
      return label;
    };
    context.ParallelFor(shape.rows, 10.0 * static_cast<double>(columns), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) result.chosen[r] = decide(r);
    });
    return labels.Write(context, result.chosen);
  });
}

namespace {

StatusOr<kernels::SvmKernel> ReadSvmKernel(const NodeInfo& node) {
  const std::string name = node.GetString("kernel_type", "LINEAR");
  const std::optional<kernels::SvmKernelType> type = kernels::ParseSvmKernelType(name);
  if (!type) return Invalid(fmt::format("kernel_type '{}' is not one of LINEAR, POLY, RBF, SIGMOID", name));
  const std::vector<float> params = node.GetFloats("kernel_params");
  if (!params.empty() && params.size() != 3)
    return Invalid(fmt::format("kernel_params must be gamma, coef0 and degree, not {} numbers", params.size()));
  kernels::SvmKernel kernel{.type = *type};
  if (!params.empty()) kernel.gamma = params[0], kernel.coef0 = params[1], kernel.degree = params[2];
  return kernel;
}

Status CheckFeatures(const FeatureRows& shape, int64_t features) {
  return shape.features == features ? Status() : Invalid(fmt::format("the model has {} features, the input {}", features, shape.features));
}

// Without support vectors the coefficients themselves are the hyperplanes, and rho[0] is the offset of all of them.
KernelOr CreateLinearSvmClassifier(const NodeInfo& node, const ClassLabels& labels, PostTransform transform, float rho) {
  const auto classes = static_cast<int64_t>(labels.size());
  ASSIGN_OR_RETURN(LinearModel model, ReadLinearModel(node, classes));
  model.intercepts.assign(labels.size(), rho);
  const bool positive = std::all_of(model.coefficients.begin(), model.coefficients.end(), [](float c) { return c >= 0; });
  const bool has_probabilities = !node.GetFloats("prob_a").empty();
  return MakeKernel([=](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    ASSIGN_OR_RETURN(const LinearModel::Result result, model.Scores(context, shape));
    const std::span<float> scores = result.scores;
    ASSIGN_OR_RETURN(TensorView out, FloatOutput(context, 1, shape.rows, classes));
    std::vector<size_t> chosen;
    for (int64_t r = 0; r < shape.rows; ++r) {
      const std::span<float> row = scores.subspan(r * classes, classes);
      const auto best = std::max_element(row.begin(), row.end());
      const bool second = classes == 2 && !has_probabilities && (positive ? *best >= 0.5f : *best > 0);
      chosen.push_back(second ? 1 : static_cast<size_t>(best - row.begin()));
      TransformRow(transform, row);
    }
    std::copy(scores.begin(), scores.end(), out.mutable_ptr<float>());
    return labels.Write(context, chosen);
  });
}

struct SvmModel {
  kernels::SvmClassifier machine;
  std::vector<float> prob_a, prob_b;  // per pair, or none
};

StatusOr<SvmModel> ReadSvmModel(const NodeInfo& node, int64_t classes) {
  SvmModel model;
  kernels::SvmClassifier& machine = model.machine;
  ASSIGN_OR_RETURN(machine.kernel, ReadSvmKernel(node));
  machine.classes = classes;
  machine.vectors_per_class = node.GetInts("vectors_per_class");
  machine.vectors = node.GetFloats("support_vectors");
  machine.coefficients = node.GetFloats("coefficients");
  machine.rho = node.GetFloats("rho");
  model.prob_a = node.GetFloats("prob_a");
  model.prob_b = node.GetFloats("prob_b");
  int64_t vectors = 0;
  for (int64_t count : machine.vectors_per_class) {
    if (count < 0 || count > static_cast<int64_t>(machine.vectors.size())) return Invalid(fmt::format("vectors_per_class has {}", count));
    vectors += count;
  }
  if (classes < 2 || static_cast<int64_t>(machine.vectors_per_class.size()) != classes)
    return Invalid(fmt::format("vectors_per_class of {} classes for {} labels", machine.vectors_per_class.size(), classes));
  const auto pairs = static_cast<size_t>(machine.pairs());
  if (vectors == 0 || static_cast<int64_t>(machine.vectors.size()) % vectors != 0 ||
      static_cast<int64_t>(machine.coefficients.size()) != (classes - 1) * vectors || machine.rho.size() < pairs)
    return Invalid(fmt::format("{} numbers of {} support vectors, {} coefficients and {} rho do not make a machine of {} classes",
                               machine.vectors.size(), vectors, machine.coefficients.size(), machine.rho.size(), classes));
  machine.features = static_cast<int64_t>(machine.vectors.size()) / vectors;
  if (model.prob_a.size() != model.prob_b.size() || (!model.prob_a.empty() && model.prob_a.size() < pairs))
    return Invalid(fmt::format("{} prob_a and {} prob_b for {} pairs of classes", model.prob_a.size(), model.prob_b.size(), pairs));
  return model;
}

// The scores of one row: probabilities of the classes, two scores of one machine, or the decisions of every pair.
void WriteSvmScores(const SvmModel& model, PostTransform transform, std::span<float> decisions, std::span<float> to) {
  if (!model.prob_a.empty()) {
    kernels::SvmProbabilities(model.machine.classes, decisions, model.prob_a, model.prob_b, to);
    ApplyPostTransform(transform, to);
  } else if (model.machine.classes == 2 && transform == PostTransform::kProbit) {
    to[0] = kernels::Probit(decisions[0]);
    to[1] = -to[0];
  } else if (model.machine.classes == 2) {
    WriteTwoScores(transform, transform == PostTransform::kNone ? SecondClass::kNegated : SecondClass::kComplement, decisions[0],
                   to.data());
  } else {
    std::copy(decisions.begin(), decisions.end(), to.begin());
    ApplyPostTransform(transform, to);
  }
}

}  // namespace

KernelOr CreateSVMClassifier(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(node));
  ASSIGN_OR_RETURN(const ClassLabels labels, ClassLabels::Read(node, "classlabels_ints"));
  const std::vector<float> rho = node.GetFloats("rho");
  if (rho.empty()) return Invalid("rho is missing");
  if (node.GetInts("vectors_per_class").empty()) return CreateLinearSvmClassifier(node, labels, transform, rho[0]);
  ASSIGN_OR_RETURN(SvmModel made, ReadSvmModel(node, static_cast<int64_t>(labels.size())));
  return MakeKernel([transform, labels, model = std::make_shared<const SvmModel>(std::move(made))](KernelContext& context) -> Status {
    const kernels::SvmClassifier& machine = model->machine;
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    RETURN_IF_ERROR(CheckFeatures(shape, machine.features));
    ASSIGN_OR_RETURN(const auto x, NumbersAs<float>::Read(context.input(0)));
    const int64_t columns = machine.classes == 2 || !model->prob_a.empty() ? machine.classes : machine.pairs();
    ASSIGN_OR_RETURN(TensorView out, FloatOutput(context, 1, shape.rows, columns));
    std::vector<size_t> chosen(static_cast<size_t>(shape.rows));
    const auto body = [&](int64_t begin, int64_t end) {
      std::vector<float> decisions(static_cast<size_t>(machine.pairs()));
      for (int64_t r = begin; r < end; ++r) {
        std::vector<int64_t> votes(static_cast<size_t>(machine.classes), 0);
        machine.Decide(x.data() + r * shape.features, decisions, votes);
        chosen[r] = static_cast<size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
        WriteSvmScores(*model, transform, decisions, {out.mutable_ptr<float>() + r * columns, static_cast<size_t>(columns)});
      }
    };
    context.ParallelFor(shape.rows, static_cast<double>(machine.vectors.size() + machine.coefficients.size()), body);
    return labels.Write(context, chosen);
  });
}

KernelOr CreateSVMRegressor(const NodeInfo& node) {
  RETURN_IF_ERROR(ReadPostTransform(node).status());  // one score: no transform changes it, see above
  ASSIGN_OR_RETURN(kernels::SvmKernel kernel, ReadSvmKernel(node));
  const std::vector<float> coefficients = node.GetFloats("coefficients"), rho = node.GetFloats("rho");
  std::vector<float> vectors = node.GetFloats("support_vectors");
  int64_t supports = node.GetInt("n_supports");
  if (coefficients.empty() || rho.empty()) return Invalid("coefficients and rho must be given");
  if (supports <= 0) {  // the coefficients are the hyperplane: one vector of weight 1
    supports = 1;
    vectors = coefficients;
    kernel.type = kernels::SvmKernelType::kLinear;
  } else if (static_cast<int64_t>(coefficients.size()) != supports || static_cast<int64_t>(vectors.size()) % supports != 0) {
    return Invalid(fmt::format("{} numbers and {} coefficients for {} support vectors", vectors.size(), coefficients.size(), supports));
  }
  const std::vector<float> weights = node.GetInt("n_supports") > 0 ? coefficients : std::vector<float>{1.f};
  const int64_t features = static_cast<int64_t>(vectors.size()) / supports;
  return MakeKernel([=, offset = rho[0], one_class = node.GetInt("one_class") != 0](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(context.input(0)));
    RETURN_IF_ERROR(CheckFeatures(shape, features));
    ASSIGN_OR_RETURN(const auto x, NumbersAs<float>::Read(context.input(0)));
    ASSIGN_OR_RETURN(TensorView out, FloatOutput(context, 0, shape.rows, 1));
    float* to = out.mutable_ptr<float>();
    context.ParallelFor(shape.rows, static_cast<double>(vectors.size()) + 10, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        float sum = offset;
        for (int64_t v = 0; v < supports; ++v) sum += weights[v] * kernel(x.data() + r * features, vectors.data() + v * features, features);
        to[r] = !one_class ? sum : sum > 0 ? 1.f : -1.f;
      }
    });
    return {};
  });
}

}  // namespace sardonyx::cpu
