// Bodies of operators as text, for the sake of their derivatives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "ir/model.h"

namespace sardonyx::optimize {

// Writes nodes of a function, one a line, and names their results. Numbers get the element type of the input `like`.
class BodyText {
 public:
  explicit BodyText(std::string like) : like_(std::move(like)) {}

  std::string Op(std::string_view op, const std::vector<std::string>& inputs, std::string_view attributes = "") {
    std::string name = fmt::format("v{}", count_++);
    Write(op, inputs, attributes, name);
    return name;
  }
  // The same, of the name that the function's signature has.
  void Output(std::string_view name, std::string_view op, const std::vector<std::string>& inputs, std::string_view attributes = "") {
    Write(op, inputs, attributes, name);
  }
  std::string Number(double value) { return Op("CastLike", {Op("Constant", {}, fmt::format("value = double {{{}}}", value)), like_}); }
  std::string Ints(const std::vector<int64_t>& values) {
    return Op("Constant", {}, fmt::format("value = int64[{}] {{{}}}", values.size(), fmt::join(values, ", ")));
  }
  std::string Int(int64_t value) { return Op("Constant", {}, fmt::format("value = int64 {{{}}}", value)); }
  std::string Add(const std::string& a, const std::string& b) { return Op("Add", {a, b}); }
  std::string Sub(const std::string& a, const std::string& b) { return Op("Sub", {a, b}); }
  std::string Mul(const std::string& a, const std::string& b) { return Op("Mul", {a, b}); }
  std::string Div(const std::string& a, const std::string& b) { return Op("Div", {a, b}); }
  std::string AsFloat(const std::string& x) { return Op("CastLike", {x, like_}); }
  std::string AsInt(const std::string& x) { return Op("Cast", {x}, "to = 7"); }
  std::string Reshape(const std::string& x, const std::vector<int64_t>& dims) { return Op("Reshape", {x, Ints(dims)}); }
  std::string Unsqueeze(const std::string& x, const std::vector<int64_t>& axes) { return Op("Unsqueeze", {x, Ints(axes)}); }
  std::string Transpose(const std::string& x, const std::vector<int64_t>& permutation) {
    return Op("Transpose", {x}, fmt::format("perm = [{}]", fmt::join(permutation, ", ")));
  }
  std::string Join(const std::vector<std::string>& parts) { return Op("Concat", parts, "axis = 0"); }
  // int64[end - begin] of the shape; int64[] of one dim.
  std::string Dims(const std::string& x, int64_t begin, int64_t end) {
    return Op("Shape", {x}, fmt::format("start = {}, end = {}", begin, end));
  }
  std::string Dim(const std::string& x, int64_t axis) { return Op("Gather", {Op("Shape", {x}), Int(axis)}); }
  // 0, 1 ... as int64[count].
  std::string Count(const std::string& count) { return Op("Range", {Int(0), count, Int(1)}); }

  const std::string& text() const { return text_; }

 private:
  void Write(std::string_view op, const std::vector<std::string>& inputs, std::string_view attributes, std::string_view name) {
    text_ +=
        fmt::format("  {} = {} {}({})\n", name, op, attributes.empty() ? "" : fmt::format("<{}> ", attributes), fmt::join(inputs, ", "));
  }

  std::string like_, text_;
  int count_ = 0;
};

}  // namespace sardonyx::optimize
