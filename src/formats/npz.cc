#include "formats/npz.h"

#include <array>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::formats {
namespace {

constexpr std::string_view kSuffix = ".npy";

}  // namespace

StatusOr<NamedTensors> ReadNpz(const Bytes& bytes, const ExpectedType& expected, const UnpackLimits& limits) {
  ASSIGN_OR_RETURN(const ZipReader zip, ZipReader::Open(bytes, limits));
  NamedTensors tensors;
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < zip.members().size(); ++i) {
    std::string name = zip.members()[i].name;
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    if (!names.insert(name).second) return Corrupt(fmt::format("npz: two arrays are named '{}'", name));
    ASSIGN_OR_RETURN(const Bytes content, zip.Read(i));
    ASSIGN_OR_RETURN(Tensor tensor,
                     ReadNpy(content, expected ? expected(name) : DataType::kUndefined).WithContext(fmt::format("array '{}'", name)));
    tensors.emplace_back(std::move(name), std::move(tensor));
  }
  return tensors;
}

Status WriteNpz(const NamedTensors& tensors, const ByteSink& sink, ZipWriter::Method method) {
  ZipWriter zip(sink, method);
  for (const auto& [name, tensor] : tensors) {
    ASSIGN_OR_RETURN(const NpyImage image, EncodeNpy(tensor).WithContext(fmt::format("array '{}'", name)));
    const std::array<std::string_view, 2> pieces = {image.header, image.data.view()};
    RETURN_IF_ERROR(zip.Add(name + std::string(kSuffix), pieces));
  }
  return zip.Finish();
}

}  // namespace sardonyx::formats
