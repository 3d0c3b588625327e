// The stack machine of pickle. Every opcode makes at most one object, or as many references as it takes off the stack, so
// memory is bounded by the file's size as well as by max_objects.
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/pickle.h"
#include "formats/pickle_text.h"

namespace sardonyx::formats {

class PickleMachine {
 public:
  PickleMachine(const Bytes& bytes, size_t position, const PickleOptions& options)
      : options_(options), bytes_(bytes), at_(position), pickle_(std::make_shared<Pickle>()) {
    pickle_->source_ = bytes;
  }

  StatusOr<std::shared_ptr<const Pickle>> Run(size_t* position) {
    while (!stopped_) {
      const size_t start = at_;
      Status status = Step();
      if (!status.ok()) return status.WithContext(fmt::format("pickle, byte {}", start));
      if (pickle_->values_.size() > options_.max_objects)
        return Resource(fmt::format("pickle: more than {} objects", options_.max_objects));
    }
    *position = at_;
    return std::shared_ptr<const Pickle>(pickle_);
  }

 private:
  using Value = PickleValue;
  using Kind = PickleKind;

  // Reading.
  StatusOr<std::string_view> Take(uint64_t size) {
    if (size > bytes_.size() - at_) return Corrupt("the pickle ends too early");
    const std::string_view taken = bytes_.view().substr(at_, size);
    at_ += size;
    return taken;
  }
  StatusOr<uint64_t> Number(int size) {
    ASSIGN_OR_RETURN(const std::string_view raw, Take(static_cast<uint64_t>(size)));
    uint64_t value = 0;
    for (int i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(raw[static_cast<size_t>(i)]);
    return value;
  }
  StatusOr<std::string_view> Counted(int size_of_length) {
    ASSIGN_OR_RETURN(const uint64_t length, Number(size_of_length));
    return Take(length);
  }
  StatusOr<std::string_view> Line() {
    const size_t end = bytes_.view().find('\n', at_);
    if (end == std::string_view::npos) return Corrupt("the pickle ends too early");
    const std::string_view line = bytes_.view().substr(at_, end - at_);
    at_ = end + 1;
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

  // The stack. Marks are positions in it, and nothing below the topmost mark can be reached.
  Value* New(Kind kind) {
    Value& value = pickle_->values_.emplace_back();
    value.kind = kind;
    return &value;
  }
  Value* Push(Kind kind) {
    Value* value = New(kind);
    stack_.push_back(value);
    return value;
  }
  Status PushText(Kind kind, std::string_view text) {
    Push(kind)->text = text;
    return {};
  }
  Status PushDecoded(Kind kind, std::string text) { return PushText(kind, pickle_->texts_.emplace_back(std::move(text))); }
  Status PushInt(int64_t value) {
    Push(Kind::kInt)->integer = value;
    return {};
  }
  Status PushBool(bool value) {
    Push(Kind::kBool)->integer = value;
    return {};
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  StatusOr<Value*> Pop() {
    if (stack_.size() <= floor()) return Corrupt("an operand is missing");
    Value* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  StatusOr<Value*> Top() {
    if (stack_.size() <= floor()) return Corrupt("an operand is missing");
    return stack_.back();
  }
  StatusOr<std::vector<const Value*>> PopMark() {
    if (marks_.empty()) return Corrupt("a mark is missing");
    std::vector<const Value*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  Status PushTuple(size_t count) {
    if (stack_.size() - floor() < count) return Corrupt("an operand is missing");
    Value* tuple = New(Kind::kTuple);
    tuple->items.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    stack_.push_back(tuple);
    return {};
  }
  Status PushItems(Kind kind) {
    ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
    if (kind == Kind::kDict && items.size() % 2 != 0) return Corrupt("a dict has a key without a value");
    Value* value = Push(kind);
    (kind == Kind::kDict ? value->entries : value->items) = std::move(items);
    return {};
  }

  Status PushGlobal(std::string_view module, std::string_view name) {
    constexpr size_t kLongest = 200;
    if (module.size() + name.size() > kLongest || module.find(' ') != std::string_view::npos) return Corrupt("the name of a global is no name");
    if (!options_.allows || !options_.allows(module, name))
      return Unsupported(fmt::format("it names the global '{}.{}', which is not among those that such a file needs; nothing in a pickle is executed",
                                     module, name));
    return PushDecoded(Kind::kGlobal, fmt::format("{} {}", module, name));
  }
  Status PushCall(const Value* callable, const Value* arguments, const Value* keywords = nullptr) {
    if (!arguments->is(Kind::kTuple) && callable->is(Kind::kGlobal) && callable->text.starts_with("__torch__")) {
      Value* member = New(Kind::kTuple);  // TorchScript writes a member of an enum as a call of its value
      member->items = {arguments};
      arguments = member;
    }
    if (!arguments->is(Kind::kTuple)) return Corrupt("the arguments of a call are no tuple");
    Value* call = Push(Kind::kCall);
    call->callable = callable;
    call->arguments = arguments;
    call->keywords = keywords;
    return {};
  }
  // OBJ and INST: the arguments stand on the stack from the mark on.
  Status PushInstance(const Value* type, std::vector<const Value*> items) {
    Value* arguments = New(Kind::kTuple);
    arguments->items = std::move(items);
    return PushCall(type, arguments);
  }

  Status Append(std::vector<const Value*> items) {
    ASSIGN_OR_RETURN(Value * target, Top());
    if (!target->is(Kind::kList) && !target->is(Kind::kCall)) return Corrupt("an item is added to what is no list");
    target->items.insert(target->items.end(), items.begin(), items.end());
    return {};
  }
  Status AddToSet(std::vector<const Value*> items) {
    ASSIGN_OR_RETURN(Value * target, Top());
    if (!target->is(Kind::kSet) && !target->is(Kind::kCall)) return Corrupt("an item is added to what is no set");
    target->items.insert(target->items.end(), items.begin(), items.end());
    return {};
  }
  Status SetItems(std::vector<const Value*> items) {
    if (items.size() % 2 != 0) return Corrupt("a dict has a key without a value");
    ASSIGN_OR_RETURN(Value * target, Top());
    if (!target->is(Kind::kDict) && !target->is(Kind::kCall)) return Corrupt("an entry is added to what is no dict");
    target->entries.insert(target->entries.end(), items.begin(), items.end());
    return {};
  }
  Status Build() {
    ASSIGN_OR_RETURN(Value * state, Pop());
    ASSIGN_OR_RETURN(Value * target, Top());
    target->state = state;
    return {};
  }

  Status Remember(uint64_t key) {
    ASSIGN_OR_RETURN(Value * top, Top());
    memo_[key] = top;
    return {};
  }
  Status Recall(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) return Corrupt(fmt::format("object {} is referred to, but was not stored", key));
    stack_.push_back(found->second);
    return {};
  }
  StatusOr<uint64_t> LineNumber() {
    ASSIGN_OR_RETURN(const std::string_view line, Line());
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || end != line.data() + line.size()) return Corrupt("an index is no number");
    return value;
  }
  Status PushPersistent(const Value* id) {
    Push(Kind::kPersistent)->arguments = id;
    return {};
  }
  Status PushLong(std::string_view raw) {
    if (raw.size() > 8) return PushText(Kind::kBigInt, raw);
    uint64_t value = !raw.empty() && (raw.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (size_t i = raw.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(raw[i]);
    return PushInt(static_cast<int64_t>(value));
  }
  Status PushDecimal(std::string_view line, bool may_be_bool);
  Status PushFloat(std::string_view line);

  Status Step();
  Status StepData(uint8_t op);
  Status StepContainer(uint8_t op);
  Status StepObject(uint8_t op);

  const PickleOptions& options_;
  const Bytes& bytes_;
  size_t at_;
  bool stopped_ = false;
  std::shared_ptr<Pickle> pickle_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Value*> memo_;
};

Status PickleMachine::PushDecimal(std::string_view line, bool may_be_bool) {
  if (may_be_bool && (line == "00" || line == "01")) return PushBool(line == "01");
  if (line.ends_with('L')) line.remove_suffix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (end == line.data() + line.size() && error == std::errc()) return PushInt(value);
  ASSIGN_OR_RETURN(std::string large, DecimalToTwosComplement(line));
  return PushDecoded(Kind::kBigInt, std::move(large));
}

Status PickleMachine::PushFloat(std::string_view line) {
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (end != line.data() + line.size() || error == std::errc::invalid_argument) return Corrupt("a float is no number");
  if (error != std::errc()) return Corrupt("a float is out of range");
  Push(Kind::kFloat)->number = value;
  return {};
}

Status PickleMachine::Step() {
  ASSIGN_OR_RETURN(const uint64_t op, Number(1));
  switch (op) {
    case 0x80: {  // PROTO
      ASSIGN_OR_RETURN(const uint64_t protocol, Number(1));
      if (protocol > 5) return Unsupported(fmt::format("protocol {}; up to 5 are read", protocol));
      return {};
    }
    case 0x95:  // FRAME: a hint for readers of streams
      return Number(8).status();
    case '.': {
      ASSIGN_OR_RETURN(const Value* root, Pop());
      pickle_->root_ = root;
      stopped_ = true;
      return {};
    }
    case '(':
      marks_.push_back(stack_.size());
      return {};
    case '0':
      // In CPython too, POP takes off a mark where one is on top.
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
        return {};
      }
      return Pop().status();
    case '1':
      return PopMark().status();
    case '2': {
      ASSIGN_OR_RETURN(Value * top, Top());
      stack_.push_back(top);
      return {};
    }
    default:
      return StepData(static_cast<uint8_t>(op));
  }
}

// Numbers and texts.
Status PickleMachine::StepData(uint8_t op) {
  switch (op) {
    case 'N':
      Push(Kind::kNone);
      return {};
    case 0x88:
    case 0x89:
      return PushBool(op == 0x88);
    case 'I':
    case 'L': {
      ASSIGN_OR_RETURN(const std::string_view line, Line());
      return PushDecimal(line, op == 'I');
    }
    case 'J': {
      ASSIGN_OR_RETURN(const uint64_t value, Number(4));
      return PushInt(static_cast<int32_t>(static_cast<uint32_t>(value)));
    }
    case 'K':
    case 'M': {
      ASSIGN_OR_RETURN(const uint64_t value, Number(op == 'K' ? 1 : 2));
      return PushInt(static_cast<int64_t>(value));
    }
    case 0x8a:
    case 0x8b: {  // LONG1, LONG4
      ASSIGN_OR_RETURN(const std::string_view raw, Counted(op == 0x8a ? 1 : 4));
      return PushLong(raw);
    }
    case 'F': {
      ASSIGN_OR_RETURN(const std::string_view line, Line());
      return PushFloat(line);
    }
    case 'G': {  // big endian, unlike all else
      ASSIGN_OR_RETURN(const uint64_t little, Number(8));
      uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | (little >> (8 * i) & 0xff);
      Push(Kind::kFloat)->number = std::bit_cast<double>(bits);
      return {};
    }
    case 'S': {
      ASSIGN_OR_RETURN(const std::string_view line, Line());
      ASSIGN_OR_RETURN(std::string text, DecodeQuoted(line));
      return PushDecoded(Kind::kString, std::move(text));
    }
    case 'V': {
      ASSIGN_OR_RETURN(const std::string_view line, Line());
      ASSIGN_OR_RETURN(std::string text, DecodeRawUnicode(line));
      return PushDecoded(Kind::kString, std::move(text));
    }
    case 'T':
    case 'U':
    case 'X':
    case 0x8c:
    case 0x8d: {
      ASSIGN_OR_RETURN(const std::string_view text, Counted(op == 'U' || op == 0x8c ? 1 : op == 0x8d ? 8 : 4));
      return PushText(Kind::kString, text);
    }
    case 'B':
    case 'C':
    case 0x8e:
    case 0x96: {
      ASSIGN_OR_RETURN(const std::string_view text, Counted(op == 'C' ? 1 : op == 'B' ? 4 : 8));
      return PushText(Kind::kBytes, text);
    }
    default:
      return StepContainer(op);
  }
}

Status PickleMachine::StepContainer(uint8_t op) {
  switch (op) {
    case ')':
      return PushTuple(0);
    case 0x85:
    case 0x86:
    case 0x87:
      return PushTuple(op - 0x84u);
    case 't':
      return PushItems(Kind::kTuple);
    case ']':
      Push(Kind::kList);
      return {};
    case 'l':
      return PushItems(Kind::kList);
    case '}':
      Push(Kind::kDict);
      return {};
    case 'd':
      return PushItems(Kind::kDict);
    case 0x8f:
      Push(Kind::kSet);
      return {};
    case 0x91:
      return PushItems(Kind::kSet);
    case 'a': {
      ASSIGN_OR_RETURN(const Value* item, Pop());
      return Append({item});
    }
    case 'e': {
      ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
      return Append(std::move(items));
    }
    case 0x90: {
      ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
      return AddToSet(std::move(items));
    }
    case 's': {
      ASSIGN_OR_RETURN(const Value* value, Pop());
      ASSIGN_OR_RETURN(const Value* key, Pop());
      return SetItems({key, value});
    }
    case 'u': {
      ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
      return SetItems(std::move(items));
    }
    case 'p':
    case 'g': {
      ASSIGN_OR_RETURN(const uint64_t key, LineNumber());
      return op == 'p' ? Remember(key) : Recall(key);
    }
    case 'q':
    case 'r': {
      ASSIGN_OR_RETURN(const uint64_t key, Number(op == 'q' ? 1 : 4));
      return Remember(key);
    }
    case 'h':
    case 'j': {
      ASSIGN_OR_RETURN(const uint64_t key, Number(op == 'h' ? 1 : 4));
      return Recall(key);
    }
    case 0x94:
      return Remember(memo_.size());
    default:
      return StepObject(op);
  }
}

// Globals and what is called.
Status PickleMachine::StepObject(uint8_t op) {
  switch (op) {
    case 'c': {
      ASSIGN_OR_RETURN(const std::string_view module, Line());
      ASSIGN_OR_RETURN(const std::string_view name, Line());
      return PushGlobal(module, name);
    }
    case 0x93: {
      ASSIGN_OR_RETURN(const Value* name, Pop());
      ASSIGN_OR_RETURN(const Value* module, Pop());
      if (!name->is(Kind::kString) || !module->is(Kind::kString)) return Corrupt("the name of a global is no string");
      return PushGlobal(module->text, name->text);
    }
    case 'R':
    case 0x81: {  // REDUCE, NEWOBJ
      ASSIGN_OR_RETURN(const Value* arguments, Pop());
      ASSIGN_OR_RETURN(const Value* callable, Pop());
      return PushCall(callable, arguments);
    }
    case 0x92: {  // NEWOBJ_EX
      ASSIGN_OR_RETURN(const Value* keywords, Pop());
      ASSIGN_OR_RETURN(const Value* arguments, Pop());
      ASSIGN_OR_RETURN(const Value* callable, Pop());
      return PushCall(callable, arguments, keywords);
    }
    case 'o': {
      ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
      if (items.empty()) return Corrupt("an object without a class");
      const Value* type = items.front();
      items.erase(items.begin());
      return PushInstance(type, std::move(items));
    }
    case 'i': {
      ASSIGN_OR_RETURN(const std::string_view module, Line());
      ASSIGN_OR_RETURN(const std::string_view name, Line());
      ASSIGN_OR_RETURN(std::vector<const Value*> items, PopMark());
      RETURN_IF_ERROR(PushGlobal(module, name));
      ASSIGN_OR_RETURN(const Value* type, Pop());
      return PushInstance(type, std::move(items));
    }
    case 'b':
      return Build();
    case 'P': {
      ASSIGN_OR_RETURN(const std::string_view line, Line());
      Value* id = New(Kind::kString);
      id->text = line;
      return PushPersistent(id);
    }
    case 'Q': {
      ASSIGN_OR_RETURN(const Value* id, Pop());
      return PushPersistent(id);
    }
    case 0x82:
    case 0x83:
    case 0x84:
      return Unsupported("it refers to Python's registry of extension codes, which is not in the file");
    case 0x97:
    case 0x98:
      return Unsupported("it refers to buffers that are kept outside of the pickle");
    default:
      return Corrupt(fmt::format("unknown opcode 0x{:02x}; this is no pickle, or it is damaged", op));
  }
}

StatusOr<std::shared_ptr<const Pickle>> ReadPickle(const Bytes& bytes, size_t* position, const PickleOptions& options) {
  if (*position > bytes.size()) return Corrupt("the pickle ends too early");
  return PickleMachine(bytes, *position, options).Run(position);
}

}  // namespace sardonyx::formats
