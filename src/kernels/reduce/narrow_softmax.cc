#include "kernels/reduce/narrow_softmax.h"

#include <algorithm>

#include "kernels/elementwise/math.h"
#include "sardonyx/float_types.h"

namespace sardonyx::kernels {
namespace {

template <class N>
float Rounded(float x) {
  return static_cast<float>(N(x));
}

template <class N>
float Sum(const float* x, int64_t count, int64_t step) {
  constexpr int64_t kGroup = 8;
  float sum = 0;
  for (int64_t begin = 0; begin < count; begin += kGroup) {
    float group = 0;
    for (int64_t i = begin; i < std::min(begin + kGroup, count); ++i) {
      group += x[i * step];
      if constexpr (std::is_same_v<N, BFloat16>) group = Rounded<N>(group);
    }
    sum += group;
  }
  return Rounded<N>(sum);
}

template <class N>
void Softmax(float* x, int64_t count, int64_t step) {
  float peak = x[0];
  for (int64_t i = 1; i < count; ++i)
    if (x[i * step] > peak || x[i * step] != x[i * step]) peak = x[i * step];
  for (int64_t i = 0; i < count; ++i) x[i * step] = Rounded<N>(math::Exp(Rounded<N>(x[i * step] - peak)));
  const float sum = Sum<N>(x, count, step);
  for (int64_t i = 0; i < count; ++i) x[i * step] = Rounded<N>(x[i * step] / sum);
}

template <class N>
void RoundAll(float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] = Rounded<N>(x[i]);
}

}  // namespace

void RoundTo(DataType dtype, float* x, int64_t count) {
  if (dtype == DataType::kFloat16) RoundAll<Float16>(x, count);
  if (dtype == DataType::kBfloat16) RoundAll<BFloat16>(x, count);
}

void NarrowSoftmax(DataType dtype, float* x, int64_t count, int64_t step) {
  if (count == 0) return;
  if (dtype == DataType::kFloat16) Softmax<Float16>(x, count, step);
  if (dtype == DataType::kBfloat16) Softmax<BFloat16>(x, count, step);
}

}  // namespace sardonyx::kernels
