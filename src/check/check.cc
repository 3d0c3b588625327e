#include "check/check.h"

#include "check/context.h"
#include "check/parts.h"

namespace sardonyx::check {

std::vector<Finding> CheckModel(ir::Model& model, const CheckOptions& options) {
  Context context(model, options);
  CheckModelFields(context);
  if (model.graph) {
    Scope main;
    main.graph = model.graph.get();
    main.path = "main";
    CheckGraph(context, main);
  } else {
    context.Error(rules::kGraph, nullptr, nullptr, "The model has no graph. The file is not a model, or it was cut off.");
  }
  CheckFunctions(context);
  CheckTrainingInfo(context);
  if (options.infer && model.graph && context.can_infer()) CheckInferredTypes(context, model);
  return context.TakeFindings();
}

}  // namespace sardonyx::check
