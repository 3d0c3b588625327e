// Schemas of custom operators, added while the program runs. They hold for the whole process and stay until it ends.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/inference.h"

namespace sardonyx::ops {

// Adds the table `text` (the form of src/ops/schemas/*.txt), if `check` likes its schemas. `inference` is asked for each schema's
// inference function; a null one leaves the outputs to the schema's type variables. kInvalid, and nothing is added, when the
// text does not have the form, its domain is one of ONNX's own, or one of its operators is known already.
Status AddCustomSchemas(std::string text, const std::function<InferenceFunction(const OpSchema&)>& inference,
                        const std::function<Status(const std::vector<const OpSchema*>&)>& check);

// For schema.cc and the inference table, which look here last. Safe while schemas are being added.
const OpSchema* FindCustomSchema(std::string_view domain, std::string_view op_type, int64_t opset_version);
std::vector<const OpSchema*> CustomSchemaVersions(std::string_view domain, std::string_view op_type);  // oldest first
int NewestCustomOpset(std::string_view domain);
InferenceFunction FindCustomInference(const OpSchema& schema);

}  // namespace sardonyx::ops
