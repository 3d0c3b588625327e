// What classical models do with raw scores at the end (attribute post_transform of ai.onnx.ml).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sardonyx::kernels {

enum class PostTransform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };  // numbers of TreeEnsemble-5
std::optional<PostTransform> ParsePostTransform(std::string_view name);                    // "NONE", "SOFTMAX", ...

// 1 / (1 + exp(-x)), without overflow.
float Logistic(float x);
// The normal quantile of x in (0, 1), by Winitzki's approximation of the inverse error function (a = 0.147): that is what
// the specification's reference and ONNX Runtime compute, and it differs from the true one in the third digit.
float Probit(float x);

// Transforms the scores of one row in place. kSoftmaxZero leaves scores of (almost) zero out of the exponentials.
void ApplyPostTransform(PostTransform transform, std::span<float> scores);

// How the one score of a two-class model becomes two. The logistic transform gives logistic(-s) and logistic(s) either way.
enum class SecondClass : uint8_t {
  kComplement,  // of a probability p: 1 - p, p
  kNegated,     // of a margin m: -m, m
};
// Writes the two scores of `score` to out[0] and out[1].
void WriteTwoScores(PostTransform transform, SecondClass second, float score, float* out);

}  // namespace sardonyx::kernels
