// Data of tensors as the textual syntax writes it.
#pragma once

#include <string>

#include "ir/stored_tensor.h"

namespace sardonyx::ir {

// Appends "{1, 2, ...}": narrow floats as the integers of their bits, complex numbers as pairs, numbers in the shortest form that
// reads back exactly. Beyond `max_elements` the rest is "...". On an error, which is returned, "{...}" stands there.
Status PrintElements(const StoredTensor& stored, int64_t max_elements, std::string* out);

}  // namespace sardonyx::ir
