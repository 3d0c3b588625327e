#include <algorithm>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/gemm/einsum.h"

namespace sardonyx::kernels {
namespace {

constexpr int kLetters = 52;
constexpr int kMaxLabels = kLetters + 64;

int LabelOf(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= 'A' && c <= 'Z') return 26 + c - 'A';
  return -1;
}

// A term before the length of its ellipsis is known: -1 marks the ellipsis.
StatusOr<std::vector<int>> ParseTerm(std::string_view text) {
  std::vector<int> labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "...") {
      if (std::find(labels.begin(), labels.end(), -1) != labels.end()) return Invalid(fmt::format("term '{}' has two ellipses", text));
      labels.push_back(-1);
      i += 2;
    } else if (LabelOf(text[i]) >= 0) {
      labels.push_back(LabelOf(text[i]));
    } else {
      return Invalid(fmt::format("term '{}' holds '{}'; letters and '...' are allowed", text, text[i]));
    }
  }
  return labels;
}

void ReplaceEllipsis(EinsumTerm& term, int64_t length) {
  const auto place = std::find(term.begin(), term.end(), -1);
  if (place == term.end()) return;
  EinsumTerm dims;
  for (int64_t i = length; i-- > 0;) dims.push_back(kLetters + static_cast<int>(i));
  const auto at = term.erase(place);
  term.insert(at, dims.begin(), dims.end());
}

// Without an arrow: the ellipsis, then every letter that occurs once, in alphabetical order of the characters.
EinsumTerm ImplicitOutput(const std::vector<EinsumTerm>& inputs, int64_t ellipsis) {
  int count[kMaxLabels] = {};
  for (const EinsumTerm& term : inputs)
    for (int label : term) ++count[label];
  EinsumTerm output;
  for (int64_t i = ellipsis; i-- > 0;) output.push_back(kLetters + static_cast<int>(i));
  for (int c = 0; c < 128; ++c) {
    const int label = LabelOf(static_cast<char>(c));
    if (label >= 0 && count[label] == 1) output.push_back(label);
  }
  return output;
}

Status SetSizes(EinsumEquation& e, std::span<const Dims> dims) {
  e.size.assign(kMaxLabels, -1);
  for (size_t i = 0; i < dims.size(); ++i)
    for (size_t axis = 0; axis < e.inputs[i].size(); ++axis) {
      int64_t& size = e.size[static_cast<size_t>(e.inputs[i][axis])];
      const int64_t dim = dims[i][axis];
      if (size >= 0 && size != dim && size != 1 && dim != 1)
        return Invalid(fmt::format("operand {} {} gives one label the sizes {} and {}", i, dims[i].ToString(), size, dim));
      if (size < 0 || size == 1) size = dim;
    }
  for (size_t i = 0; i < e.output.size(); ++i) {
    const int64_t size = e.size[static_cast<size_t>(e.output[i])];
    if (size < 0) return Invalid("the output names a label that no operand has");
    if (std::count(e.output.begin(), e.output.end(), e.output[i]) > 1) return Invalid("the output names a label twice");
    e.output_dims.push_back(size);
  }
  return Status();
}

}  // namespace

StatusOr<EinsumEquation> ParseEinsum(std::string_view equation, std::span<const Dims> dims) {
  std::string text;
  for (char c : equation)
    if (!std::isspace(static_cast<unsigned char>(c))) text += c;
  const size_t arrow = text.find("->");
  std::string_view left = std::string_view(text).substr(0, arrow);
  EinsumEquation e;
  while (true) {
    const size_t comma = left.find(',');
    ASSIGN_OR_RETURN(EinsumTerm term, ParseTerm(left.substr(0, comma)));
    e.inputs.push_back(std::move(term));
    if (comma == std::string_view::npos) break;
    left.remove_prefix(comma + 1);
  }
  if (e.inputs.size() != dims.size())
    return Invalid(fmt::format("equation '{}' has {} terms for {} operands", equation, e.inputs.size(), dims.size()));
  int64_t ellipsis = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool open = std::find(e.inputs[i].begin(), e.inputs[i].end(), -1) != e.inputs[i].end();
    const int64_t named = static_cast<int64_t>(e.inputs[i].size()) - open, rank = static_cast<int64_t>(dims[i].rank());
    if (open ? rank < named : rank != named)
      return Invalid(fmt::format("term {} of equation '{}' does not fit an operand {}", i, equation, dims[i].ToString()));
    if (rank - named > kMaxLabels - kLetters) return Unsupported("an ellipsis of more than 64 dims");
    if (open) ellipsis = std::max(ellipsis, rank - named);
    ReplaceEllipsis(e.inputs[i], rank - named);
  }
  if (arrow == std::string::npos) {
    e.output = ImplicitOutput(e.inputs, ellipsis);
  } else {
    ASSIGN_OR_RETURN(e.output, ParseTerm(std::string_view(text).substr(arrow + 2)));
    ReplaceEllipsis(e.output, ellipsis);
  }
  RETURN_IF_ERROR(SetSizes(e, dims));
  return e;
}

}  // namespace sardonyx::kernels
