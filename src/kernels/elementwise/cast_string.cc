#include "kernels/elementwise/cast_string.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

std::string WithPoint(std::string text) {
  if (text.find_first_of(".en") == std::string::npos) text += ".0";  // 'n': of nan and inf
  return text;
}

// The fewest digits that read back as the same value of a type narrower than float.
std::string ShortestNarrow(DataType dtype, float value) {
  for (int digits = 1; digits < 9; ++digits) {
    const std::string text = fmt::format("{:.{}g}", value, digits);
    const float read = std::strtof(text.c_str(), nullptr);
    uint16_t bits = 0;
    float back = 0;
    ConvertElements(DataType::kFloat, &read, dtype, &bits, 0, 1);
    LoadElements(dtype, &bits, 0, 1, &back);
    if (back == value) return fmt::format("{}", read);  // 100, not 1e+02
  }
  return fmt::format("{}", value);
}

template <class Hub>
void FormatAs(DataType dtype, const void* in, std::string* out, int64_t begin, int64_t count) {
  Hub chunk[kChunk];
  for (int64_t done = 0; done < count; done += kChunk) {
    const int64_t n = std::min(kChunk, count - done);
    LoadElements(dtype, in, begin + done, n, chunk);
    for (int64_t i = 0; i < n; ++i) {
      std::string& text = out[begin + done + i];
      if (dtype == DataType::kBool)
        text = chunk[i] != 0 ? "True" : "False";
      else if (std::is_integral_v<Hub>)
        text = fmt::format("{}", chunk[i]);
      else if (dtype == DataType::kFloat || dtype == DataType::kDouble || !std::isfinite(static_cast<double>(chunk[i])))
        text = WithPoint(fmt::format("{}", chunk[i]));
      else
        text = WithPoint(ShortestNarrow(dtype, static_cast<float>(chunk[i])));
    }
  }
}

std::string_view Trimmed(std::string_view text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return std::tolower(static_cast<unsigned char>(x)) == y; });
}

// Integers keep all 64 bits; what is no plain integer is read as a double.
template <class Hub>
std::optional<Hub> Parse(std::string_view text) {
  text = Trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  if constexpr (std::is_integral_v<Hub>) {
    Hub value{};
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stop == end) return value;
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);  // reads inf, infinity and nan in any case
  if (error == std::errc::result_out_of_range && stop == end)
    return ConvertElement<Hub>(std::strtod(std::string(text).c_str(), nullptr));  // infinity, or 0
  if (error == std::errc() && stop == end) return ConvertElement<Hub>(value);
  if (EqualsIgnoringCase(text, "true")) return Hub(1);
  if (EqualsIgnoringCase(text, "false")) return Hub(0);
  return std::nullopt;
}

template <class Hub>
Status ParseAs(const std::string* in, DataType dtype, void* out, int64_t begin, int64_t count) {
  Hub chunk[kChunk];
  for (int64_t done = 0; done < count; done += kChunk) {
    const int64_t n = std::min(kChunk, count - done);
    for (int64_t i = 0; i < n; ++i) {
      const std::string& text = in[begin + done + i];
      const std::optional<Hub> value = Parse<Hub>(text);
      if (!value) return Usage(fmt::format("cannot read '{:.40}' as {}", text, DataTypeName(dtype)));
      chunk[i] = *value;
    }
    StoreElements(chunk, n, dtype, out, begin + done);
  }
  return Status();
}

}  // namespace

void FormatElements(DataType dtype, const void* in, std::string* out, int64_t begin, int64_t count) {
  switch (HubOf(dtype)) {
    case DataType::kFloat:
      return FormatAs<float>(dtype, in, out, begin, count);
    case DataType::kDouble:
      return FormatAs<double>(dtype, in, out, begin, count);
    case DataType::kUint64:
      return FormatAs<uint64_t>(dtype, in, out, begin, count);
    default:
      return FormatAs<int64_t>(dtype, in, out, begin, count);
  }
}

Status ParseElements(const std::string* in, DataType dtype, void* out, int64_t begin, int64_t count) {
  if (dtype == DataType::kUint64) return ParseAs<uint64_t>(in, dtype, out, begin, count);
  if (IsInteger(dtype)) return ParseAs<int64_t>(in, dtype, out, begin, count);
  return ParseAs<double>(in, dtype, out, begin, count);
}

}  // namespace sardonyx::kernels
