// Products of 8-bit integers. The peak is that of float multiply-adds: dot products of bytes reach up to four times as many.
#include <vector>

#include "kernels/conv/conv_u8.h"
#include "kernels/gemm/aligned_buffer.h"
#include "measure.h"

namespace sardonyx::kernels {
namespace {

template <class T>
std::vector<T> Bytes(int64_t count) {
  std::vector<T> bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<T>(i * 37 % 251);
  return bytes;
}

// m, n, k: uint8 rows by int8 weights that are packed, sums as they are.
void GemmU8(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const auto x = Bytes<uint8_t>(m * k);
  const auto w = Bytes<int8_t>(k * n);
  const QuadWeights weights = PackQuads({w.data(), 0, n, 1}, 1, k, n, Pool());
  const std::vector<int32_t> offsets(static_cast<size_t>(weights.panels() * kQuadPanel), 0);
  std::vector<int32_t> y(static_cast<size_t>(m * n));
  QuadGemm g{.weights = &weights, .x = x.data(), .m = m, .stride = k};
  g.epilogue.offsets = offsets.data();
  g.epilogue.out = y.data();
  g.epilogue.stride = n;
  for (auto _ : state) ComputeQuadGemm(g, Pool());
  SetFlops(state, 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
}
BENCHMARK(GemmU8)->ArgNames({"m", "n", "k"})->Args({1024, 1024, 1024})->Args({128, 768, 768})->Args({128, 3072, 768})->UseRealTime();

// channels, outputs, size, kernel, groups.
void ConvolutionU8(benchmark::State& state) {
  const int64_t channels = state.range(0), outputs = state.range(1), size = state.range(2), kernel = state.range(3), groups = state.range(4);
  WindowAttributes attributes;
  attributes.pads.assign(4, kernel / 2);
  const int64_t xd[] = {1, channels, size, size}, wd[] = {outputs, channels / groups, kernel, kernel};
  const auto x = Bytes<uint8_t>(channels * size * size);
  const auto w = Bytes<int8_t>(outputs * channels / groups * kernel * kernel);
  const ConvU8Weights weights(w.data(), groups, outputs / groups, channels / groups, kernel * kernel, Pool());
  const std::vector<int32_t> offsets(static_cast<size_t>(outputs + kQuadPanel), 0);
  const std::vector<float> scales(offsets.size(), 0.001f);
  std::vector<uint8_t> y(static_cast<size_t>(outputs * size * size));
  ConvU8Arguments a{.shape = *PlanConv(xd, wd, groups, {}, attributes), .x = x.data(), .weights = &weights};
  a.epilogue.kind = QuadEpilogue::Kind::kQuantize;
  a.epilogue.offsets = offsets.data();
  a.epilogue.scales = scales.data();
  a.y = y.data();
  AlignedBuffer<char> workspace(static_cast<int64_t>(ConvU8Workspace(a, Pool().threads())));
  for (auto _ : state) ConvU8(a, workspace.data(), Pool());
  SetFlops(state, 2.0 * static_cast<double>(outputs * size * size) * static_cast<double>(a.shape.depth()));
}
BENCHMARK(ConvolutionU8)
    ->ArgNames({"channels", "outputs", "size", "kernel", "groups"})
    ->Args({256, 64, 56, 1, 1})
    ->Args({128, 128, 28, 3, 1})
    ->Args({384, 384, 14, 3, 384})
    ->UseRealTime();

}  // namespace
}  // namespace sardonyx::kernels
