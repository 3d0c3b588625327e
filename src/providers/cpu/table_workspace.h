// Small parameter tensors (scale, bias, mean...) as a kernel's computing type.
#pragma once

#include <initializer_list>

#include "kernels/elementwise/convert.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

// Converts tensors whose type differs into the context's workspace, which it takes in one piece for all of them.
class TableWorkspace {
 public:
  // Room for `tables` (null ones count nothing) and `extra` further elements of `type`.
  static StatusOr<TableWorkspace> Create(KernelContext& context, DataType type, std::initializer_list<const TensorView*> tables, int64_t extra = 0) {
    size_t elements = static_cast<size_t>(extra);
    for (const TensorView* table : tables)
      if (table != nullptr && table->dtype != type) elements += static_cast<size_t>(table->num_elements());
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(elements * PackedBytes(type, 1)));
    return TableWorkspace(type, static_cast<char*>(memory));
  }

  // The table's elements as the type; null for null.
  const void* Take(const TensorView* table) {
    if (table == nullptr || table->dtype == type_) return table == nullptr ? nullptr : table->data;
    void* const converted = TakeExtra(table->num_elements());
    kernels::ConvertElements(table->dtype, table->data, type_, converted, 0, table->num_elements());
    return converted;
  }
  void* TakeExtra(int64_t elements) {
    void* const taken = next_;
    next_ += static_cast<size_t>(elements) * PackedBytes(type_, 1);
    return taken;
  }

 private:
  TableWorkspace(DataType type, char* memory) : type_(type), next_(memory) {}
  DataType type_;
  char* next_;
};

// Input i, or null when it is omitted.
inline const TensorView* OptionalInput(const KernelContext& context, size_t i) { return context.has_input(i) ? &context.input(i) : nullptr; }

}  // namespace sardonyx::cpu
