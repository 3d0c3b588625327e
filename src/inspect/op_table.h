// What inspection needs to know of operators: their family (a drawing's colour) and their arithmetic per element.
#pragma once

#include <string_view>

#include "ir/graph.h"

namespace sardonyx::inspect {

enum class Family {
  kMatrix,  // Conv, MatMul, LSTM, Attention: what weights are in
  kActivation,
  kNormalization,
  kPooling,
  kArithmetic,  // element-wise
  kLogic,       // comparisons, booleans, bits
  kReduction,
  kMovement,  // reshapes, gathers, casts: no arithmetic
  kQuantization,
  kControl,   // If, Loop, Scan, calls
  kSequence,  // sequences, optionals, strings, maps
  kMl,        // ai.onnx.ml
  kSource,    // constants, ranges, random numbers
  kOther,
};
std::string_view FamilyName(Family family);

// How many floating point operations an element costs, and an element of what.
enum class CountedBy { kOutput, kInput, kSpecial };

struct OpFacts {
  std::string_view name;
  Family family;
  CountedBy by;
  int flops;  // per element; kSpecial: see cost.cc
};
// By name, whatever the domain (com.microsoft's operators are listed where they differ from ONNX's). Null if unknown.
const OpFacts* FindOpFacts(std::string_view op_type);
Family FamilyOf(const ir::Node& node);

}  // namespace sardonyx::inspect
