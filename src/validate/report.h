// What a validation is shown as.
#pragma once

#include <nlohmann/json.hpp>

#include "validate/comparison.h"
#include "validate/html.h"

namespace sardonyx::validate {

// {"ok", "candidate", "reference", "rtol", "atol", "outputs": the worst of all cases by output, "cases", "layers"}; docs/cli.md
// names the members of an output.
nlohmann::ordered_json ToJson(const Validation& validation);
nlohmann::ordered_json ToJson(const TensorDifference& difference);

// The parts of a page that show a validation: figures, tables and plots.
void AddTo(HtmlPage* page, const Validation& validation);
// A page of its own.
std::string HtmlReport(const Validation& validation);

}  // namespace sardonyx::validate
