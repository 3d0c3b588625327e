#include "ops/inference.h"

#include "base/status_macros.h"
#include "ops/infer/driver.h"

namespace sardonyx::ops {

StatusOr<InferenceResult> InferFacts(ir::Model& model, const InferenceOptions& options) { return infer::Driver(model, options).Run(); }

Status InferTypes(ir::Model& model, const InferenceOptions& options) {
  ASSIGN_OR_RETURN(const InferenceResult result, InferFacts(model, options));
  return {};
}

}  // namespace sardonyx::ops
