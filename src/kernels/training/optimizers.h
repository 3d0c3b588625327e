// One step of the optimizers of ai.onnx.preview.training, element by element. T is float or double.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// What all steps share: learning rate, update count before this step, and the L2 term added to the gradient.
struct OptimizerStep {
  double rate = 0;
  int64_t count = 0;
  float norm_coefficient = 0;
};

struct AdagradOptions {
  float decay_factor = 0, epsilon = 0;
};
// squares_out accumulates the squared gradients.
template <class T>
void AdagradStep(const OptimizerStep& step, const AdagradOptions& options, int64_t size, const T* x, const T* gradient, const T* squares,
                 T* x_out, T* squares_out);

struct AdamOptions {
  float alpha = 0, beta = 0, epsilon = 0, norm_coefficient_post = 0;
};
// mean and square are the running averages of the gradient and of its square.
template <class T>
void AdamStep(const OptimizerStep& step, const AdamOptions& options, int64_t size, const T* x, const T* gradient, const T* mean,
              const T* square, T* x_out, T* mean_out, T* square_out);

struct MomentumOptions {
  float alpha = 0, beta = 0;
  bool nesterov = false;
};
template <class T>
void MomentumStep(const OptimizerStep& step, const MomentumOptions& options, int64_t size, const T* x, const T* gradient, const T* velocity,
                  T* x_out, T* velocity_out);

}  // namespace sardonyx::kernels
