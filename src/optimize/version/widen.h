// Computing in a wider type where an older version of an operator does not take the type that the node has.
#pragma once

#include "optimize/version/node_editor.h"

namespace sardonyx::optimize::version {

// Puts Casts around a node whose operator gives the same result in a type that `to` takes, so that it fits `to` in that
// respect. False, and nothing done, where no such type is known.
bool WidenTypes(NodeEditor& editor, const ops::OpSchema& to);

}  // namespace sardonyx::optimize::version
