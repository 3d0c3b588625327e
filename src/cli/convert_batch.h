// sardonyx convert FOLDER -o FOLDER: every model below it, one after another.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"

namespace sardonyx::cli {

struct BatchOptions {
  std::string source, target;
  // Flags of every conversion, as they stand on a command line.
  std::vector<std::string> flags;
  // Files beside each source that it is validated with, where they exist: names, without a folder.
  std::vector<std::string> inputs, expected;
  std::string report;  // .json or .html; the record of what was done lies in TARGET/conversion.json anyway
  bool again = false;  // convert also what is up to date
};

// Each model is converted by a process of its own, so that none can end the others. A result that is newer than its source and was made
// with the same flags is left as it is. Gives 0, or 1 if some failed; kUsage if there is no model.
StatusOr<int> ConvertBatch(const BatchOptions& options, const Output& out);

}  // namespace sardonyx::cli
