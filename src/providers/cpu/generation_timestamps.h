// What Whisper's decoders may say next where times are wanted.
#pragma once

#include <cstdint>
#include <span>

#include "providers/cpu/registry.h"
#include "sardonyx/status.h"

namespace sardonyx::cpu {

// Tokens with a meaning of their own; -1: there is none. Those from `first_time` on are times.
struct WhisperTokens {
  int64_t eos = 0, first_time = 0, no_times = -1, start_of_lm = -1, start = -1, translate = -1, transcribe = -1;
};
// From the node's attributes; by their distance from eos_token_id, as in Whisper's own vocabularies, where they are not said.
WhisperTokens ReadWhisperTokens(const NodeInfo& node);

// Hides tokens by Whisper's rules for times, from the log probabilities of one sequence's next token: times stand in pairs and do not
// fall, the first is within 50 steps, and one is written where times together are more probable than any word. (Whisper's
// ApplyTimestampRules.) kInvalid when `first_time` is no token.
Status ApplyTimestampRules(const WhisperTokens& tokens, std::span<const int32_t> sequence, std::span<float> scores);

}  // namespace sardonyx::cpu
