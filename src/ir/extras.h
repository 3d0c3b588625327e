// Extras: what makes a saved message equal to the loaded one although the model does not otherwise care.
#pragma once

#include <cstdint>
#include <string>

namespace sardonyx::ir {

// `unknown` holds the wire bytes of fields that this version does not know; they are written back at the end of the
// message. `explicit_default` has bit N set when field N (< 64) stood in the file with its default value (an empty
// doc_string, a zero), which protobuf distinguishes from absence.
struct Extras {
  std::string unknown;
  uint64_t explicit_default = 0;

  bool Has(int field) const { return (explicit_default >> field) & 1; }
  void Set(int field) { explicit_default |= uint64_t{1} << field; }
};

}  // namespace sardonyx::ir
