// What is measured: models with the shapes and contents of their inputs.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bench/engine.h"

namespace sardonyx::bench {

struct InputSpec {
  std::string name;
  DataType dtype = DataType::kUndefined;
  Dims dims;
  // "uniform(a,b)", "ids<N", "ones", "zeros", "value(x)", "arange", "arange(n)" (along the last axis), "text" (20 words a string).
  std::string fill;
};

struct BenchEntry {
  std::string name;
  std::filesystem::path model;
  std::vector<InputSpec> inputs;
  NamedValues values;  // instead of `inputs` where the user gives them
  int64_t batch = 0;   // 0: as the entry is
  double flops = 0;    // of one run; 0: not known
  double weight_bytes = 0;  // 0: not known
  double rtol = 1e-3;  // outputs agree within this share of the largest magnitude
};

// A manifest: a list of {"name", "file", "inputs": [{"name", "dtype", "shape", "fill"}], "flops", "agree_rtol"}; files lie beside it.
// kCorrupt when it is none.
StatusOr<std::vector<BenchEntry>> ReadManifest(const std::filesystem::path& path);

// A model with inputs of its declared shapes: dims that are not known are 1, or as `dims` says (by input name; a symbol's size follows
// from any input that has it). A batch other than 0 sets each first dim that is not fixed.
StatusOr<BenchEntry> EntryOfModel(const std::filesystem::path& path, const std::map<std::string, Dims>& dims, int64_t batch);

// The inputs' contents; the same seed gives the same.
StatusOr<NamedValues> MakeInputs(const BenchEntry& entry, uint64_t seed);

}  // namespace sardonyx::bench
