// NumPy's .npz: a zip archive of .npy files, as an ordered list of named tensors.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/npy.h"
#include "formats/zip.h"

namespace sardonyx::formats {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Says what an array of this name will be used as (see ReadNpy), kUndefined where unknown.
using ExpectedType = std::function<DataType(std::string_view name)>;

// Every array, in the archive's order, under its name without ".npy". kCorrupt if a member is no .npy file.
StatusOr<NamedTensors> ReadNpz(const Bytes& bytes, const ExpectedType& expected = nullptr, const UnpackLimits& limits = {});

// So that numpy.load() reads it back; see EncodeNpy() for what becomes of types that NumPy lacks. kUsage if two tensors
// have one name.
Status WriteNpz(const NamedTensors& tensors, const ByteSink& sink, ZipWriter::Method method = ZipWriter::Method::kStore);

}  // namespace sardonyx::formats
