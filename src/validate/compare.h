// Comparing what a model gave with what it should have given.
#pragma once

#include <string>
#include <vector>

#include "sardonyx/value.h"

namespace sardonyx::validate {

struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-7;
};

// Errors of one tensor against its reference, over the finite elements.
struct TensorDifference {
  std::string name;
  bool ok = true;
  bool shape_ok = true;
  bool dtype_ok = true;
  std::string reason;  // empty when ok
  int64_t count = 0;
  int64_t mismatches = 0;  // |got - expected| > atol + rtol * |expected|
  double max_abs = 0, mean_abs = 0;
  double max_rel = 0, mean_rel = 0;  // where the reference is not 0
  double largest = 0;   // magnitude in the reference
  double relative = 0;  // max_abs / largest; max_abs where that is 0
  double cosine = 1;
  double max_ulp = 0;  // of float and double tensors, in units of the reference's type
  int64_t nan_got = 0, nan_expected = 0, inf_got = 0, inf_expected = 0;
};

// Element by element as numpy.testing.assert_allclose does: NaN equals NaN, infinities must be equal. Strings, bools must
// be equal.
TensorDifference CompareTensors(const Tensor& got, const Tensor& expected, const Tolerance& tolerance);

// Empty when equal within tolerance, else why not: kind, length, keys, dtype, shape or numbers.
std::string CompareValues(const Value& got, const Value& expected, const Tolerance& tolerance);

// Element i of a tensor of any numeric type as double (the real part of complex ones).
double ElementAsDouble(const Tensor& tensor, int64_t i);

}  // namespace sardonyx::validate
