// What `profile` reports: the time of nodes beside what it could be on this machine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace sardonyx::cli {

struct ProfiledNode {
  std::string node, op_type, kernel;
  double ms = 0;     // a run, on average
  double flops = 0;  // of a run; 0: not known
  double bytes = 0;  // its inputs and outputs, weights included; 0: not known
  int calls = 0;     // a run
  // The time at the machine's peak of arithmetic or of memory, whichever is longer.
  double RooflineMs(double gflops, double gigabytes) const;
};

// A picture of where the time goes: operators, and under each its nodes; widths are times.
std::string FlameSvg(const std::string& title, const std::vector<ProfiledNode>& nodes);

}  // namespace sardonyx::cli
