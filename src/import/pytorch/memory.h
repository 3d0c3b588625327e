// In-place operators and views as pure functions.
//
// ONNX's values never change. So a tensor of PyTorch is a cell: the ONNX value that its memory holds now. A view is a cell that knows its
// parent and the operator that made it. Writing to a view writes to its parent, by the operator that puts a part back (slice ->
// slice_scatter); other views of the same memory are made anew from their parent when they are read the next time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "import/pytorch/torch_graph.h"

namespace sardonyx::pytorch {

class Translator;

struct Cell {
  ir::Value* value = nullptr;
  bool is_complex = false;
  // Of a cell of its own: how often it was written to. Of a view: the root's count at which `value` was right.
  uint64_t version = 0;
  std::shared_ptr<Cell> parent;  // null for a cell of its own
  // How the view is made: operator, its arguments, which of them is the parent, which output this is.
  std::string target;
  std::vector<IValue> arguments;
  size_t argument = 0;
  size_t output = 0;

  Cell& root() { return parent ? parent->root() : *this; }
};

// Whether a view has the elements of its memory in their order: all of them, or with `part` a piece of what lies there together.
bool InOrder(const Cell& cell, bool part = true);

class Memory {
 public:
  explicit Memory(Translator& translator) : translator_(translator) {}

  // A tensor with memory of its own.
  static TensorValue Own(TensorValue tensor);
  // Output `output` of a view operator, which was called with these arguments, number `argument` being what is viewed.
  TensorValue View(TensorValue tensor, std::string_view target, const std::vector<IValue>& arguments, size_t argument, size_t output);
  // What a tensor is now.
  TensorValue Read(const TensorValue& tensor);
  // In place: tensor := value.
  void Write(const TensorValue& tensor, const TensorValue& value);

  // ---- Control flow. What happens between Enter and Leave happens in a block: Leave takes it back, and gives the cells that lie outside
  // and were written to, with what was written.
  struct Written {
    std::shared_ptr<Cell> cell;
    ir::Value* value = nullptr;
  };
  size_t Enter() const { return journal_.size(); }
  std::vector<Written> Leave(size_t mark);
  // After the block: what its outputs say.
  void Update(const std::shared_ptr<Cell>& cell, ir::Value* value);

 private:
  struct Change {
    std::shared_ptr<Cell> cell;
    ir::Value* value;
    uint64_t version;
  };

  ir::Value* Current(const std::shared_ptr<Cell>& cell);
  void Set(const std::shared_ptr<Cell>& cell, ir::Value* value);
  void Note(const std::shared_ptr<Cell>& cell);
  // The parent after `part` was written to this view of it.
  ir::Value* PutBack(const Cell& view, ir::Value* parent, ir::Value* part);
  ir::Value* Apply(std::string_view target, std::vector<IValue> arguments);

  Translator& translator_;
  std::vector<Change> journal_;
};

}  // namespace sardonyx::pytorch
