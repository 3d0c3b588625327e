#include "import/pytorch/torchscript/values.h"

#include <algorithm>

namespace sardonyx::pytorch {

IValue Heap::NewList(IValue::List items) {
  auto list = New<ListCell>();
  list->items = std::move(items);
  return IValue(std::shared_ptr<Object>(std::move(list)));
}

void Heap::WillChange(const std::shared_ptr<ListCell>& list) {
  changes_.push_back({list, [list, items = list->items, sequence = list->sequence, element = list->element] {
                        list->items = items;
                        list->sequence = sequence;
                        list->element = element;
                      }});
}

void Heap::WillChange(const std::shared_ptr<DictCell>& dict) {
  changes_.push_back({dict, [dict, entries = dict->entries] { dict->entries = entries; }});
}

void Heap::WillChange(const std::shared_ptr<Instance>& instance) {
  changes_.push_back({instance, [instance, attributes = instance->attributes] { instance->attributes = attributes; }});
}

std::vector<std::shared_ptr<ScriptObject>> Heap::WrittenSince(const Mark& mark) const {
  std::vector<std::shared_ptr<ScriptObject>> written;
  for (size_t i = mark.changes; i < changes_.size(); ++i) {
    if (changes_[i].object->serial < mark.serial) written.push_back(changes_[i].object);
  }
  std::sort(written.begin(), written.end(), [](const auto& a, const auto& b) { return a->serial < b->serial; });
  written.erase(std::unique(written.begin(), written.end()), written.end());
  return written;
}

void Heap::Rollback(const Mark& mark) {
  for (; changes_.size() > mark.changes; changes_.pop_back()) changes_.back().undo();
}

}  // namespace sardonyx::pytorch
