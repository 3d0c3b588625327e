// Tensors from and to files, as commands take and give them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "sardonyx/session.h"
#include "vision/sidecar.h"

namespace sardonyx::cli {

// Flags that say how pictures become tensors; they go before the sidecar's, and those before the model's shape.
struct PictureFlags {
  std::string preset;
  std::vector<int> size;  // one number, or height and width
  std::vector<double> mean, std_dev;
  std::string color, fit, layout;
};
void AddPictureFlags(CLI::App* app, PictureFlags* flags);

// What is known of the model whose inputs are read.
struct InputContext {
  const std::vector<ValueInfo>& inputs;
  const PictureFlags& pictures;
  const vision::Sidecar& sidecar;
};

// Each spec is FILE or NAME=FILE: .npz (all its arrays, matched by name, or by order where no name matches), .npy, .pb
// (TensorProto and its kind), .json, .csv (csv.h), a picture, or .txt (one string a line). A file without a name goes to the first input
// that has none yet.
StatusOr<std::vector<Session::NamedValue>> ReadInputs(const std::vector<std::string>& specs, const InputContext& context);

// "NAME=1,3,224,224".
StatusOr<std::pair<std::string, Dims>> ParseShapeFlag(std::string_view text);

// A value for every input that `values` lacks, from a generator seeded with `seed`: floats uniform in [-1,1), integers in
// [0,3), bools, short strings. `shapes` gives sizes ("NAME=1,3,224,224"); dims still free are 1.
Status AddRandomInputs(const std::vector<ValueInfo>& inputs, uint64_t seed, const std::vector<std::string>& shapes,
                       std::vector<Session::NamedValue>* values);

// .npz (by name), .npy or .pb (a single tensor), .json. Sequences become NAME.0, NAME.1 ...; a sequence of maps over the
// same keys (as ZipMap makes) becomes a matrix NAME and its NAME.keys.
Status WriteOutputs(const std::string& path, const std::vector<std::string>& names, const std::vector<Value>& values);

// All arrays of an .npz.
StatusOr<std::vector<Session::NamedValue>> ReadArrays(const std::string& path);

// Whole values as JSON.
Json ValueToJson(const Value& value);
// "[0.1, 0.2, ... ] min -1 max 3 mean 0.5": a line for people.
std::string Summarize(const Value& value);

}  // namespace sardonyx::cli
