#include "providers/cpu/generation_timestamps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace sardonyx::cpu {
namespace {

constexpr float kHidden = std::numeric_limits<float>::lowest();
constexpr int64_t kLatestFirstTime = 50;  // steps behind the first time token: one second of Whisper's

void Hide(std::span<float> scores, int64_t begin, int64_t end) {
  begin = std::max<int64_t>(begin, 0);
  end = std::min(end, static_cast<int64_t>(scores.size()));
  for (int64_t i = begin; i < end; ++i) scores[static_cast<size_t>(i)] = kHidden;
}

// The logarithm of the sum of the probabilities of what is not hidden; `kHidden` if all is.
float JointScore(std::span<const float> scores) {
  const float highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const float s : scores)
    if (s > kHidden) sum += std::exp(static_cast<double>(s - highest));
  return sum > 0 ? static_cast<float>(std::log(sum)) + highest : kHidden;
}

}  // namespace

WhisperTokens ReadWhisperTokens(const NodeInfo& node) {
  const auto token = [&](std::string_view name, int64_t fallback) {
    const int64_t value = node.HasAttribute(name) ? node.GetInt(name) : -1;
    return value >= 0 ? value : fallback;
  };
  const int64_t eos = node.GetInt("eos_token_id");
  return {.eos = eos,
          .first_time = token("beginning_timestamp_token_id", eos + 107),
          .no_times = token("no_timestamps_token_id", eos + 106),
          .start_of_lm = token("start_of_lm_token_id", eos + 105),
          .start = token("decoder_start_token_id", eos + 1),
          .translate = token("translate_token_id", 50358),
          .transcribe = token("transcribe_token_id", 50359)};
}

Status ApplyTimestampRules(const WhisperTokens& tokens, std::span<const int32_t> sequence, std::span<float> scores) {
  const auto size = static_cast<int64_t>(scores.size()), length = static_cast<int64_t>(sequence.size());
  const int64_t first = tokens.first_time;
  if (first < 1 || first >= size) return Invalid(fmt::format("the first token of times, {}, is none of {}", first, size));
  const auto is_time = [&](int64_t i) { return sequence[static_cast<size_t>(i)] >= first; };
  // Through the first time that was written.
  const auto found = std::find_if(sequence.begin(), sequence.end(), [&](int32_t token) { return token >= first; });
  const int64_t begin = std::min<int64_t>(found - sequence.begin() + 1, length);
  for (const int64_t token : {tokens.no_times, tokens.start_of_lm}) Hide(scores, token, token < 0 ? token : token + 1);
  if (length > begin)
    for (const int64_t token : {tokens.start, tokens.translate, tokens.transcribe}) Hide(scores, token, token < 0 ? token : token + 1);
  const bool last = length > 0 && is_time(length - 1), before_last = length <= begin || is_time(length - 2);
  if (last && before_last) Hide(scores, first, size);     // a pair, or the first: words follow
  if (last && !before_last) Hide(scores, 0, tokens.eos);  // the second of a pair is missing
  int64_t latest = -1;
  for (int64_t i = 0; i < length; ++i)
    if (is_time(i)) latest = sequence[static_cast<size_t>(i)];
  if (latest >= 0) Hide(scores, first, last && !before_last ? latest : latest + 1);
  if (length == begin) Hide(scores, first + kLatestFirstTime + 1, size);
  const auto words = scores.first(static_cast<size_t>(first));
  if (JointScore(scores.subspan(static_cast<size_t>(first))) > *std::max_element(words.begin(), words.end())) Hide(scores, 0, first);
  return {};
}

}  // namespace sardonyx::cpu
