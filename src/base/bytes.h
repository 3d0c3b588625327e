// Bytes: a read-only range of memory and what keeps it alive (a mapped file, a buffer). Copies share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sardonyx {

class Bytes {
 public:
  Bytes() = default;
  Bytes(const void* data, size_t size, std::shared_ptr<const void> owner) : data_(std::move(owner), data), size_(size) {}
  static Bytes Own(std::string content) {
    auto held = std::make_shared<const std::string>(std::move(content));
    return Bytes(held->data(), held->size(), held);
  }
  static Bytes Own(std::vector<uint8_t> content) {
    auto held = std::make_shared<const std::vector<uint8_t>>(std::move(content));
    return Bytes(held->data(), held->size(), held);
  }

  const uint8_t* data() const { return static_cast<const uint8_t*>(data_.get()); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data()), size_}; }
  std::span<const uint8_t> span() const { return {data(), size_}; }
  // Precondition: offset + length <= size().
  Bytes Slice(size_t offset, size_t length) const { return Bytes(data() + offset, length, data_); }
  const std::shared_ptr<const void>& owner() const { return data_; }

 private:
  std::shared_ptr<const void> data_;
  size_t size_ = 0;
};

}  // namespace sardonyx
