#include "kernels/training/optimizers.h"

#include <cmath>

namespace sardonyx::kernels {

template <class T>
void AdagradStep(const OptimizerStep& step, const AdagradOptions& options, int64_t size, const T* x, const T* gradient, const T* squares,
                 T* x_out, T* squares_out) {
  const T rate = static_cast<T>(step.rate / (1 + static_cast<double>(step.count) * options.decay_factor));
  const T norm = static_cast<T>(step.norm_coefficient), epsilon = static_cast<T>(options.epsilon);
  for (int64_t i = 0; i < size; ++i) {
    const T g = norm * x[i] + gradient[i];
    const T sum = squares[i] + g * g;
    x_out[i] = x[i] - rate * g / (std::sqrt(sum) + epsilon);
    squares_out[i] = sum;
  }
}

template <class T>
void AdamStep(const OptimizerStep& step, const AdamOptions& options, int64_t size, const T* x, const T* gradient, const T* mean,
              const T* square, T* x_out, T* mean_out, T* square_out) {
  // The averages start at zero; the rate makes up for that.
  double rate = step.rate;
  if (step.count > 0) {
    const auto t = static_cast<double>(step.count);
    rate *= std::sqrt(1 - std::pow(static_cast<double>(options.beta), t)) / (1 - std::pow(static_cast<double>(options.alpha), t));
  }
  const T adjusted = static_cast<T>(rate), norm = static_cast<T>(step.norm_coefficient), epsilon = static_cast<T>(options.epsilon);
  const T alpha = static_cast<T>(options.alpha), beta = static_cast<T>(options.beta);
  const T keep = 1 - static_cast<T>(options.norm_coefficient_post);
  for (int64_t i = 0; i < size; ++i) {
    const T g = norm * x[i] + gradient[i];
    const T m = alpha * mean[i] + (1 - alpha) * g;
    const T s = beta * square[i] + (1 - beta) * g * g;
    x_out[i] = keep * (x[i] - adjusted * m / (std::sqrt(s) + epsilon));
    mean_out[i] = m;
    square_out[i] = s;
  }
}

template <class T>
void MomentumStep(const OptimizerStep& step, const MomentumOptions& options, int64_t size, const T* x, const T* gradient, const T* velocity,
                  T* x_out, T* velocity_out) {
  const T rate = static_cast<T>(step.rate), norm = static_cast<T>(step.norm_coefficient), alpha = static_cast<T>(options.alpha);
  // The first step takes the gradient undamped.
  const T beta = step.count > 0 ? static_cast<T>(options.beta) : T{1};
  for (int64_t i = 0; i < size; ++i) {
    const T g = norm * x[i] + gradient[i];
    const T v = alpha * velocity[i] + beta * g;
    x_out[i] = x[i] - rate * (options.nesterov ? g + alpha * v : v);
    velocity_out[i] = v;
  }
}

#define SARDONYX_OPTIMIZERS(T)                                                                                                   \
  template void AdagradStep(const OptimizerStep&, const AdagradOptions&, int64_t, const T*, const T*, const T*, T*, T*);         \
  template void AdamStep(const OptimizerStep&, const AdamOptions&, int64_t, const T*, const T*, const T*, const T*, T*, T*, T*); \
  template void MomentumStep(const OptimizerStep&, const MomentumOptions&, int64_t, const T*, const T*, const T*, T*, T*)
SARDONYX_OPTIMIZERS(float);
SARDONYX_OPTIMIZERS(double);
#undef SARDONYX_OPTIMIZERS

}  // namespace sardonyx::kernels
