#include "kernels/ml/post_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sardonyx::kernels {
namespace {

void Softmax(std::span<float> scores, bool skip_zeros) {
  const auto is_zero = [&](float x) { return skip_zeros && std::abs(x) <= 1e-7f; };
  float most = -std::numeric_limits<float>::max();
  for (float x : scores) most = std::max(most, x);
  const float zero_scale = std::exp(-most);
  float sum = 0;
  for (float& x : scores) {
    if (is_zero(x)) {
      x *= zero_scale;
    } else {
      x = std::exp(x - most);
      sum += x;
    }
  }
  for (float& x : scores) x /= sum;
}

float InverseErf(float x) {
  const float sign = x < 0 ? -1.f : 1.f;
  const float log = std::log((1 - x) * (1 + x));
  const float v = 2 / (3.14159f * 0.147f) + 0.5f * log;
  const float u = -log / 0.147f;
  return sign * std::sqrt(u / (std::sqrt(v * v + u) + v));  // sqrt(v * v + u) - v without its cancellation near x = 0
}

}  // namespace

std::optional<PostTransform> ParsePostTransform(std::string_view name) {
  if (name == "NONE") return PostTransform::kNone;
  if (name == "SOFTMAX") return PostTransform::kSoftmax;
  if (name == "LOGISTIC") return PostTransform::kLogistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::kSoftmaxZero;
  if (name == "PROBIT") return PostTransform::kProbit;
  return std::nullopt;
}

float Logistic(float x) {
  const float e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.f) / (1 + e);
}

float Probit(float x) { return 1.41421356f * InverseErf(2 * x - 1); }

void ApplyPostTransform(PostTransform transform, std::span<float> scores) {
  switch (transform) {
    case PostTransform::kNone:
      return;
    case PostTransform::kSoftmax:
      return Softmax(scores, false);
    case PostTransform::kSoftmaxZero:
      return Softmax(scores, true);
    case PostTransform::kLogistic:
      for (float& x : scores) x = Logistic(x);
      return;
    case PostTransform::kProbit:
      for (float& x : scores) x = Probit(x);
      return;
  }
}

void WriteTwoScores(PostTransform transform, SecondClass second, float score, float* out) {
  if (transform == PostTransform::kLogistic) {
    out[0] = Logistic(-score);
    out[1] = Logistic(score);
  } else {
    out[0] = second == SecondClass::kComplement ? 1 - score : -score;
    out[1] = score;
  }
}

}  // namespace sardonyx::kernels
