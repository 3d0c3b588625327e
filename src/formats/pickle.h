// Python's pickle format, protocols 0 to 5, read into inert records: nothing that a pickle names is ever looked up or called.
// What would be a call in Python (REDUCE, NEWOBJ, BUILD...) becomes a record of kind kCall that says what would be called
// with what. Opcodes: Lib/pickletools.py of CPython; PEP 307, 3154 and 574.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sardonyx/status.h"

namespace sardonyx::formats {

enum class PickleKind : uint8_t {
  kNone,
  kBool,        // integer
  kInt,         // integer
  kBigInt,      // text: two's complement, little endian, for what does not fit int64
  kFloat,       // number
  kString,      // text: UTF-8 (of Python 2's str: its bytes)
  kBytes,       // text; bytearrays too
  kTuple,       // items
  kList,        // items
  kSet,         // items; frozensets too
  kDict,        // entries: key, value, key, value...
  kGlobal,      // text: "module name", with one space
  kCall,        // callable, arguments; then what was done to its result: items (APPENDS), entries (SETITEMS), state (BUILD)
  kPersistent,  // arguments: the id of an object that lies outside the pickle
};

// One Python object. Objects refer to each other freely, cycles included: whoever follows references bounds the depth.
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  union {
    int64_t integer = 0;
    double number;
  };
  std::string_view text;
  std::vector<const PickleValue*> items;
  std::vector<const PickleValue*> entries;
  const PickleValue* callable = nullptr;
  const PickleValue* arguments = nullptr;  // of calls a tuple, in a well-formed pickle
  const PickleValue* keywords = nullptr;   // of NEWOBJ_EX
  const PickleValue* state = nullptr;

  bool is(PickleKind k) const { return kind == k; }
  bool is_integer() const { return kind == PickleKind::kInt || kind == PickleKind::kBool; }
  bool is_global(std::string_view name) const { return kind == PickleKind::kGlobal && text == name; }
  // A call of the global `name` ("torch._utils _rebuild_tensor_v2"), whatever its arguments.
  bool is_call_of(std::string_view name) const { return kind == PickleKind::kCall && callable != nullptr && callable->is_global(name); }
  // A dict, or a call that makes one (collections.OrderedDict and its like): its entries count.
  bool is_mapping() const;
  // A tuple or list.
  bool is_sequence() const { return kind == PickleKind::kTuple || kind == PickleKind::kList; }
  // The value of a string key in `entries`, the last if there are several; null if there is none.
  const PickleValue* Get(std::string_view key) const;
  // Argument i of a call; null if there is none.
  const PickleValue* argument(size_t i) const;
  // For messages: "dict of 3", "call of torch._utils _rebuild_tensor_v2", "int 5".
  std::string Describe() const;
};

struct PickleOptions {
  // Whether a pickle may name the global `module`.`name`. Anything else is kUnsupported, and the message names it.
  std::function<bool(std::string_view module, std::string_view name)> allows;
  size_t max_objects = size_t{1} << 22;  // about 130 bytes each
};

// A pickle in memory. Texts are views of the bytes that were read, where the format lets them be.
class Pickle {
 public:
  const PickleValue& root() const { return *root_; }
  // Every object of the pickle, in the order in which they were made.
  const std::deque<PickleValue>& values() const { return values_; }

 private:
  friend class PickleMachine;
  const PickleValue* root_ = nullptr;
  std::deque<PickleValue> values_;
  std::deque<std::string> texts_;  // those that had to be decoded
  Bytes source_;
};

// Reads the pickle that begins at *position and moves *position behind its STOP: streams may hold several. kCorrupt for damage,
// kUnsupported for a global that is not allowed and for what has no meaning outside Python (EXT codes, out-of-band buffers),
// kResource beyond max_objects.
StatusOr<std::shared_ptr<const Pickle>> ReadPickle(const Bytes& bytes, size_t* position, const PickleOptions& options);
StatusOr<std::shared_ptr<const Pickle>> ReadPickle(const Bytes& bytes, const PickleOptions& options);

}  // namespace sardonyx::formats
