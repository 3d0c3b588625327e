// Float convolutions in blocks of channels, at the sizes of image networks. Winograd counts the operations of the plain sum, so that
// it may pass the peak.
#include <vector>

#include "kernels/conv/blocked_conv.h"
#include "kernels/conv/blocked_depthwise.h"
#include "kernels/conv/winograd.h"
#include "kernels/gemm/aligned_buffer.h"
#include "measure.h"

namespace sardonyx::kernels {
namespace {

ConvShape Shape(int64_t channels, int64_t outputs, int64_t size, int64_t kernel, int64_t stride, int64_t groups) {
  WindowAttributes attributes;
  attributes.strides = {stride, stride};
  attributes.pads.assign(4, kernel / 2);
  const int64_t x[] = {1, channels, size, size}, w[] = {outputs, channels / groups, kernel, kernel};
  return *PlanConv(x, w, groups, {}, attributes);
}

double Flops(const ConvShape& s) { return 2.0 * static_cast<double>(s.output.num_elements()) * static_cast<double>(s.depth()); }

std::vector<float> BlockedValues(int64_t channels, int64_t positions) {
  return Values((channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock * positions);
}

// channels, outputs, size, kernel, stride.
void Convolution(benchmark::State& state) {
  const int64_t channels = state.range(0), outputs = state.range(1), kernel = state.range(3);
  const bool plain = channels < 4;  // a network's input
  const ConvShape s = Shape(channels, outputs, state.range(2), kernel, state.range(4), 1);
  const std::vector<float> x = BlockedValues(channels, state.range(2) * state.range(2)), w = Values(outputs * channels * kernel * kernel);
  std::vector<float> y = BlockedValues(outputs, s.output[2] * s.output[3]);
  AlignedBuffer<float> weights(PackedBlockedWeightsSize(1, outputs, channels, kernel * kernel));
  PackBlockedWeights(w.data(), 1, outputs, channels, kernel * kernel, weights.data(), Pool());
  AlignedBuffer<char> workspace(static_cast<int64_t>(BlockedConvWorkspace(s, plain, Pool().threads())));
  BlockedConvArguments a{.shape = s, .x = x.data(), .plain_x = plain, .weights = weights.data()};
  a.y = y.data();
  for (auto _ : state) BlockedConv(a, workspace.data(), Pool());
  SetFlops(state, Flops(s));
}
BENCHMARK(Convolution)
    ->ArgNames({"channels", "outputs", "size", "kernel", "stride"})
    ->Args({3, 64, 224, 7, 2})
    ->Args({64, 64, 56, 1, 1})
    ->Args({256, 64, 56, 1, 1})
    ->Args({512, 128, 28, 1, 1})
    ->Args({1024, 256, 14, 1, 1})
    ->Args({2048, 512, 7, 1, 1})
    ->Args({64, 64, 56, 3, 1})
    ->Args({128, 128, 56, 3, 2})
    ->Args({512, 512, 7, 3, 1})
    ->Args({96, 24, 56, 1, 1})
    ->UseRealTime();

// channels, size, form.
void WinogradConvolution(benchmark::State& state) {
  const int64_t channels = state.range(0), size = state.range(1);
  const auto form = static_cast<Winograd>(state.range(2));
  const ConvShape s = Shape(channels, channels, size, 3, 1, 1);
  const std::vector<float> x = BlockedValues(channels, size * size), w = Values(channels * channels * 9);
  std::vector<float> y(x.size());
  AlignedBuffer<float> weights(WinogradWeightsSize(form, channels, channels));
  TransformWinogradWeights(form, w.data(), channels, channels, weights.data(), Pool());
  AlignedBuffer<char> workspace(static_cast<int64_t>(WinogradWorkspace(form, s, Pool().threads())));
  WinogradArguments a{.form = form, .shape = s, .x = x.data(), .weights = weights.data()};
  a.y = y.data();
  for (auto _ : state) WinogradConv(a, workspace.data(), Pool());
  SetFlops(state, Flops(s));
}
BENCHMARK(WinogradConvolution)
    ->ArgNames({"channels", "size", "m"})
    ->ArgsProduct({{64}, {56}, {2, 4}})
    ->ArgsProduct({{128}, {28}, {2, 4}})
    ->ArgsProduct({{256}, {14}, {2, 4}})
    ->UseRealTime();

void WinogradWeights(benchmark::State& state) {
  const int64_t channels = state.range(0);
  const std::vector<float> w = Values(channels * channels * 9);
  AlignedBuffer<float> weights(WinogradWeightsSize(Winograd::k4, channels, channels));
  for (auto _ : state) TransformWinogradWeights(Winograd::k4, w.data(), channels, channels, weights.data(), Pool());
  SetBytes(state, 4.0 * static_cast<double>(channels * channels) * (9 + 36));
}
BENCHMARK(WinogradWeights)->Arg(128)->Arg(512)->UseRealTime();

// channels, size, kernel, stride.
void Depthwise(benchmark::State& state) {
  const int64_t channels = state.range(0), size = state.range(1), kernel = state.range(2);
  const ConvShape s = Shape(channels, channels, size, kernel, state.range(3), channels);
  const std::vector<float> x = BlockedValues(channels, size * size), w = Values(channels * kernel * kernel);
  std::vector<float> y = BlockedValues(channels, s.output[2] * s.output[3]);
  AlignedBuffer<float> weights(PackedDepthwiseWeightsSize(channels, kernel * kernel));
  PackDepthwiseWeights(w.data(), channels, kernel * kernel, weights.data());
  BlockedDepthwiseArguments a{.shape = s, .x = x.data(), .weights = weights.data()};
  a.y = y.data();
  for (auto _ : state) BlockedDepthwise(a, Pool());
  SetFlops(state, Flops(s));
}
BENCHMARK(Depthwise)
    ->ArgNames({"channels", "size", "kernel", "stride"})
    ->Args({32, 112, 3, 1})
    ->Args({96, 112, 3, 2})
    ->Args({384, 14, 3, 1})
    ->Args({240, 28, 5, 2})
    ->Args({96, 56, 7, 1})
    ->UseRealTime();

}  // namespace
}  // namespace sardonyx::kernels
