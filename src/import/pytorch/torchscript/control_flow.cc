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

// Tensors as they are now, without their memory, and copies of lists.
IValue Interpreter::Snapshot(const IValue& value) {
  if (value.is_tensor()) {
    TensorValue now = translator_.memory().Read(value.tensor());
    now.cell = nullptr;
    return IValue(std::move(now));
  }
  if (const auto list = As<ListCell>(value)) {
    auto copy = heap_.New<ListCell>();
    copy->sequence = list->sequence;
    copy->element = list->element;
    for (const IValue& item : list->items) copy->items.push_back(Snapshot(item));
    return IValue(std::shared_ptr<Object>(std::move(copy)));
  }
  if (value.is_tuple()) {
    IValue::List items;
    for (const IValue& item : value.list()) items.push_back(Snapshot(item));
    return IValue::MakeTuple(std::move(items));
  }
  return value;
}

// Runs a block, notes what it leaves behind, and takes it back.
StatusOr<Interpreter::Left> Interpreter::RunAside(const Block& block, const Expr* afterwards, const std::function<Status()>& prepare) {
  std::set<std::string> assigned;
  AssignedNames(block, &assigned);
  const auto before = frame().variables;
  const Heap::Mark heap_mark = heap_.mark();
  const size_t memory_mark = translator_.memory().Enter();
  const auto first_born = static_cast<uint64_t>(born_.size());
  Left left;
  const auto run = [&]() -> Status {
    if (prepare) RETURN_IF_ERROR(prepare());
    ASSIGN_OR_RETURN(const Flow flow, Run(block));
    if (flow == Flow::kReturned) return Unsupported("a return in a branch or loop that depends on data");
    if (afterwards != nullptr) {
      ASSIGN_OR_RETURN(const IValue value, Evaluate(*afterwards));
      ASSIGN_OR_RETURN(left.condition, ToNumber(value, Kind::kBool));
    }
    for (const std::string& name : assigned) {
      if (const auto found = frame().variables.find(name); found != frame().variables.end())
        left.variables.emplace(name, Snapshot(found->second));
    }
    for (const auto& object : heap_.WrittenSince(heap_mark)) {
      if (std::dynamic_pointer_cast<ListCell>(object) == nullptr)
        return Unsupported("a dict or an object's attribute that is changed in a branch or loop that depends on data");
      left.objects.emplace_back(object, Snapshot(IValue(std::shared_ptr<Object>(object))));
    }
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
  const auto list = std::dynamic_pointer_cast<ListCell>(slot.object);
  const auto from = As<ListCell>(value);
  if (list == nullptr || from == nullptr) return Unsupported("a list that is changed differently in the branches of an If");
  heap_.WillChange(list);
  list->items = from->items;
  list->sequence = from->sequence;
  list->element = from->element;
  return {};
}

StatusOr<Interpreter::Flow> Interpreter::DynamicIf(const Stmt& statement, V condition) {
  if (Raises(statement.body)) return Run(statement.orelse);
  if (Raises(statement.orelse)) return Run(statement.body);
  if (nested_ >= kMaxNested)
    return Unsupported(fmt::format("more than {} branches and loops within each other that depend on data", kMaxNested));
  ++nested_;
  Status status;
  const Block* branches[] = {&statement.body, &statement.orelse};
  Merger merger(*this, false);

  Left left[2];
  const auto look = [&](int i) -> std::vector<V> {
    if (!status.ok()) return {b.Int(i)};
    StatusOr<Left> ran = RunAside(*branches[i]);
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
    merged.push_back(merger.Merge(merger.Of(SlotValue(slot, left[0])), merger.Of(SlotValue(slot, left[1]))));
    leaves += Merger::Leaves(merged.back());
  }

  std::vector<V> results;
  const auto give = [&](int i) -> std::vector<V> {
    std::vector<V> outputs;
    StatusOr<Left> ran = status.ok() ? RunAside(*branches[i]) : StatusOr<Left>(status);
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
  return Flow::kNext;
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
  assigned.erase(counter);
  std::vector<Slot> slots;  // the state: what was there before
  for (const std::string& name : assigned) {
    if (frame().variables.contains(name)) slots.push_back({name, nullptr, nullptr});
  }
  const auto count = [&](V iteration) {
    if (!counter.empty()) frame().variables[counter] = IValue(NumberValue{iteration, Kind::kInt});
  };

  // First run, from the state before the loop. Numbers change from round to round: they are none that the body may count on.
  Left left;
  ++nested_;
  b.Loop(trip_count, condition, {}, 0, [&](V iteration, const std::vector<V>&) -> std::vector<V> {
    StatusOr<Left> ran = RunAside(statement.body, again, [&]() -> Status {
      count(iteration);
      for (const Slot& slot : slots) {
        IValue& variable = frame().variables[slot.variable];
        if (!IsNumber(variable)) continue;
        const Kind kind = KindOf(variable);
        V unknown = b.Op("Where", {b.Op("Equal", {iteration, b.Int(0)}), Scalar(variable), Scalar(variable)});
        variable = IValue(NumberValue{unknown, kind});
      }
      return {};
    });
    if (ran.ok())
      left = *std::move(ran);
    else
      status = ran.status();
    return {b.Scalar<bool>(true)};
  });
  --nested_;
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(b.status());
  for (const auto& [object, value] : left.objects) slots.push_back({"", object, nullptr});
  for (const auto& [cell, value] : left.cells) slots.push_back({"", nullptr, cell});
  std::vector<MergedValue> merged;
  std::vector<V> initial;
  const Left before;
  for (const Slot& slot : slots) {
    const IValue value = SlotValue(slot, before);
    merged.push_back(merger.Merge(merger.Of(value), merger.Of(SlotValue(slot, left))));
    RETURN_IF_ERROR(merger.Flatten(merged.back(), value, &initial));
  }

  ++nested_;
  const std::vector<V> results = b.Loop(trip_count, condition, initial, 0, [&](V iteration, const std::vector<V>& state) -> std::vector<V> {
    std::vector<V> outputs(1, b.Scalar<bool>(true));
    StatusOr<Left> ran = status.ok() ? RunAside(statement.body, again,
                                                [&]() -> Status {
                                                  count(iteration);
                                                  size_t at = 0;
                                                  for (size_t i = 0; i < slots.size(); ++i)
                                                    RETURN_IF_ERROR(SetSlot(slots[i], merger.Rebuild(merged[i], state, &at)));
                                                  return {};
                                                })
                                     : StatusOr<Left>(status);
    if (!ran.ok()) status = ran.status();
    if (status.ok() && again != nullptr) outputs[0] = Scalar(ran->condition);
    // What the body did not touch goes on as it came.
    for (size_t i = 0, at = 0; i < slots.size() && status.ok(); ++i) {
      const bool touched = (slots[i].object != nullptr && Find(ran->objects, slots[i].object) != nullptr) ||
                           (slots[i].cell != nullptr && Find(ran->cells, slots[i].cell) != nullptr) ||
                           (slots[i].object == nullptr && slots[i].cell == nullptr && ran->variables.contains(slots[i].variable));
      const size_t width = Merger::Leaves(merged[i]);
      if (touched)
        status = merger.Flatten(merged[i], SlotValue(slots[i], *ran), &outputs);
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
  --nested_;
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(b.status());
  size_t at = 0;
  for (size_t i = 0; i < slots.size(); ++i) RETURN_IF_ERROR(SetSlot(slots[i], merger.Rebuild(merged[i], results, &at)));
  return {};
}

}  // namespace sardonyx::pytorch
