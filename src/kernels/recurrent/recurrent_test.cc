#include "kernels/recurrent/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {
namespace {

template <class T>
std::vector<T> Random(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& v : values) v = uniform(generator);
  return values;
}

// The packed float path equals the plain double path, for every kind, direction, layout and length.
TEST(Recurrent, FloatEqualsDouble) {
  for (CellKind kind : {CellKind::kRnn, CellKind::kGru, CellKind::kLstm})
    for (int64_t directions : {1, 2})
      for (int flags = 0; flags < 16; ++flags) {
        // Two slices of sequences, and hidden states with and without a partial vector.
        const int64_t batch = flags & 1 ? 3 : 11;
        RecurrentShape s{.kind = kind, .steps = 5, .batch = batch, .input = 4, .hidden = flags & 2 ? 7 : 33, .directions = directions};
        s.reverse_first = directions == 1 && (flags & 1);
        s.batch_first = flags & 2;
        RecurrentOptions options;
        for (auto& list : options.activations) list = {*ParseActivation("Sigmoid"), *ParseActivation("Tanh"), *ParseActivation("Tanh")};
        options.linear_before_reset = flags & 4;
        options.input_forget = flags & 8;
        options.clip = flags & 8 ? 0.4 : 0;
        const int32_t lengths[] = {5, 2, 0, 1, 3, 4, 5, 5, 2, 0, 1};
        const auto x = Random<float>(s.steps * s.batch * s.input, 1), w = Random<float>(directions * s.gates() * s.input, 2),
                   r = Random<float>(directions * s.gates() * s.hidden, 3), bias = Random<float>(directions * 2 * s.gates(), 4),
                   h = Random<float>(directions * s.batch * s.hidden, 5), p = Random<float>(directions * 3 * s.hidden, 6);
        const auto wide = [](const std::vector<float>& v) { return std::vector<double>(v.begin(), v.end()); };
        const auto xd = wide(x), wd = wide(w), rd = wide(r), bd = wide(bias), hd = wide(h), pd = wide(p);
        ThreadPool pool(2);
        RecurrentArguments<float> f{.shape = s,
                                    .options = options,
                                    .weights = {},
                                    .x = x.data(),
                                    .lengths = flags & 4 ? lengths : nullptr,
                                    .initial_h = h.data(),
                                    .initial_c = h.data()};
        RecurrentArguments<double> d{.shape = s,
                                     .options = options,
                                     .weights = {},
                                     .x = xd.data(),
                                     .lengths = f.lengths,
                                     .initial_h = hd.data(),
                                     .initial_c = hd.data()};
        std::vector<AlignedBuffer<float>> packed;
        for (int64_t i = 0; i < directions; ++i) {
          packed.emplace_back(PackedRecurrentSize(s));
          f.weights[i] =
              PackRecurrentWeights(s, w.data() + i * s.gates() * s.input, r.data() + i * s.gates() * s.hidden, packed.back().data(), pool);
          f.weights[i].bias = bias.data() + i * 2 * s.gates();
          f.weights[i].peephole = p.data() + i * 3 * s.hidden;
          d.weights[i] = RecurrentParts(s, wd.data() + i * s.gates() * s.input, rd.data() + i * s.gates() * s.hidden);
          d.weights[i].bias = bd.data() + i * 2 * s.gates();
          d.weights[i].peephole = pd.data() + i * 3 * s.hidden;
        }
        std::vector<float> y(s.steps * s.batch * directions * s.hidden), y_h(h.size()), y_c(h.size());
        std::vector<double> yd(y.size()), y_hd(h.size()), y_cd(h.size());
        f.y = y.data(), f.y_h = y_h.data(), f.y_c = y_c.data();
        d.y = yd.data(), d.y_h = y_hd.data(), d.y_c = y_cd.data();
        AlignedBuffer<char> workspace(static_cast<int64_t>(RecurrentWorkspace<double>(s)));
        RunRecurrent(f, workspace.data(), pool);
        RunRecurrent(d, workspace.data(), pool);
        for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], yd[i], 1e-5);
        for (size_t i = 0; i < h.size(); ++i) ASSERT_NEAR(y_h[i], y_hd[i], 1e-5);
      }
}

TEST(Lstm, OneStepByHand) {
  RecurrentShape s{.kind = CellKind::kLstm, .steps = 1, .batch = 1, .input = 1, .hidden = 1};
  RecurrentOptions options;
  options.activations[0] = {*ParseActivation("Sigmoid"), *ParseActivation("Tanh"), *ParseActivation("Tanh")};
  const double x = 1, w[] = {0.1, 0.2, 0.3, 0.4}, r[] = {0, 0, 0, 0}, c0 = 0.5;
  RecurrentArguments<double> a{.shape = s, .options = options, .weights = {RecurrentParts(s, w, r), {}}, .x = &x};
  a.initial_c = &c0;
  double h = 0, c = 0;
  a.y_h = &h;
  a.y_c = &c;
  std::vector<double> workspace(RecurrentWorkspace<double>(s) / sizeof(double));
  ThreadPool pool(1);
  RunRecurrent(a, workspace.data(), pool);
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  EXPECT_NEAR(c, sigmoid(0.3) * 0.5 + sigmoid(0.1) * std::tanh(0.4), 1e-12);
  EXPECT_NEAR(h, sigmoid(0.2) * std::tanh(c), 1e-12);
}

}  // namespace
}  // namespace sardonyx::kernels
