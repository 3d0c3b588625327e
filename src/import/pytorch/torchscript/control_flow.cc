// If and Loop, where their conditions are values of the graph.
//
// What a branch or body leaves behind is found by running it: once to see which variables it sets, which tensors and lists it
// writes to and of what kind their values are, and once more, in the subgraph that stays, to give these as outputs. The first
// run's nodes are needed by nothing and fall away.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/interpreter.h"
#include "import/pytorch/torchscript/merge.h"

namespace sardonyx::pytorch {
namespace {

constexpr int kMaxNested = 10;  // every level is run twice

// Whether the block always raises: such branches are taken to be checks that hold.
bool Raises(const Block& block) {
  for (const auto& statement : block) {
    if (statement->kind == StmtKind::kRaise) return true;
    if (statement->kind == StmtKind::kExpr && statement->value->kind == ExprKind::kCall &&
        statement->value->children[0]->DottedName() == "ops.prim.RaiseException")
      return true;
    if (statement->kind == StmtKind::kIf && Raises(statement->body) && Raises(statement->orelse)) return true;
  }
  return false;
}

void AssignedNames(const Block& block, std::set<std::string>* names) {
  for (const auto& statement : block) {
    for (const ExprPtr& target : statement->targets) {
      if (target->kind == ExprKind::kName) names->insert(target->text);
    }
    AssignedNames(statement->body, names);
    AssignedNames(statement->orelse, names);
  }
}

template <class T>
const IValue* Find(const std::vector<std::pair<std::shared_ptr<T>, IValue>>& list, const std::shared_ptr<T>& key) {
  for (const auto& [one, value] : list) {
    if (one == key) return &value;
  }
  return nullptr;
}

}  // namespace

// Tensors as they are now, without their memory; copies of lists, and of other objects that are not older than `first`.
IValue Interpreter::Snapshot(const IValue& value, uint64_t first) {
  if (value.is_tensor()) {
    TensorValue now = translator_.memory().Read(value.tensor());
    now.cell = nullptr;
    return IValue(std::move(now));
  }
  if (value.is_tuple()) {
    IValue::List items;
    for (const IValue& item : value.list()) items.push_back(Snapshot(item, first));
    return IValue::MakeTuple(std::move(items));
  }
  const auto object = As<ScriptObject>(value);
  if (object != nullptr && (object->serial >= first || As<ListCell>(value) != nullptr)) return Copy(object, first);
  return value;
}

IValue Interpreter::Copy(const std::shared_ptr<ScriptObject>& object, uint64_t first) {
  const Deeper deeper(this);
  if (!deeper.Check().ok()) return IValue(std::shared_ptr<Object>(object));  // objects that hold each other
  const auto made = [](auto copy) { return IValue(std::shared_ptr<Object>(std::move(copy))); };
  if (const auto list = std::dynamic_pointer_cast<ListCell>(object)) {
    auto copy = heap_.New<ListCell>();
    copy->sequence = list->sequence;
    copy->element = list->element;
    for (const IValue& item : list->items) copy->items.push_back(Snapshot(item, first));
    return made(std::move(copy));
  }
  if (const auto dict = std::dynamic_pointer_cast<DictCell>(object)) {
    auto copy = heap_.New<DictCell>();
    for (const auto& [key, item] : dict->entries) copy->entries.emplace_back(key, Snapshot(item, first));
    return made(std::move(copy));
  }
  if (const auto instance = std::dynamic_pointer_cast<Instance>(object)) {
    auto copy = heap_.New<Instance>();
    copy->type = instance->type;
    copy->path = instance->path;
    for (const auto& [name, item] : instance->attributes) copy->attributes.emplace(name, Snapshot(item, first));
    return made(std::move(copy));
  }
  return IValue(std::shared_ptr<Object>(object));
}

Status Interpreter::RunWhole(const Block& block) {
  ASSIGN_OR_RETURN(const Flow flow, Run(block));
  return flow == Flow::kReturned ? Unsupported("a return in a branch or loop that depends on data") : Status();
}

// Runs it, notes what it leaves behind, and takes that back.
StatusOr<Interpreter::Left> Interpreter::RunAside(const Aside& aside) {
  const auto before = frame().variables;
  const Heap::Mark heap_mark = heap_.mark();
  const size_t memory_mark = translator_.memory().Enter();
  const auto first_born = static_cast<uint64_t>(born_.size());
  Left left;
  const auto run = [&]() -> Status {
    RETURN_IF_ERROR(aside.run());
    for (const std::string& name : aside.assigned) {
      if (const auto found = frame().variables.find(name); found != frame().variables.end())
        left.variables.emplace(name, Snapshot(found->second, heap_mark.serial));
    }
    for (const auto& object : heap_.WrittenSince(heap_mark)) left.objects.emplace_back(object, Copy(object, heap_mark.serial));
    return b.status();
  };
  const Status status = run();
  for (const Memory::Written& written : translator_.memory().Leave(memory_mark)) {
    const auto born = born_.find(written.cell.get());
    if (born != born_.end() && born->second >= first_born) continue;  // the block's own
    left.cells.emplace_back(written.cell, IValue(TensorValue{written.value, written.cell->is_complex, {}, {}}));
  }
  heap_.Rollback(heap_mark);
  frame().variables = before;
  if (!status.ok()) return status;
  return left;
}

// What a slot holds after a block; what it held before if the block did not touch it.
IValue Interpreter::SlotValue(const Slot& slot, const Left& left) {
  if (slot.object != nullptr) {
    const IValue* found = Find(left.objects, slot.object);
    return found != nullptr ? *found : IValue(std::shared_ptr<Object>(slot.object));
  }
  if (slot.cell != nullptr) {
    const IValue* found = Find(left.cells, slot.cell);
    return found != nullptr ? *found : IValue(TensorValue{slot.cell->value, slot.cell->is_complex, {}, {}});
  }
  const auto found = left.variables.find(slot.variable);
  if (found != left.variables.end()) return found->second;
  const auto before = frame().variables.find(slot.variable);
  return before == frame().variables.end() ? IValue() : before->second;
}

// Gives a slot what a block left there. Objects keep their identity: it is their content that is set.
Status Interpreter::SetSlot(const Slot& slot, IValue value) {
  if (slot.cell != nullptr) {
    if (!value.is_tensor()) return Internal("a tensor became something else");
    translator_.memory().Update(slot.cell, value.tensor().value);
    return {};
  }
  if (slot.object == nullptr) {
    frame().variables[slot.variable] = std::move(value);
    return {};
  }
  const auto from = As<ScriptObject>(value);
  if (from == slot.object) return {};
  const auto list = std::dynamic_pointer_cast<ListCell>(slot.object), new_list = std::dynamic_pointer_cast<ListCell>(from);
  const auto dict = std::dynamic_pointer_cast<DictCell>(slot.object), new_dict = std::dynamic_pointer_cast<DictCell>(from);
  const auto instance = std::dynamic_pointer_cast<Instance>(slot.object), new_instance = std::dynamic_pointer_cast<Instance>(from);
  if (list != nullptr && new_list != nullptr) {
    heap_.WillChange(list);
    list->items = new_list->items;
    list->sequence = new_list->sequence;
    list->element = new_list->element;
  } else if (dict != nullptr && new_dict != nullptr) {
    heap_.WillChange(dict);
    dict->entries = new_dict->entries;
  } else if (instance != nullptr && new_instance != nullptr) {
    heap_.WillChange(instance);
    instance->attributes = new_instance->attributes;
  } else {
    return Unsupported("a list, dict or object that branches or rounds of a loop leave different kinds of things in");
  }
  return {};
}

// What the branches around say of a condition.
std::optional<bool> Interpreter::Assumed(V condition) const {
  const auto negated = [](V value) {
    const ir::Node* node = value->producer();
    return node != nullptr && node->op_type == "Not" && node->domain.empty() ? node->input(0) : nullptr;
  };
  for (const auto& [known, value] : assumed_) {
    if (known == condition) return value;
    if (known == negated(condition) || negated(known) == condition) return !value;
  }
  return std::nullopt;
}

StatusOr<Interpreter::Flow> Interpreter::DynamicIf(const Stmt& statement, V condition) {
  if (const std::optional<bool> known = Assumed(condition)) return Run(*known ? statement.body : statement.orelse);
  if (Raises(statement.body)) return Run(statement.orelse);
  if (Raises(statement.orelse)) return Run(statement.body);
  Aside yes{[&] { return RunWhole(statement.body); }, {}}, no{[&] { return RunWhole(statement.orelse); }, {}};
  AssignedNames(statement.body, &yes.assigned);
  AssignedNames(statement.orelse, &no.assigned);
  RETURN_IF_ERROR(Branch(condition, yes, no));
  return Flow::kNext;
}

StatusOr<IValue> Interpreter::Choose(V condition, const Alternative& yes, const Alternative& no) {
  if (const std::optional<bool> known = Assumed(condition)) return *known ? yes() : no();
  const std::string result = "(result)";  // no variable of the program is called that
  const auto setting = [&](const Alternative& alternative) {
    return Aside{[&]() -> Status {
                   ASSIGN_OR_RETURN(frame().variables[result], alternative());
                   return {};
                 },
                 {result}};
  };
  RETURN_IF_ERROR(Branch(condition, setting(yes), setting(no)));
  IValue chosen = std::move(frame().variables[result]);
  frame().variables.erase(result);
  return chosen;
}

Status Interpreter::Branch(V condition, const Aside& yes, const Aside& no) {
  if (nested_ >= kMaxNested)
    return Unsupported(fmt::format("more than {} branches and loops within each other that depend on data", kMaxNested));
  ++nested_;
  Status status;
  const auto run = [&](int i) {
    assumed_.emplace_back(condition, i == 0);
    StatusOr<Left> ran = RunAside(i == 0 ? yes : no);
    assumed_.pop_back();
    return ran;
  };
  Merger merger(*this, false);

  Left left[2];
  const auto look = [&](int i) -> std::vector<V> {
    if (!status.ok()) return {b.Int(i)};
    StatusOr<Left> ran = run(i);
    if (ran.ok())
      left[i] = *std::move(ran);
    else
      status = ran.status();
    return {b.Int(i)};
  };
  b.If(
      condition, [&] { return look(0); }, [&] { return look(1); });
  --nested_;
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(b.status());

  std::vector<Slot> slots;
  std::set<std::string> names;
  for (const Left& branch : left) {
    for (const auto& [name, value] : branch.variables) names.insert(name);
  }
  for (const std::string& name : names) {  // what only one branch sets is used only there
    const bool before = frame().variables.contains(name);
    if (before || (left[0].variables.contains(name) && left[1].variables.contains(name))) slots.push_back({name, nullptr, nullptr});
  }
  for (const Left& branch : left) {
    for (const auto& [object, value] : branch.objects) {
      if (std::none_of(slots.begin(), slots.end(), [object = object](const Slot& slot) { return slot.object == object; }))
        slots.push_back({"", object, nullptr});
    }
    for (const auto& [cell, value] : branch.cells) {
      if (std::none_of(slots.begin(), slots.end(), [cell = cell](const Slot& slot) { return slot.cell == cell; }))
        slots.push_back({"", nullptr, cell});
    }
  }
  std::vector<MergedValue> merged;
  size_t leaves = 0;
  for (const Slot& slot : slots) {
    const IValue values[] = {SlotValue(slot, left[0]), SlotValue(slot, left[1])};
    merged.push_back(merger.Merge(merger.Of(values[0]), merger.Of(values[1])));
    if (values[0].is_bool() && values[1].is_bool() && values[0].boolean() != values[1].boolean()) {
      // It says which branch was taken: so does the condition.
      V taken = values[0].boolean() ? condition : b.Op("Not", {condition});
      merged.back() = merger.Constant(IValue(NumberValue{taken, Kind::kBool}));
    }
    leaves += Merger::Leaves(merged.back());
  }

  std::vector<V> results;
  const auto give = [&](int i) -> std::vector<V> {
    std::vector<V> outputs;
    StatusOr<Left> ran = status.ok() ? run(i) : StatusOr<Left>(status);
    if (!ran.ok()) status = ran.status();
    for (size_t k = 0; k < slots.size() && status.ok(); ++k) status = merger.Flatten(merged[k], SlotValue(slots[k], *ran), &outputs);
    outputs.resize(leaves);
    for (V& output : outputs) {
      if (output == nullptr) output = b.Int(0);
    }
    return outputs;
  };
  ++nested_;
  if (leaves > 0)
    results = b.If(
        condition, [&] { return give(0); }, [&] { return give(1); });
  --nested_;
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(b.status());
  size_t at = 0;
  for (size_t i = 0; i < slots.size(); ++i) RETURN_IF_ERROR(SetSlot(slots[i], merger.Rebuild(merged[i], results, &at)));
  return {};
}

Status Interpreter::DynamicLoop(const Stmt& statement, V trip_count, V condition) {
  if (nested_ >= kMaxNested)
    return Unsupported(fmt::format("more than {} branches and loops within each other that depend on data", kMaxNested));
  if (statement.kind == StmtKind::kFor && statement.targets[0]->kind != ExprKind::kName)
    return Unsupported("a loop over several variables of unknown length");
  const std::string counter = statement.kind == StmtKind::kFor ? statement.targets[0]->text : "";
  const Expr* again = statement.kind == StmtKind::kWhile ? statement.value.get() : nullptr;
  Merger merger(*this, true);
  Status status;
  std::set<std::string> assigned;
  AssignedNames(statement.body, &assigned);
  std::vector<Slot> slots;  // the state: what was there before
  for (const std::string& name : assigned) {
    if (name != counter && frame().variables.contains(name)) slots.push_back({name, nullptr, nullptr});
  }
  // One round, after `prepare` has set the state that it starts from; whether there is another.
  IValue next(true);
  const auto round = [&](V iteration, const std::function<Status()>& prepare) {
    ++nested_;
    StatusOr<Left> ran = RunAside({[&]() -> Status {
                                     if (!counter.empty()) frame().variables[counter] = IValue(NumberValue{iteration, Kind::kInt});
                                     RETURN_IF_ERROR(prepare());
                                     RETURN_IF_ERROR(RunWhole(statement.body));
                                     if (again == nullptr) return {};
                                     ASSIGN_OR_RETURN(const IValue value, Evaluate(*again));
                                     ASSIGN_OR_RETURN(next, ToNumber(value, Kind::kBool));
                                     return {};
                                   },
                                   assigned});
    --nested_;
    if (!ran.ok() && status.ok()) status = ran.status();
    return ran.ok() ? *std::move(ran) : Left();
  };

  // First run, from the state before the loop. Numbers change from round to round: they are none that the body may count on.
  Left left;
  b.Loop(trip_count, condition, {}, 0, [&](V iteration, const std::vector<V>&) -> std::vector<V> {
    left = round(iteration, [&]() -> Status {
      for (const Slot& slot : slots) {
        IValue& variable = frame().variables[slot.variable];
        if (!IsNumber(variable)) continue;
        const Kind kind = KindOf(variable);
        V unknown = b.Op("Where", {b.Op("Equal", {iteration, b.Int(0)}), Scalar(variable), Scalar(variable)});
        variable = IValue(NumberValue{unknown, kind});
      }
      return {};
    });
    return {b.Scalar<bool>(true)};
  });
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(b.status());
  for (const auto& [object, value] : left.objects) slots.push_back({"", object, nullptr});
  for (const auto& [cell, value] : left.cells) slots.push_back({"", nullptr, cell});
  const Left before;
  std::vector<MergedValue> merged;
  for (const Slot& slot : slots) merged.push_back(merger.Merge(merger.Of(SlotValue(slot, before)), merger.Of(SlotValue(slot, left))));

  // What is None before the loop and a tensor after one round is an Optional in the next, which may leave other things Optional as well:
  // the body is run again until it leaves what it was given.
  constexpr int kMaxRounds = 4;
  std::vector<V> results;
  bool settled = false;
  for (int attempt = 0; attempt < kMaxRounds && !settled; ++attempt) {
    std::vector<V> initial;
    std::vector<MergedValue> after;
    for (size_t i = 0; i < slots.size(); ++i) RETURN_IF_ERROR(merger.Flatten(merged[i], SlotValue(slots[i], before), &initial));
    results = b.Loop(trip_count, condition, initial, 0, [&](V iteration, const std::vector<V>& state) -> std::vector<V> {
      const Left ran = round(iteration, [&]() -> Status {
        size_t at = 0;
        for (size_t i = 0; i < slots.size(); ++i) RETURN_IF_ERROR(SetSlot(slots[i], merger.Rebuild(merged[i], state, &at)));
        return {};
      });
      settled = true;
      after = merged;
      std::vector<V> outputs(1, b.Scalar<bool>(true));
      if (status.ok() && again != nullptr) outputs[0] = Scalar(next);
      // What the body did not touch goes on as it came.
      for (size_t i = 0, at = 0; i < slots.size() && status.ok(); ++i) {
        const bool touched = (slots[i].object != nullptr && Find(ran.objects, slots[i].object) != nullptr) ||
                             (slots[i].cell != nullptr && Find(ran.cells, slots[i].cell) != nullptr) ||
                             (slots[i].object == nullptr && slots[i].cell == nullptr && ran.variables.contains(slots[i].variable));
        const size_t width = Merger::Leaves(merged[i]);
        if (touched) after[i] = merger.Merge(merged[i], merger.Of(SlotValue(slots[i], ran)));
        settled &= Merger::SameForm(after[i], merged[i]);
        if (touched && settled)
          status = merger.Flatten(merged[i], SlotValue(slots[i], ran), &outputs);
        else
          outputs.insert(outputs.end(), state.begin() + static_cast<std::ptrdiff_t>(at),
                         state.begin() + static_cast<std::ptrdiff_t>(at + width));
        at += width;
      }
      outputs.resize(initial.size() + 1);
      for (size_t i = 1; i < outputs.size(); ++i) {
        if (outputs[i] == nullptr) outputs[i] = state[i - 1];
      }
      return outputs;
    });
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(b.status());
    merged = std::move(after);
  }
  if (!settled) return Unsupported("a loop of unknown length whose variables are of another kind in every round");
  size_t at = 0;
  for (size_t i = 0; i < slots.size(); ++i) RETURN_IF_ERROR(SetSlot(slots[i], merger.Rebuild(merged[i], results, &at)));
  return {};
}

}  // namespace sardonyx::pytorch
