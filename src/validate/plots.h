// Drawings of errors, as SVG elements to stand in a page (classes: html.cc).
#pragma once

#include <string>

#include "validate/error_profile.h"
#include "validate/layers.h"

namespace sardonyx::validate {

// How many elements have an absolute error of which size.
std::string ErrorHistogram(const ErrorProfile& profile);
// Expected against computed values, with the line on which they are equal.
std::string Scatter(const ErrorProfile& profile);
// The relative error of each layer in order, on a logarithmic axis, with the limit; the first that differs is marked.
std::string LayerErrors(const LayerReport& report, double rtol);

}  // namespace sardonyx::validate
