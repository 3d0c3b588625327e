// Graphs for checkpoints that hold weights only: named architectures, recognized by the names and shapes of their weights.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "import/common/import.h"
#include "import/pytorch/arch/state_dict.h"
#include "ir/model.h"

namespace sardonyx::pytorch::arch {

// Every name that --arch knows, family by family.
std::vector<std::string> ArchitectureNames();

// The family whose weights these are ("resnet"); empty if none.
std::string RecognizeFamily(const StateDict& weights);

// Builds the model of `options.architecture` ("resnet50", or "auto") with these weights; sizes, depths, groups and the number of classes
// are theirs. Input: "input" [batch, 3, height, width] of the weights' type, free where the architecture allows, and as options.inputs
// and options.dynamic say; output: "output" [batch, classes]. What was recognized and taken for granted is a warning of the report.
// kUsage for an unknown name, kUnsupported if auto recognizes nothing, kInvalid when weights are missing, of a wrong shape, or left over.
StatusOr<std::unique_ptr<ir::Model>> BuildArchitecture(const StateDict& weights, const import::ImportOptions& options,
                                                       import::ImportReport* report);

}  // namespace sardonyx::pytorch::arch
