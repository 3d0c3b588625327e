// The custom operators of this process.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "sardonyx/custom_op.h"
#include "sardonyx/status.h"

namespace sardonyx::custom_ops {

// Loads a library and registers what it exports. A library that is loaded already is left as it is. kCorrupt when the file is
// missing or is no library; kInvalid when it exports no custom operators, or such as Register refuses; kUnsupported when it
// was built for a newer API.
Status Load(const std::filesystem::path& library);

// Adds operators; `ops`, and all that it points to, must live as long as the process. kInvalid for a schema that is malformed,
// not of tensors alone, or known already, and for an entry without schema or the other way round.
Status Register(const SardonyxCustomOps& ops);

// The entries for an operator at an opset version, in their order.
std::vector<const SardonyxCustomOp*> FindEntries(std::string_view domain, std::string_view op_type, int64_t opset_version);

}  // namespace sardonyx::custom_ops
