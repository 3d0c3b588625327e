// StoredTensor: a TensorProto as it stands in a file: how it is encoded is kept, and decoded only when asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "ir/extras.h"
#include "sardonyx/value.h"

namespace sardonyx::ir {

using StringPairs = std::vector<std::pair<std::string, std::string>>;

struct StoredTensor {
  std::string name;
  std::string doc;
  DataType dtype = DataType::kUndefined;
  int32_t raw_dtype = 0;  // the number in the file when it is not a known DataType, else 0
  std::vector<int64_t> dims;
  bool dims_packed = false;  // as a proto3 writer packs them

  // No data at all (every field of data empty).
  struct None {};
  // raw_data: little-endian, packed. A view of the file.
  struct Raw {
    Bytes data;
  };
  // A typed field (float_data ...): its packed payload as on the wire. A view of the file.
  struct Typed {
    int field = 0;
    Bytes payload;
  };
  struct Strings {
    std::vector<std::string> values;
  };
  // data_location EXTERNAL: entries as they stand, and what `location` is looked up in: a folder, or the files of the
  // archive that the model was in.
  using Files = std::map<std::string, Bytes, std::less<>>;
  struct External {
    StringPairs entries;
    std::filesystem::path folder;
    std::shared_ptr<const Files> files;
  };
  // Made in memory by a pass or a converter; saved as raw_data (strings as string_data).
  struct Memory {
    Tensor tensor;
  };
  std::variant<None, Raw, Typed, Strings, External, Memory> storage;

  bool has_segment = false;
  int64_t segment_begin = 0, segment_end = 0;
  Extras segment_extras;
  StringPairs metadata;
  // extras.unknown also holds data fields besides the one in `storage` (an error that the checker reports).
  Extras extras;

  static StoredTensor Of(std::string name, Tensor tensor);

  // The data. Zero copy for raw, external (mapped, checked to lie inside the model's folder) and packed little-endian
  // payloads (float_data, double_data, complex); decoded for the others. kCorrupt, naming the tensor, if sizes disagree.
  // The result may be unaligned: see Tensor::is_aligned().
  StatusOr<Tensor> ToTensor() const;
  // Bytes of data without decoding it, from dims and dtype; 0 where that is unknown or overflows.
  uint64_t byte_size() const;
};

// SparseTensorProto.
struct StoredSparseTensor {
  StoredTensor values;
  StoredTensor indices;
  std::vector<int64_t> dims;
  bool dims_packed = false;
  Extras extras;
  StatusOr<SparseTensor> ToSparseTensor() const;
};

}  // namespace sardonyx::ir
