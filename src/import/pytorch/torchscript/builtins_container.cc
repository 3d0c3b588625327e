// Builtins on everything else: identity and equality, lists, dicts, ranges, strings and errors.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/builtins.h"

namespace sardonyx::pytorch {
namespace {

using Result = BuiltinResult;

Result False(Interpreter&, Arguments&) { return Give(IValue(false)); }
Result True(Interpreter&, Arguments&) { return Give(IValue(true)); }
Result Nothing(Interpreter&, Arguments&) { return GiveNone(); }
Result First(Interpreter&, Arguments& args) { return args.size() == 0 ? NotHere() : Give(args.at(0)); }

Result UnwrapOptional(Interpreter& in, Arguments& args) {
  const auto optional = As<OptionalCell>(args.at(0));
  return optional != nullptr ? Give(in.Unwrap(*optional)) : Give(args.at(0));
}

// str(): of numbers that are not known "?".
std::string Text(const IValue& value) {
  if (value.is_string()) return value.string();
  if (value.is_number_value()) return "?";
  if (const auto list = As<ListCell>(value)) {
    std::string text = "[";
    for (size_t i = 0; i < list->items.size(); ++i) text += (i > 0 ? ", " : "") + Text(list->items[i]);
    return text + "]";
  }
  if (value.is_double()) {
    std::string text = fmt::format("{}", value.number());
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  return value.ToString();
}

// ---- Identity and equality.

Result Is(Interpreter& in, Arguments& args, bool wanted) {
  const IValue &a = args.at(0), &b = args.at(1);
  const auto optional = As<OptionalCell>(a.is_none() ? b : a);
  if (optional != nullptr && (a.is_none() || b.is_none())) {
    V has = in.Has(*optional);
    return Give(in.Number(wanted ? in.builder().Op("Not", {has}) : has, Kind::kBool));
  }
  if (a.is_none() || b.is_none()) return Give(IValue((a.is_none() && b.is_none()) == wanted));
  if (a.is_object() && b.is_object()) return Give(IValue((a.object() == b.object()) == wanted));
  if (a.is_bool() && b.is_bool()) return Give(IValue((a.boolean() == b.boolean()) == wanted));
  return Give(IValue(!wanted));
}
Result IsSame(Interpreter& in, Arguments& args) { return Is(in, args, true); }
Result IsNotSame(Interpreter& in, Arguments& args) { return Is(in, args, false); }

// Of lists and tuples element by element; anything else is not for here.
Result Equal(Interpreter& in, Arguments& args, bool wanted) {
  const IValue &a = args.at(0), &b = args.at(1);
  if (args.size() != 2 || !(IsList(a) || IsTuple(a)) || !(IsList(b) || IsTuple(b))) {
    if (args.size() == 2 && As<Opaque>(a) != nullptr && As<Opaque>(b) != nullptr) return Give(IValue(wanted));  // devices
    return NotHere();
  }
  ASSIGN_OR_RETURN(const IValue::List x, in.Items(a));
  ASSIGN_OR_RETURN(const IValue::List y, in.Items(b));
  if (x.size() != y.size()) return Give(IValue(!wanted));
  IValue all(true);
  for (size_t i = 0; i < x.size(); ++i) {
    Arguments pair;
    pair.positional = {x[i], y[i]};
    ASSIGN_OR_RETURN(const IValue same, in.CallOperator("aten", "eq", pair));
    pair.positional = {all, same};
    ASSIGN_OR_RETURN(const std::optional<IValue> both, in.NumberOperator("__and__", pair));
    if (!both) return Unsupported("comparison of lists of tensors");
    all = *both;
  }
  if (wanted) return Give(std::move(all));
  Arguments one;
  one.positional = {all};
  return in.NumberOperator("__not__", one);
}
Result ListEq(Interpreter& in, Arguments& args) { return Equal(in, args, true); }
Result ListNe(Interpreter& in, Arguments& args) { return Equal(in, args, false); }

// ---- Lists.

Result Len(Interpreter& in, Arguments& args) {
  const IValue& value = args.at(0);
  if (const auto list = As<ListCell>(value); list != nullptr && list->sequence != nullptr)
    return Give(in.Number(in.builder().Op("SequenceLength", {list->sequence}), Kind::kInt));
  if (const auto dict = As<DictCell>(value)) return Give(IValue(static_cast<int64_t>(dict->entries.size())));
  if (value.is_string()) return Give(IValue(static_cast<int64_t>(value.string().size())));
  if (in.IsTensor(value)) return Give(in.Size(value, 0));
  if (const auto instance = As<Instance>(value)) return Give(IValue(static_cast<int64_t>(instance->attributes.size())));
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(value));
  return Give(IValue(static_cast<int64_t>(items.size())));
}

// The list of the first argument, about to be changed; null if it is something else.
std::shared_ptr<ListCell> Changing(Interpreter& in, const IValue& value) {
  auto list = As<ListCell>(value);
  if (list != nullptr) in.heap().WillChange(list);
  return list;
}

StatusOr<V> Element(Interpreter& in, const IValue& value) {
  if (Interpreter::IsNumber(value)) return in.Scalar(value);
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(value));
  return tensor.value;
}

Result Append(Interpreter& in, Arguments& args) {
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  if (list->sequence == nullptr) {
    list->items.push_back(args.at(1));
  } else {
    ASSIGN_OR_RETURN(V element, Element(in, args.at(1)));
    list->sequence = in.builder().Op("SequenceInsert", {list->sequence, element});
  }
  return Give(args.at(0));
}

Result Extend(Interpreter& in, Arguments& args) {
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  ASSIGN_OR_RETURN(const IValue::List more, in.Items(args.at(1)));
  for (const IValue& item : more) {
    Arguments one;
    one.positional = {args.at(0), item};
    RETURN_IF_ERROR(Append(in, one).status());
  }
  return GiveNone();
}

// A Python index that may lie at the end, of a list without sequence.
StatusOr<size_t> Position(const ListCell& list, const IValue& index, size_t end) {
  if (list.sequence != nullptr || !index.is_int()) return Unsupported("a change of a list at an index or of a length that depends on data");
  const int64_t at = index.integer() < 0 ? index.integer() + static_cast<int64_t>(list.items.size()) : index.integer();
  if (at < 0 || at >= static_cast<int64_t>(end))
    return Unsupported(fmt::format("index {} of a list of {}", index.integer(), list.items.size()));
  return static_cast<size_t>(at);
}

Result Insert(Interpreter& in, Arguments& args) {
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  ASSIGN_OR_RETURN(const size_t at, Position(*list, args.at(1), list->items.size() + 1));
  list->items.insert(list->items.begin() + static_cast<std::ptrdiff_t>(at), args.at(2));
  return GiveNone();
}

Result Pop(Interpreter& in, Arguments& args) {
  if (const auto dict = As<DictCell>(args.at(0))) {
    in.heap().WillChange(dict);
    for (auto at = dict->entries.begin(); at != dict->entries.end(); ++at) {
      if (at->first.ToString() != args.at(1).ToString()) continue;
      IValue value = at->second;
      dict->entries.erase(at);
      return Give(std::move(value));
    }
    return args.size() > 2 ? Give(args.at(2)) : Unsupported("the dict has no such key");
  }
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  ASSIGN_OR_RETURN(const size_t at, Position(*list, args.size() > 1 ? args.at(1) : IValue(int64_t{-1}), list->items.size()));
  IValue value = list->items[at];
  list->items.erase(list->items.begin() + static_cast<std::ptrdiff_t>(at));
  return Give(std::move(value));
}

Result SetItem(Interpreter& in, Arguments& args) {
  if (const auto dict = As<DictCell>(args.at(0))) {
    in.heap().WillChange(dict);
    for (auto& [key, value] : dict->entries) {
      if (key.ToString() == args.at(1).ToString()) return value = args.at(2), GiveNone();
    }
    dict->entries.emplace_back(args.at(1), args.at(2));
    return GiveNone();
  }
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return Unsupported("an assignment to an element of what is no list");
  ASSIGN_OR_RETURN(const size_t at, Position(*list, args.at(1), list->items.size()));
  list->items[at] = args.at(2);
  return Give(args.at(0));
}

Result Clear(Interpreter& in, Arguments& args) {
  if (const auto dict = As<DictCell>(args.at(0))) return in.heap().WillChange(dict), dict->entries.clear(), GiveNone();
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  list->items.clear();
  list->sequence = nullptr;
  return GiveNone();
}

Result Reverse(Interpreter& in, Arguments& args) {
  const auto list = Changing(in, args.at(0));
  if (list == nullptr) return NotHere();
  if (list->sequence != nullptr) return Unsupported("the reverse of a list of unknown length");
  std::reverse(list->items.begin(), list->items.end());
  return GiveNone();
}

bool LessNumber(const IValue& a, const IValue& b) {
  const auto number = [](const IValue& v) {
    return v.is_double() ? v.number() : v.is_int() ? static_cast<double>(v.integer()) : v.is_bool() && v.boolean() ? 1.0 : 0.0;
  };
  return a.is_string() && b.is_string() ? a.string() < b.string() : number(a) < number(b);
}

Result Sorted(Interpreter& in, const IValue& value, bool reverse, bool in_place) {
  ASSIGN_OR_RETURN(IValue::List items, in.Items(value));
  for (const IValue& item : items) {
    if (!item.is_string() && (!Interpreter::IsNumber(item) || item.is_number_value()))
      return Unsupported("sorting a list of what is not known when the model is converted");
  }
  std::stable_sort(items.begin(), items.end(),
                   [&](const IValue& a, const IValue& b) { return reverse ? LessNumber(b, a) : LessNumber(a, b); });
  if (!in_place) return Give(in.heap().NewList(std::move(items)));
  Changing(in, value)->items = std::move(items);
  return GiveNone();
}
Result SortList(Interpreter& in, Arguments& args) {
  return IsList(args.at(0)) ? Sorted(in, args.at(0), args.at(1).is_bool() && args.at(1).boolean(), true) : NotHere();
}
Result SortedList(Interpreter& in, Arguments& args) { return IsList(args.at(0)) ? Sorted(in, args.at(0), false, false) : NotHere(); }

Result ToList(Interpreter& in, Arguments& args) {
  if (args.size() == 0) return Give(in.heap().NewList({}));
  if (args.at(0).is_string()) {
    IValue::List letters;
    for (const char c : args.at(0).string()) letters.emplace_back(std::string(1, c));
    return Give(in.heap().NewList(std::move(letters)));
  }
  if (const auto list = As<ListCell>(args.at(0)); list != nullptr && list->sequence != nullptr) {
    auto copy = in.heap().New<ListCell>();
    copy->sequence = list->sequence;
    copy->element = list->element;
    return Give(Wrap(std::move(copy)));
  }
  if (const auto dict = As<DictCell>(args.at(0))) {
    IValue::List keys;
    for (const auto& [key, value] : dict->entries) keys.push_back(key);
    return Give(in.heap().NewList(std::move(keys)));
  }
  if (!IsList(args.at(0)) && !IsTuple(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(IValue::List items, in.Items(args.at(0)));
  return Give(in.heap().NewList(std::move(items)));
}

Result CopyList(Interpreter& in, Arguments& args) {
  if (const auto dict = As<DictCell>(args.at(0))) {
    auto copy = in.heap().New<DictCell>();
    copy->entries = dict->entries;
    return Give(Wrap(std::move(copy)));
  }
  return IsList(args.at(0)) ? ToList(in, args) : NotHere();
}

Result ToTuple(Interpreter& in, Arguments& args) {
  ASSIGN_OR_RETURN(IValue::List items, in.Items(args.at(0)));
  return Give(IValue::MakeTuple(std::move(items)));
}

Result IndexOf(Interpreter& in, Arguments& args) {
  if (!IsList(args.at(0)) || in.IsTensor(args.at(1))) return NotHere();
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(args.at(0)));
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].ToString() == args.at(1).ToString()) return Give(IValue(static_cast<int64_t>(i)));
  }
  return Unsupported("a list has no such element");
}

Result CountOf(Interpreter& in, Arguments& args) {
  if (!IsList(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(args.at(0)));
  return Give(IValue(static_cast<int64_t>(
      std::count_if(items.begin(), items.end(), [&](const IValue& item) { return item.ToString() == args.at(1).ToString(); }))));
}

Result AddLists(Interpreter& in, Arguments& args) {
  const IValue &a = args.at(0), &b = args.at(1);
  if (a.is_string() && b.is_string()) return Give(IValue(a.string() + b.string()));
  if (args.size() != 2 || !(IsList(a) || a.is_tuple()) || !(IsList(b) || b.is_tuple())) return NotHere();
  ASSIGN_OR_RETURN(IValue::List items, in.Items(a));
  ASSIGN_OR_RETURN(const IValue::List more, in.Items(b));
  items.insert(items.end(), more.begin(), more.end());
  return Give(a.is_tuple() ? IValue::MakeTuple(std::move(items)) : in.heap().NewList(std::move(items)));
}

Result RepeatList(Interpreter& in, Arguments& args) {
  if (!IsList(args.at(0))) return NotHere();
  if (!args.at(1).is_int()) return Unsupported("a list that is repeated an unknown number of times");
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(args.at(0)));
  constexpr int64_t kMaxItems = 1 << 20;
  const int64_t times = std::max<int64_t>(0, args.at(1).integer());
  if (times > 0 && static_cast<int64_t>(items.size()) > kMaxItems / times) return Resource("a list of more than a million elements");
  IValue::List repeated;
  for (int64_t i = 0; i < times; ++i) repeated.insert(repeated.end(), items.begin(), items.end());
  return Give(in.heap().NewList(std::move(repeated)));
}

// slice(list, begin, end, step) of lists, tuples and strings; of tensors it is an operator.
Result SliceList(Interpreter& in, Arguments& args) {
  const IValue& value = args.at(0);
  if (!IsList(value) && !IsTuple(value) && !value.is_string()) return NotHere();
  IValue::List items;
  if (value.is_string()) {
    for (const char c : value.string()) items.emplace_back(std::string(1, c));
  } else {
    ASSIGN_OR_RETURN(items, in.Items(value));
  }
  for (size_t i = 1; i < 4; ++i) {
    if (!args.at(i).is_none() && !args.at(i).is_int()) return Unsupported("a part of a list whose bounds are not known");
  }
  const auto size = static_cast<int64_t>(items.size());
  const int64_t step = args.at(3).is_int() ? args.at(3).integer() : 1;
  if (step == 0) return Corrupt("a slice with step 0");
  const auto bound = [&](const IValue& given, int64_t otherwise) {
    if (!given.is_int()) return otherwise;
    const int64_t at = given.integer() < 0 ? given.integer() + size : given.integer();
    return std::clamp<int64_t>(at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  };
  const int64_t begin = bound(args.at(1), step > 0 ? 0 : size - 1), end = bound(args.at(2), step > 0 ? size : -1);
  IValue::List part;
  std::string text;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
    if (value.is_string()) text += items[static_cast<size_t>(i)].string();
    part.push_back(items[static_cast<size_t>(i)]);
  }
  if (value.is_string()) return Give(IValue(std::move(text)));
  return Give(IsList(value) ? in.heap().NewList(std::move(part)) : IValue::MakeTuple(std::move(part)));
}

// stack and cat of a list of unknown length.
Result Join(Interpreter& in, Arguments& args, bool new_axis) {
  const auto list = As<ListCell>(args.at(0));
  if (list == nullptr || list->sequence == nullptr) return NotHere();
  const IValue dim = args.size() > 1 ? args.at(1) : args.named_or("dim", IValue(int64_t{0}));
  if (!dim.is_int()) return Unsupported("an axis that is not known");
  V joined = in.builder().Op("ConcatFromSequence", {list->sequence}, {{"axis", dim.integer()}, {"new_axis", new_axis ? 1 : 0}});
  return Give(in.NewTensor(joined));
}
Result Stack(Interpreter& in, Arguments& args) { return Join(in, args, true); }
Result Cat(Interpreter& in, Arguments& args) { return Join(in, args, false); }

Result Contains(Interpreter& in, Arguments& args) {
  const IValue &where = args.at(0), &what = args.at(1);
  if (where.is_string() && what.is_string()) return Give(IValue(where.string().find(what.string()) != std::string::npos));
  std::vector<IValue> candidates;
  if (const auto dict = As<DictCell>(where)) {
    for (const auto& [key, value] : dict->entries) candidates.push_back(key);
  } else {
    ASSIGN_OR_RETURN(candidates, in.Items(where));
  }
  for (const IValue& candidate : candidates) {
    Arguments pair;
    pair.positional = {candidate, what};
    ASSIGN_OR_RETURN(const IValue same, in.CallOperator("aten", "eq", pair));
    if (!same.is_bool()) return Unsupported("whether a list holds a value that is not known");
    if (same.boolean()) return Give(IValue(true));
  }
  return Give(IValue(false));
}

Result GetItem(Interpreter& in, Arguments& args) {
  if (in.IsTensor(args.at(0))) return NotHere();
  return Give(in.Index(args.at(0), args.at(1)));
}

// ---- Dicts.

Result DictParts(Interpreter& in, Arguments& args, int which) {
  const auto dict = As<DictCell>(args.at(0));
  if (dict == nullptr) return NotHere();
  IValue::List parts;
  for (const auto& [key, value] : dict->entries) parts.push_back(which == 0 ? key : which == 1 ? value : IValue::MakeTuple({key, value}));
  return Give(in.heap().NewList(std::move(parts)));
}
Result Keys(Interpreter& in, Arguments& args) { return DictParts(in, args, 0); }
Result Values(Interpreter& in, Arguments& args) { return DictParts(in, args, 1); }
Result DictItems(Interpreter& in, Arguments& args) { return DictParts(in, args, 2); }

Result Get(Interpreter&, Arguments& args) {
  const auto dict = As<DictCell>(args.at(0));
  if (dict == nullptr) return NotHere();
  for (const auto& [key, value] : dict->entries) {
    if (key.ToString() == args.at(1).ToString()) return Give(value);
  }
  return Give(args.at(2));
}

Result MakeDict(Interpreter& in, Arguments& args) {
  auto dict = in.heap().New<DictCell>();
  if (const auto from = As<DictCell>(args.at(0)))
    dict->entries = from->entries;
  else if (args.size() > 0) {
    ASSIGN_OR_RETURN(const IValue::List pairs, in.Items(args.at(0)));
    for (const IValue& pair : pairs) {
      if (!pair.is_tuple() || pair.list().size() != 2) return Corrupt("a dict of something other than pairs");
      dict->entries.emplace_back(pair.list()[0], pair.list()[1]);
    }
  }
  return Give(Wrap(std::move(dict)));
}

Result Update(Interpreter& in, Arguments& args) {
  const auto from = As<DictCell>(args.at(1));
  if (As<DictCell>(args.at(0)) == nullptr || from == nullptr) return NotHere();
  const IValue::Dict entries = from->entries;
  for (const auto& [key, value] : entries) {
    Arguments one;
    one.positional = {args.at(0), key, value};
    RETURN_IF_ERROR(SetItem(in, one).status());
  }
  return GiveNone();
}

// ---- Ranges, strings, errors.

Result RangeLength(Interpreter& in, Arguments& args) {
  if (!args.at(0).is_int() || !args.at(1).is_int() || !args.at(2).is_int()) {  // max(0, -((lo - hi) // step))
    IValue length = args.at(0);
    for (const auto& [name, other] :
         {std::pair<const char*, IValue>{"sub", args.at(1)}, {"floordiv", args.at(2)}, {"mul", IValue(int64_t{-1})}, {"max", IValue(int64_t{0})}}) {
      Arguments pair;
      pair.positional = {length, other};
      ASSIGN_OR_RETURN(const std::optional<IValue> next, in.NumberOperator(name, pair));
      if (!next) return NotHere();
      length = *next;
    }
    return Give(std::move(length));
  }
  const int64_t lo = args.at(0).integer(), hi = args.at(1).integer(), step = args.at(2).integer();
  if (step == 0) return Corrupt("range() with step 0");
  const int64_t length = step > 0 ? (hi > lo ? 1 + (hi - 1 - lo) / step : 0) : (lo > hi ? 1 + (lo - 1 - hi) / -step : 0);
  return Give(IValue(length));
}

Result DeriveIndex(Interpreter& in, Arguments& args) {  // start + index * step
  Arguments product;
  product.positional = {args.at(0), args.at(2)};
  ASSIGN_OR_RETURN(const std::optional<IValue> offset, in.NumberOperator("mul", product));
  if (!offset) return NotHere();
  product.positional = {args.at(1), *offset};
  return in.NumberOperator("add", product);
}

// any() and all() of a list of numbers; of tensors they are operators.
Result AnyOrAll(Interpreter& in, Arguments& args, const char* both) {
  const auto list = As<ListCell>(args.at(0));
  if (list == nullptr || list->sequence != nullptr || args.size() != 1) return NotHere();
  IValue result(both == std::string_view("__and__"));
  for (const IValue& item : list->items) {
    if (!Interpreter::IsNumber(item)) return NotHere();
    Arguments one;
    one.positional = {item};
    ASSIGN_OR_RETURN(const std::optional<IValue> truth, in.NumberOperator("Bool", one));
    if (!truth) return NotHere();
    one.positional = {result, *truth};
    ASSIGN_OR_RETURN(const std::optional<IValue> joined, in.NumberOperator(both, one));
    if (!joined) return NotHere();
    result = *joined;
  }
  return Give(std::move(result));
}
Result Any(Interpreter& in, Arguments& args) { return AnyOrAll(in, args, "__or__"); }
Result All(Interpreter& in, Arguments& args) { return AnyOrAll(in, args, "__and__"); }

Result Raise(Interpreter&, Arguments& args) {
  return Unsupported(fmt::format("the program raises an exception for these inputs: {}", Text(args.at(0)).substr(0, 500)));
}

Result Str(Interpreter&, Arguments& args) { return Give(IValue(Text(args.at(0)))); }

Result Format(Interpreter&, Arguments& args) {
  if (!args.at(0).is_string()) return NotHere();
  const std::string& pattern = args.at(0).string();
  std::string text;
  size_t next = 1;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '{' && i + 1 < pattern.size() && pattern[i + 1] == '}')
      text += Text(args.at(next++)), ++i;
    else
      text.push_back(pattern[i]);
  }
  return Give(IValue(std::move(text)));
}

Result JoinText(Interpreter& in, Arguments& args) {
  if (!args.at(0).is_string()) return NotHere();
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(args.at(1)));
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) text += (i > 0 ? args.at(0).string() : "") + Text(items[i]);
  return Give(IValue(std::move(text)));
}

Result StartsWith(Interpreter&, Arguments& args) {
  return args.at(0).is_string() && args.at(1).is_string() ? Give(IValue(args.at(0).string().starts_with(args.at(1).string()))) : NotHere();
}
Result EndsWith(Interpreter&, Arguments& args) {
  return args.at(0).is_string() && args.at(1).is_string() ? Give(IValue(args.at(0).string().ends_with(args.at(1).string()))) : NotHere();
}

Result ChangeCase(Arguments& args, int (*change)(int)) {
  if (!args.at(0).is_string()) return NotHere();
  std::string text = args.at(0).string();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 128) c = static_cast<char>(change(c));
  return Give(IValue(std::move(text)));
}
Result Upper(Interpreter&, Arguments& args) { return ChangeCase(args, std::toupper); }
Result Lower(Interpreter&, Arguments& args) { return ChangeCase(args, std::tolower); }

Result Strip(Interpreter&, Arguments& args) {
  if (!args.at(0).is_string()) return NotHere();
  const std::string blanks = args.at(1).is_string() ? args.at(1).string() : " \n\t\f\v\r";
  const std::string& text = args.at(0).string();
  const size_t begin = text.find_first_not_of(blanks);
  return Give(IValue(begin == std::string::npos ? std::string() : text.substr(begin, text.find_last_not_of(blanks) - begin + 1)));
}

Result SplitText(Interpreter& in, Arguments& args) {
  if (!args.at(0).is_string() || !args.at(1).is_string() || args.at(1).string().empty()) return NotHere();
  const std::string &text = args.at(0).string(), &separator = args.at(1).string();
  int64_t left = args.at(2).is_int() && args.at(2).integer() >= 0 ? args.at(2).integer() : static_cast<int64_t>(text.size()) + 1;
  IValue::List parts;
  for (size_t begin = 0; begin != std::string::npos;) {
    const size_t end = left-- > 0 ? text.find(separator, begin) : std::string::npos;
    parts.emplace_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    begin = end == std::string::npos ? end : end + separator.size();
  }
  return Give(in.heap().NewList(std::move(parts)));
}

Result ReplaceText(Interpreter&, Arguments& args) {
  if (!args.at(0).is_string() || !args.at(1).is_string() || !args.at(2).is_string() || args.at(1).string().empty()) return NotHere();
  std::string text = args.at(0).string();
  const std::string &from = args.at(1).string(), &to = args.at(2).string();
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return Give(IValue(std::move(text)));
}

constexpr BuiltinRow kRows[] = {
    // identity and equality
    {"__is__", IsSame},
    {"__isnot__", IsNotSame},
    {"eq", ListEq},
    {"ne", ListNe},
    {"unchecked_unwrap_optional", UnwrapOptional},
    {"_unwrap_optional", UnwrapOptional},
    {"unchecked_cast", UnwrapOptional},
    {"__contains__", Contains},
    // lists
    {"len", Len},
    {"append", Append},
    {"extend", Extend},
    {"insert", Insert},
    {"pop", Pop},
    {"_set_item", SetItem},
    {"clear", Clear},
    {"reverse", Reverse},
    {"sort", SortList},
    {"sorted", SortedList},
    {"list", ToList},
    {"copy", CopyList},
    {"tuple", ToTuple},
    {"index", IndexOf},
    {"count", CountOf},
    {"add", AddLists},
    {"add_", AddLists},
    {"mul", RepeatList},
    {"slice", SliceList},
    {"stack", Stack},
    {"cat", Cat},
    {"__getitem__", GetItem},
    // dicts
    {"keys", Keys},
    {"values", Values},
    {"items", DictItems},
    {"get", Get},
    {"dict", MakeDict},
    {"update", Update},
    // the rest
    {"range_length", RangeLength},
    {"__range_length", RangeLength},
    {"__derive_index", DeriveIndex},
    {"RaiseException", Raise},
    {"str", Str},
    {"format", Format},
    {"join", JoinText},
    {"startswith", StartsWith},
    {"endswith", EndsWith},
    {"upper", Upper},
    {"lower", Lower},
    {"strip", Strip},
    {"split", SplitText},
    {"replace", ReplaceText},
    {"any", Any},
    {"all", All},
    {"warn", Nothing},
    {"wait", First},
    {"is_grad_enabled", False},
    {"is_scripting", True},
    {"is_tracing", False},
    {"set_grad_enabled", Nothing},
    {"is_autocast_enabled", False},
    {"is_autocast_cpu_enabled", False},
    {"manual_seed", Nothing},
    {"_assert", Nothing},
    {"_assert_async", Nothing},
};

}  // namespace

std::span<const BuiltinRow> ContainerBuiltins() { return kRows; }

StatusOr<std::optional<IValue>> Interpreter::Builtin(std::string_view name, Arguments& arguments) {
  for (const std::span<const BuiltinRow> rows : {TensorBuiltins(), ContainerBuiltins()}) {
    for (const BuiltinRow& row : rows) {
      if (row.name == name) return row.function(*this, arguments);
    }
  }
  return std::optional<IValue>();
}

StatusOr<IValue::List> Interpreter::Items(const IValue& value) {
  if (const auto list = As<ListCell>(value)) {
    if (list->sequence != nullptr) return Unsupported("all elements of a list whose length depends on data");
    return list->items;
  }
  if (value.is_list()) return value.list();
  if (const auto tuple = As<NamedTuple>(value)) return tuple->items;
  if (const auto instance = As<Instance>(value)) {  // ModuleList and the like
    IValue::List items;
    for (size_t i = 0;; ++i) {
      const auto found = instance->attributes.find(std::to_string(i));
      if (found == instance->attributes.end()) break;
      items.push_back(found->second);
    }
    return items;
  }
  if (IsTensor(value)) {
    ASSIGN_OR_RETURN(const IValue length, Size(value, 0));
    if (!length.is_int()) return Unsupported("all rows of a tensor whose first size is not known");
    Arguments arguments;
    arguments.positional = {value, IValue(int64_t{0})};
    ASSIGN_OR_RETURN(const IValue rows, CallOperator("aten", "unbind", std::move(arguments)));
    return Items(rows);
  }
  return Unsupported(fmt::format("{} where a list is needed", value.ToString()));
}

}  // namespace sardonyx::pytorch
