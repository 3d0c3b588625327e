#include "import/pytorch/memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch {
namespace {

IValue Wrap(ir::Value* value, bool is_complex) { return IValue(TensorValue{value, is_complex, {}, {}}); }

// "aten.slice" of "aten.slice.Tensor".
std::string_view Base(std::string_view target) { return target.substr(0, target.rfind('.')); }

// Operators whose result has the elements of their argument in the same order: the way back is a reshape.
constexpr std::string_view kReshapes[] = {"aten.view",       "aten.reshape",   "aten._unsafe_view",  "aten.view_as",
                                          "aten.reshape_as", "aten.flatten",   "aten.ravel",         "aten.unflatten",
                                          "aten.squeeze",    "aten.unsqueeze", "aten._reshape_alias"};
constexpr std::string_view kSame[] = {"aten.detach",  "aten.detach_", "aten.alias",       "aten.lift_fresh", "aten.contiguous",
                                      "aten.to",      "aten.type_as", "aten.positive",    "aten.expand",     "aten.expand_as",
                                      "aten.dropout", "aten.conj",    "aten.resolve_conj"};
// What undoes itself.
constexpr std::string_view kSwaps[] = {"aten.transpose", "aten.swapaxes", "aten.swapdims", "aten.t",       "aten.numpy_T",
                                       "aten.mT",        "aten.T",        "aten.adjoint",  "aten.matrix_H"};

bool Among(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool InOrder(const Cell& cell, bool part) {
  constexpr std::string_view kKeeps[] = {"aten.view",      "aten.reshape", "aten.view_as",    "aten.flatten",
                                         "aten.unflatten", "aten.squeeze", "aten.detach",     "aten.alias",
                                         "aten.unsqueeze", "aten.to",      "aten.lift_fresh", "aten.contiguous"};
  for (const Cell* at = &cell; at->parent != nullptr; at = at->parent.get()) {
    const std::string_view base = Base(at->target);
    const auto is = [at](size_t i, int64_t number) {
      return i < at->arguments.size() && at->arguments[i].is_int() && at->arguments[i].integer() == number;
    };
    const bool outermost = part && is(1, 0) && ((base == "aten.slice" && is(4, 1)) || base == "aten.select");
    if (!outermost && std::find(std::begin(kKeeps), std::end(kKeeps), base) == std::end(kKeeps)) return false;
  }
  return true;
}

TensorValue Memory::Own(TensorValue tensor) {
  auto cell = std::make_shared<Cell>();
  cell->value = tensor.value;
  cell->is_complex = tensor.is_complex;
  tensor.cell = std::move(cell);
  return tensor;
}

TensorValue Memory::View(TensorValue tensor, std::string_view target, const std::vector<IValue>& arguments, size_t argument,
                         size_t output) {
  auto cell = std::make_shared<Cell>();
  cell->value = tensor.value;
  cell->is_complex = tensor.is_complex;
  cell->parent = arguments[argument].tensor().cell;
  cell->version = cell->root().version;
  cell->target = target;
  cell->arguments = arguments;
  cell->argument = argument;
  cell->output = output;
  tensor.cell = std::move(cell);
  return tensor;
}

TensorValue Memory::Read(const TensorValue& tensor) {
  TensorValue now = tensor;
  if (tensor.cell != nullptr) now.value = Current(tensor.cell);
  return now;
}

void Memory::Note(const std::shared_ptr<Cell>& cell) { journal_.push_back({cell, cell->value, cell->version}); }

ir::Value* Memory::Current(const std::shared_ptr<Cell>& cell) {
  if (cell->parent == nullptr || cell->version == cell->root().version) return cell->value;
  std::vector<IValue> arguments = cell->arguments;
  arguments[cell->argument] = Wrap(Current(cell->parent), cell->parent->is_complex);
  const std::vector<IValue> made = translator_.Apply(cell->target, std::move(arguments));
  if (cell->output >= made.size() || !made[cell->output].is_tensor()) return cell->value;
  Note(cell);
  cell->value = made[cell->output].tensor().value;
  cell->version = cell->root().version;
  return cell->value;
}

void Memory::Write(const TensorValue& tensor, const TensorValue& value) {
  if (tensor.cell != nullptr) Set(tensor.cell, value.value);
}

void Memory::Set(const std::shared_ptr<Cell>& cell, ir::Value* value) {
  if (cell->parent != nullptr) {
    ir::Value* parent = PutBack(*cell, Current(cell->parent), value);
    Set(cell->parent, parent);
    Note(cell);
    cell->value = value;
    cell->version = cell->root().version;
    return;
  }
  Note(cell);
  cell->value = value;
  ++cell->version;
}

ir::Value* Memory::Apply(std::string_view target, std::vector<IValue> arguments) {
  const std::vector<IValue> made = translator_.Apply(target, std::move(arguments));
  return made.empty() || !made[0].is_tensor() ? nullptr : made[0].tensor().value;
}

ir::Value* Memory::PutBack(const Cell& view, ir::Value* parent, ir::Value* part) {
  const std::string_view name = Base(view.target);
  const bool is_complex = view.parent->is_complex;
  const IValue whole = Wrap(parent, is_complex), piece = Wrap(part, view.is_complex);
  const auto argument = [&](size_t i) { return i < view.arguments.size() ? view.arguments[i] : IValue(); };
  if (Among(name, kSame)) return part;
  if (Among(name, kReshapes)) return Apply("aten.view_as.default", {piece, whole});
  if (Among(name, kSwaps)) {
    std::vector<IValue> arguments = view.arguments;
    arguments[view.argument] = piece;
    return Apply(view.target, std::move(arguments));
  }
  if (name == "aten.permute" || name == "aten.movedim") {
    if (name == "aten.movedim")
      return Apply("aten.movedim.intlist", {piece, argument(2).is_list() ? argument(2) : IValue::MakeList({argument(2)}),
                                            argument(1).is_list() ? argument(1) : IValue::MakeList({argument(1)})});
    const IValue::List& dims = argument(1).list();
    IValue::List inverse(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) {
      const int64_t axis = dims[i].is_int() ? dims[i].integer() : -1;
      const auto at = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(dims.size()) : axis);
      if (at < inverse.size()) inverse[at] = IValue(static_cast<int64_t>(i));
    }
    return Apply("aten.permute.default", {piece, IValue::MakeList(std::move(inverse))});
  }
  if (name == "aten.select") return Apply("aten.select_scatter.default", {whole, piece, argument(1), argument(2)});
  if (name == "aten.slice") return Apply("aten.slice_scatter.default", {whole, piece, argument(1), argument(2), argument(3), argument(4)});
  if (name == "aten.narrow") return Apply("internal.narrow_scatter", {whole, piece, argument(1), argument(2), argument(3)});
  if (name == "aten.diagonal") return Apply("aten.diagonal_scatter.default", {whole, piece, argument(1), argument(2), argument(3)});
  if (name == "aten.as_strided") return Apply("aten.as_strided_scatter.default", {whole, piece, argument(1), argument(2), argument(3)});
  if (name == "aten.unbind")
    return Apply("aten.select_scatter.default", {whole, piece, argument(1), IValue(static_cast<int64_t>(view.output))});
  if (name == "aten.split" || name == "aten.split_with_sizes" || name == "aten.chunk" || name == "aten.tensor_split" ||
      name == "aten.unsafe_split") {
    // The pieces, with this one replaced.
    std::vector<IValue> arguments = view.arguments;
    arguments[view.argument] = whole;
    std::vector<IValue> pieces = translator_.Apply(view.target, std::move(arguments));
    if (pieces.size() == 1 && pieces[0].is_list()) pieces = std::vector<IValue>(pieces[0].list());
    if (view.output < pieces.size()) pieces[view.output] = piece;
    return Apply("aten.cat.default", {IValue::MakeList(std::move(pieces)), argument(2).is_none() ? IValue(int64_t{0}) : argument(2)});
  }
  if (name == "aten.view_as_real") return Apply("aten.view_as_complex.default", {piece});
  if (name == "aten.view_as_complex") return Apply("aten.view_as_real.default", {piece});
  translator_.builder().Fail(Unsupported(fmt::format("writing in place to a tensor that {} views", view.target)));
  return parent;
}

std::vector<Memory::Written> Memory::Leave(size_t mark) {
  std::vector<Written> written;
  // The first change of a cell has its state from before the block.
  for (size_t i = mark; i < journal_.size(); ++i) {
    const Change& change = journal_[i];
    const bool first = std::none_of(journal_.begin() + static_cast<ptrdiff_t>(mark), journal_.begin() + static_cast<ptrdiff_t>(i),
                                    [&](const Change& other) { return other.cell == change.cell; });
    if (first && change.cell->parent == nullptr && change.cell->version != change.version)
      written.push_back({change.cell, change.cell->value});
  }
  while (journal_.size() > mark) {
    const Change& change = journal_.back();
    change.cell->value = change.value;
    change.cell->version = change.version;
    journal_.pop_back();
  }
  return written;
}

void Memory::Update(const std::shared_ptr<Cell>& cell, ir::Value* value) { Set(cell, value); }

}  // namespace sardonyx::pytorch
