// Archives of one module, for tests and fuzzing: its code is given, its attributes are few.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/zip.h"

namespace sardonyx::pytorch {

// A module of the class __torch__.M with the attributes training = False and w = float[2,3] of 0..5.
inline Bytes ModuleArchive(const std::string& code) {
  const std::string pickle(
      "\x80\x02"
      "c__torch__\nM\n)\x81}(X\x08\x00\x00\x00training\x89X\x01\x00\x00\x00w"
      "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00"
      "0X\x03\x00\x00\x00"
      "cpuK\x06tQ"
      "K\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
      "ccollections\nOrderedDict\n)RtRub.",
      169);
  // One constant: 0.5 as a tensor of float64 without axes, as traces hold numbers.
  constexpr char kConstants[] =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nDoubleStorage\nX\x01\x00\x00\x00"
      "0X\x03\x00\x00\x00"
      "cpuK\x01tQ"
      "K\x00))\x89"
      "ccollections\nOrderedDict\n)RtR\x85.";
  const std::string constants(kConstants, sizeof(kConstants) - 1);
  const double half = 0.5;
  const std::string constant_data(reinterpret_cast<const char*>(&half), sizeof(half));
  std::string weights;
  for (const float value : {0.f, 1.f, 2.f, 3.f, 4.f, 5.f}) weights.append(reinterpret_cast<const char*>(&value), sizeof(value));
  std::string archive;
  formats::ZipWriter zip([&archive](const void* data, size_t size) {
    archive.append(static_cast<const char*>(data), size);
    return Status();
  });
  const auto add = [&zip](const std::string& name, std::string_view content) { return zip.Add("m/" + name, {&content, 1}); };
  Status status = add("data.pkl", pickle);
  for (const auto& [name, content] : {std::pair<const char*, std::string_view>{"data/0", weights},
                                      {"constants.pkl", constants},
                                      {"constants/0", constant_data},
                                      {"code/__torch__.py", code},
                                      {"version", "10\n"}}) {
    if (status.ok()) status = add(name, content);
  }
  if (status.ok()) status = zip.Finish();
  return status.ok() ? Bytes::Own(std::move(archive)) : Bytes();
}

}  // namespace sardonyx::pytorch
