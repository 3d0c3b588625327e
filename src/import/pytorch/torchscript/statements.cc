// Functions and statements.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {
namespace {

constexpr size_t kMaxFrames = 200;
constexpr uint64_t kMaxSteps = 4'000'000;  // statements that are run, loops unrolled
// A loop of more rounds, whose length is known, becomes a Loop all the same: unrolled it would be a graph of that many times the
// body's nodes.
constexpr int64_t kMaxUnrolled = 512;

}  // namespace

const IValue& Arguments::at(size_t i) const {
  static const IValue none;
  return i < positional.size() ? positional[i] : none;
}

const IValue& Arguments::named_or(std::string_view name, const IValue& otherwise) const {
  for (const auto& [key, value] : named) {
    if (key == name) return value;
  }
  return otherwise;
}

StatusOr<IValue> Interpreter::CallMethod(const std::shared_ptr<Instance>& self, const FunctionDef& method, Arguments arguments) {
  arguments.positional.insert(arguments.positional.begin(), IValue(std::shared_ptr<Object>(self)));
  return Call(method, self->type, self->path, std::move(arguments));
}

StatusOr<IValue> Interpreter::Call(const FunctionDef& function, const ClassDef* owner, std::string place, Arguments arguments) {
  if (frames_.size() >= kMaxFrames)
    return Unsupported(fmt::format("calls are nested deeper than {}; recursion cannot be inlined", kMaxFrames));
  Frame frame;
  frame.owner = owner;
  frame.place = std::move(place);
  frame.function = owner == nullptr ? function.name : fmt::format("{}.{}", owner->name, function.name);
  frame.line = function.line;
  const std::string outer_place = b.place();
  const auto context = [&](const Status& status) { return status.WithContext(fmt::format("{}, line {}", frame.function, frame.line)); };
  if (arguments.size() > function.params.size())
    return Corrupt(fmt::format("{} takes {} arguments and is given {}", frame.function, function.params.size(), arguments.size()));
  std::vector<bool> given(function.params.size(), false);
  for (size_t i = 0; i < arguments.size(); ++i) {
    frame.variables[function.params[i].name] = std::move(arguments.positional[i]);
    given[i] = true;
  }
  frames_.push_back(&frame);
  Status status;
  for (size_t i = 0; i < function.params.size() && status.ok(); ++i) {
    const ParamDef& param = function.params[i];
    if (given[i]) continue;
    const IValue* named = nullptr;
    for (const auto& [key, value] : arguments.named) {
      if (key == param.name) named = &value;
    }
    if (named != nullptr) {
      frame.variables[param.name] = *named;
    } else if (param.default_value) {
      StatusOr<IValue> value = Evaluate(*param.default_value);
      if (value.ok())
        frame.variables[param.name] = *std::move(value);
      else
        status = value.status();
    } else {
      status = Corrupt(fmt::format("{} lacks its argument '{}'", frame.function, param.name));
    }
  }
  if (status.ok()) status = Run(function.body).status();
  frames_.pop_back();
  b.SetPlace(outer_place);
  if (!status.ok()) return context(status);
  return std::move(frame.result);
}

Status Interpreter::Tick() {
  if (++steps_ > kMaxSteps) return Unsupported("the program runs more than 4 million statements when its loops are unrolled");
  return b.status();
}

StatusOr<Interpreter::Flow> Interpreter::Run(const Block& block) {
  for (const auto& statement : block) {
    ASSIGN_OR_RETURN(const Flow flow, RunStatement(*statement));
    if (flow == Flow::kReturned) return flow;
  }
  return Flow::kNext;
}

StatusOr<Interpreter::Flow> Interpreter::RunStatement(const Stmt& statement) {
  RETURN_IF_ERROR(Tick());
  const Deeper deeper(this);
  RETURN_IF_ERROR(deeper.Check());
  frame().line = statement.line;
  switch (statement.kind) {
    case StmtKind::kPass:
      return Flow::kNext;
    case StmtKind::kExpr:
      RETURN_IF_ERROR(Evaluate(*statement.value).status());
      return Flow::kNext;
    case StmtKind::kAssign:
      RETURN_IF_ERROR(Assign(statement));
      return Flow::kNext;
    case StmtKind::kReturn:
      if (statement.value) {
        ASSIGN_OR_RETURN(frame().result, Evaluate(*statement.value));
      }
      return Flow::kReturned;
    case StmtKind::kIf:
      return RunIf(statement);
    case StmtKind::kFor:
      return RunFor(statement);
    case StmtKind::kWhile:
      return RunWhile(statement);
    case StmtKind::kWith: {  // torch.no_grad and profiling ranges change no value
      ASSIGN_OR_RETURN(IValue context, Evaluate(*statement.value));
      if (!statement.targets.empty()) RETURN_IF_ERROR(AssignTo(*statement.targets[0], std::move(context)));
      return Run(statement.body);
    }
    case StmtKind::kRaise:
      return Unsupported("the program raises an exception for these inputs");
  }
  return Internal("a statement of no kind");
}

Status Interpreter::Assign(const Stmt& statement) {
  if (!statement.value) return {};  // only a type
  ASSIGN_OR_RETURN(IValue value, Evaluate(*statement.value));
  if (!statement.unpacks && statement.targets.size() == 1) return AssignTo(*statement.targets[0], std::move(value));
  IValue::List items;
  if (value.is_tuple()) {
    items = value.list();
  } else {
    ASSIGN_OR_RETURN(items, Items(value).WithContext("unpacking"));
  }
  if (items.size() != statement.targets.size())
    return Unsupported(
        fmt::format("{} values are unpacked into {} variables; the sizes of the inputs may not be those that the model was traced with",
                    items.size(), statement.targets.size()));
  for (size_t i = 0; i < items.size(); ++i) RETURN_IF_ERROR(AssignTo(*statement.targets[i], items[i]));
  return {};
}

Status Interpreter::AssignTo(const Expr& target, IValue value) {
  if (target.kind == ExprKind::kName) {
    frame().variables[target.text] = std::move(value);
    return {};
  }
  ASSIGN_OR_RETURN(const IValue object, Evaluate(*target.children[0]));
  if (target.kind == ExprKind::kAttribute) {
    const auto instance = As<Instance>(object);
    if (instance == nullptr) return Unsupported(fmt::format("assignment to the attribute '{}' of what is no object", target.text));
    heap_.WillChange(instance);
    instance->attributes[target.text] = std::move(value);
    return {};
  }
  ASSIGN_OR_RETURN(IValue index, Evaluate(*target.children[1]));
  Arguments arguments;
  arguments.positional = {object, std::move(index), std::move(value)};
  return CallOperator("aten", "_set_item", std::move(arguments)).status();
}

StatusOr<Interpreter::Flow> Interpreter::RunIf(const Stmt& statement) {
  ASSIGN_OR_RETURN(const IValue condition, Evaluate(*statement.value));
  if (const std::optional<bool> known = Truth(condition)) return Run(*known ? statement.body : statement.orelse);
  ASSIGN_OR_RETURN(const IValue number, ToNumber(condition, Kind::kBool));
  if (number.is_bool()) return Run(number.boolean() ? statement.body : statement.orelse);
  return DynamicIf(statement, Scalar(number));
}

StatusOr<Interpreter::Flow> Interpreter::RunFor(const Stmt& statement) {
  const Expr& range = *statement.value;
  if (range.kind != ExprKind::kCall || range.children[0]->DottedName() != "range") {
    ASSIGN_OR_RETURN(const IValue values, Evaluate(range));
    ASSIGN_OR_RETURN(const IValue::List items, Items(values));
    for (const IValue& item : items) {
      RETURN_IF_ERROR(AssignTo(*statement.targets[0], item));
      ASSIGN_OR_RETURN(const Flow flow, Run(statement.body));
      if (flow == Flow::kReturned) return flow;
    }
    return Flow::kNext;
  }
  ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(range));
  IValue begin(int64_t{0}), end = arguments.at(0), step(int64_t{1});
  if (arguments.size() > 1) begin = arguments.at(0), end = arguments.at(1);
  if (arguments.size() > 2) step = arguments.at(2);
  for (IValue* bound : {&begin, &end, &step}) {
    ASSIGN_OR_RETURN(*bound, ToNumber(*bound, Kind::kInt));
  }
  if (begin.is_int() && end.is_int() && step.is_int()) {
    if (step.integer() == 0) return Corrupt("range() with step 0");
    const int64_t distance = step.integer() > 0 ? end.integer() - begin.integer() : begin.integer() - end.integer();
    const int64_t width = step.integer() > 0 ? step.integer() : -step.integer();
    const int64_t rounds = distance <= 0 ? 0 : (distance + width - 1) / width;
    if (rounds <= kMaxUnrolled) {
      for (int64_t i = 0; i < rounds; ++i) {
        RETURN_IF_ERROR(AssignTo(*statement.targets[0], IValue(begin.integer() + i * step.integer())));
        ASSIGN_OR_RETURN(const Flow flow, Run(statement.body));
        if (flow == Flow::kReturned) return flow;
      }
      return Flow::kNext;
    }
  }
  if (!begin.is_int() || begin.integer() != 0 || !step.is_int() || step.integer() != 1)
    return Unsupported("a loop over a range of unknown length that does not begin at 0 or has a step");
  RETURN_IF_ERROR(DynamicLoop(statement, Scalar(end), nullptr));
  return Flow::kNext;
}

StatusOr<Interpreter::Flow> Interpreter::RunWhile(const Stmt& statement) {
  for (int64_t round = 0;; ++round) {
    RETURN_IF_ERROR(Tick());
    ASSIGN_OR_RETURN(IValue condition, Evaluate(*statement.value));
    std::optional<bool> known = Truth(condition);
    if (!known) {
      ASSIGN_OR_RETURN(condition, ToNumber(condition, Kind::kBool));
      known = Truth(condition);
    }
    if (known == false) return Flow::kNext;
    if (!known || round >= kMaxUnrolled) {
      RETURN_IF_ERROR(DynamicLoop(statement, nullptr, Scalar(condition)));
      return Flow::kNext;
    }
    ASSIGN_OR_RETURN(const Flow flow, Run(statement.body));
    if (flow == Flow::kReturned) return flow;
  }
}

}  // namespace sardonyx::pytorch
