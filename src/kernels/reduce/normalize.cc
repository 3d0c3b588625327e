#include "kernels/reduce/normalize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/loop.h"
#include "kernels/reduce/float_lines.h"

namespace sardonyx::kernels {
namespace {

template <class T>
constexpr DataType kTypeOf = std::is_same_v<T, double> ? DataType::kDouble : DataType::kFloat;

// Calls f(elements, position, n) over `count` elements of x from `first`, as T, a chunk at a time where they are stored otherwise.
template <class T, class F>
void ForEachRun(DataType dtype, const void* x, int64_t first, int64_t count, F&& f) {
  if (dtype == kTypeOf<T>) return f(static_cast<const T*>(x) + first, int64_t{0}, count);
  T chunk[kChunk];
  for (int64_t at = 0; at < count; at += kChunk) {
    const int64_t n = std::min(kChunk, count - at);
    LoadElements(dtype, x, first + at, n, chunk);
    f(static_cast<const T*>(chunk), at, n);
  }
}

// Sum of f(x[i]), in double with eight running values.
template <class T, class F>
void AddTo(double (&lanes)[8], const T* x, int64_t n, F f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) lanes[k] += f(static_cast<double>(x[i + k]));
  for (; i < n; ++i) lanes[i % 8] += f(static_cast<double>(x[i]));
}
double Joined(const double (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

struct Moments {
  double mean, inverse_deviation;
};
// Two passes: the variance about the mean has no cancellation.
template <class T>
Moments RowMoments(const RowNormalization& how, DataType dtype, const void* x, int64_t first) {
  const auto count = static_cast<double>(how.length);
  double mean = 0;
  if (std::is_same_v<T, float> && dtype == DataType::kFloat) {
    const float* line = static_cast<const float*>(x) + first;
    if (how.center) mean = SumF32(line, how.length) / count;
    // About the mean as floats have it; what that is off adds its square.
    const double off = mean - static_cast<double>(static_cast<float>(mean));
    const double squares = std::max(0.0, SumSquaresF32(line, how.length, static_cast<float>(mean)) / count - off * off);
    return {mean, 1.0 / std::sqrt(squares + how.epsilon)};
  }
  if (how.center) {
    double sums[8] = {};
    ForEachRun<T>(dtype, x, first, how.length, [&](const T* v, int64_t, int64_t n) { AddTo(sums, v, n, [](double e) { return e; }); });
    mean = Joined(sums) / count;
  }
  double squares[8] = {};
  ForEachRun<T>(dtype, x, first, how.length,
                [&](const T* v, int64_t, int64_t n) { AddTo(squares, v, n, [mean](double e) { return (e - mean) * (e - mean); }); });
  return {mean, 1.0 / std::sqrt(Joined(squares) / count + how.epsilon)};
}

// y = (x - mean) * factor * scale + bias; null tables are 1 and 0.
template <class T>
void NormalizeLine(const T* x, T mean, T factor, const T* scale, const T* bias, int64_t n, T* y) {
  if constexpr (std::is_same_v<T, float>) return NormalizeLineF32(x, mean, factor, scale, bias, n, y);
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * factor * (scale ? scale[i] : T(1)) + (bias ? bias[i] : T(0));
}

// out = (x - mean) * inverse * scale + bias for elements that begin at `position` of the tensor.
template <class T>
void ApplyAffine(const RowNormalization& how, T mean, T inverse, const T* x, int64_t position, int64_t n, T* out) {
  const T* scale = static_cast<const T*>(how.scale);
  const T* bias = static_cast<const T*>(how.bias);
  for (int64_t done = 0; done < n;) {
    const int64_t at = position + done, entry = at / how.run % how.period;
    if (how.run == 1) {  // a stretch of the tables
      const int64_t length = std::min(n - done, how.period - entry);
      const T* v = x + done;
      T* o = out + done;
      NormalizeLine(v, mean, inverse, scale != nullptr ? scale + entry : nullptr, bias != nullptr ? bias + entry : nullptr, length, o);
      done += length;
    } else {
      const int64_t length = std::min(n - done, how.run - at % how.run);
      const T factor = inverse * (scale != nullptr ? scale[entry] : T(1)), offset = bias != nullptr ? bias[entry] : T(0);
      const T* v = x + done;
      T* o = out + done;
      SARDONYX_INDEPENDENT_LOOP
      for (int64_t i = 0; i < length; ++i) o[i] = (v[i] - mean) * factor + offset;
      done += length;
    }
  }
}

template <class T>
void NormalizeRowsOf(const RowNormalization& how, DataType x_dtype, const void* x, DataType y_dtype, void* y, T* means,
                     T* inverse_deviations, int64_t begin, int64_t end) {
  T result[kChunk];
  for (int64_t row = begin; row < end; ++row) {
    const int64_t first = row * how.length;
    const Moments moments = RowMoments<T>(how, x_dtype, x, first);
    const T mean = static_cast<T>(moments.mean), inverse = static_cast<T>(moments.inverse_deviation);
    if (means != nullptr) means[row] = mean;
    if (inverse_deviations != nullptr) inverse_deviations[row] = inverse;
    ForEachRun<T>(x_dtype, x, first, how.length, [&](const T* v, int64_t at, int64_t n) {
      if (y_dtype == kTypeOf<T>) return ApplyAffine(how, mean, inverse, v, first + at, n, static_cast<T*>(y) + first + at);
      for (int64_t done = 0; done < n; done += kChunk) {
        const int64_t part = std::min(kChunk, n - done);
        ApplyAffine(how, mean, inverse, v + done, first + at + done, part, result);
        StoreElements(result, part, y_dtype, y, first + at + done);
      }
    });
  }
}

template <class T>
void ScaleChannelsOf(DataType dtype, const void* x, const T* factor, const T* offset, int64_t channels, int64_t inner, void* y,
                     int64_t begin, int64_t end) {
  T result[kChunk];
  // One element a channel: a stretch of channels is a run. Otherwise a plane is.
  const int64_t step = inner == 1 ? channels : 1;
  for (int64_t plane = begin, next; plane < end; plane = next) {
    next = std::min(end, plane + step - plane % step);
    const int64_t first = plane * inner, channel = plane % channels;
    const T a = factor[channel], b = offset[channel];
    ForEachRun<T>(dtype, x, first, (next - plane) * inner, [&](const T* v, int64_t at, int64_t n) {
      T* const o = dtype == kTypeOf<T> ? static_cast<T*>(y) + first + at : result;
      const T* const factors = factor + channel + at;
      const T* const offsets = offset + channel + at;
      if (inner == 1) {
        SARDONYX_INDEPENDENT_LOOP
        for (int64_t i = 0; i < n; ++i) o[i] = v[i] * factors[i] + offsets[i];
      } else {
        SARDONYX_INDEPENDENT_LOOP
        for (int64_t i = 0; i < n; ++i) o[i] = v[i] * a + b;
      }
      if (o == result) StoreElements(result, n, dtype, y, first + at);
    });
  }
}

template <class T>
void LocalResponseOf(const LocalResponse& how, DataType dtype, const void* x, int64_t channels, int64_t inner, void* y, int64_t begin,
                     int64_t end) {
  constexpr int64_t kTile = 64;
  const int64_t width = std::min(kTile, inner);  // of the tiles: models with one element a channel have many channels
  const int64_t before = (how.size - 1) / 2, after = how.size / 2;
  const double factor = how.alpha / static_cast<double>(how.size);
  std::vector<T> values(static_cast<size_t>(channels * width));
  double sums[kTile];
  T result[kTile];
  for (int64_t batch = begin; batch < end; ++batch) {
    for (int64_t tile = 0; tile < inner; tile += width) {
      const int64_t n = std::min(width, inner - tile), origin = batch * channels * inner + tile;
      for (int64_t c = 0; c < channels; ++c) LoadElements(dtype, x, origin + c * inner, n, values.data() + c * width);
      for (int64_t c = 0; c < channels; ++c) {
        std::fill_n(sums, n, 0.0);
        for (int64_t k = std::max<int64_t>(0, c - before); k <= std::min(channels - 1, c + after); ++k)
          for (int64_t i = 0; i < n; ++i)
            sums[i] += static_cast<double>(values[k * width + i]) * static_cast<double>(values[k * width + i]);
        for (int64_t i = 0; i < n; ++i) {
          const double base = how.bias + factor * sums[i];
          // beta is 0.75 in every model of note: two square roots instead of a power
          const double power = how.beta == 0.75 ? std::sqrt(base) * std::sqrt(std::sqrt(base)) : std::pow(base, how.beta);
          result[i] = static_cast<T>(static_cast<double>(values[c * width + i]) / power);
        }
        StoreElements(result, n, dtype, y, origin + c * inner);
      }
    }
  }
}

}  // namespace

void NormalizeRows(const RowNormalization& how, DataType x_dtype, const void* x, DataType y_dtype, void* y, void* means,
                   void* inverse_deviations, int64_t begin, int64_t end) {
  if (x_dtype == DataType::kDouble)
    return NormalizeRowsOf(how, x_dtype, x, y_dtype, y, static_cast<double*>(means), static_cast<double*>(inverse_deviations), begin, end);
  NormalizeRowsOf(how, x_dtype, x, y_dtype, y, static_cast<float*>(means), static_cast<float*>(inverse_deviations), begin, end);
}

void ScaleChannels(DataType dtype, const void* x, const void* factor, const void* offset, int64_t channels, int64_t inner, void* y,
                   int64_t begin, int64_t end) {
  if (dtype == DataType::kDouble)
    return ScaleChannelsOf(dtype, x, static_cast<const double*>(factor), static_cast<const double*>(offset), channels, inner, y, begin,
                           end);
  ScaleChannelsOf(dtype, x, static_cast<const float*>(factor), static_cast<const float*>(offset), channels, inner, y, begin, end);
}

void NormalizeLocalResponse(const LocalResponse& how, DataType dtype, const void* x, int64_t channels, int64_t inner, void* y,
                            int64_t begin, int64_t end) {
  if (dtype == DataType::kDouble) return LocalResponseOf<double>(how, dtype, x, channels, inner, y, begin, end);
  LocalResponseOf<float>(how, dtype, x, channels, inner, y, begin, end);
}

}  // namespace sardonyx::kernels
