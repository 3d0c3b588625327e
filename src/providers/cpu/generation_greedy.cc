// GreedySearch and Sampling of com.microsoft: one sequence an image, continued by the best token or by one that is drawn.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/generation.h"

namespace sardonyx::cpu {
namespace {

// Gives the next token of image b by its scores, which it may change. It is also asked for images that have ended.
using ChooseToken = std::function<int32_t(size_t b, std::span<float> scores)>;

Status RunTokens(KernelContext& context, const GenerationModel& model, const Prompt& prompt, const ChooseToken& choose) {
  ASSIGN_OR_RETURN(const GenerationLimits limits, ReadGenerationLimits(context, prompt.batch, 2, 3, 4));
  std::vector<std::vector<int32_t>> sequences = prompt.sequences;
  auto length = static_cast<int64_t>(sequences[0].size());
  const int64_t prompt_length = length;
  if (length >= limits.max_length) return Invalid(fmt::format("max_length {} leaves no room behind {} tokens", limits.max_length, length));
  TokenDecoder decoder(context, model, prompt.batch, 1);
  ASSIGN_OR_RETURN(std::span<const float> logits, decoder.Start(prompt.mask ? &*prompt.mask : nullptr, nullptr));
  RETURN_IF_ERROR(CheckMasks(limits, decoder.vocabulary()));
  std::vector<bool> done(sequences.size(), false);
  for (;;) {
    std::vector<int32_t> tokens;
    for (size_t b = 0; b < sequences.size(); ++b) {
      std::vector<float> scores(logits.begin() + static_cast<int64_t>(b) * decoder.vocabulary(),
                                logits.begin() + static_cast<int64_t>(b + 1) * decoder.vocabulary());
      ProcessScores(model, limits, sequences[b], static_cast<int64_t>(b), length - prompt_length, scores);
      const int32_t token = choose(b, scores);
      if (token == model.eos) done[b] = true;  // which ONNX Runtime does not write
      tokens.push_back(done[b] ? static_cast<int32_t>(model.pad) : token);
      sequences[b].push_back(tokens.back());
    }
    if (++length >= limits.max_length || std::all_of(done.begin(), done.end(), [](bool d) { return d; })) break;
    ASSIGN_OR_RETURN(logits, decoder.Next(tokens, {}));
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, Dims{prompt.batch, limits.max_length}));
  std::fill_n(y.mutable_ptr<int32_t>(), y.num_elements(), static_cast<int32_t>(model.pad));
  for (size_t b = 0; b < sequences.size(); ++b)
    std::copy(sequences[b].begin(), sequences[b].end(), y.mutable_ptr<int32_t>() + static_cast<int64_t>(b) * limits.max_length);
  return {};
}

Status RunGreedy(KernelContext& context, const GenerationModel& model) {
  ASSIGN_OR_RETURN(const Prompt prompt, ReadPrompt(context, model, 6, 0));
  return RunTokens(context, model, prompt, [](size_t, std::span<float> scores) {
    return static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  });
}

// ---- Sampling: scores are divided by the temperature, tokens outside of the most probable ones get `filter_value`, and one is
// drawn by what is left.

struct SamplingOptions {
  float temperature = 1, top_p = 0, filter_value = 0, presence_penalty = 0;
  int64_t min_tokens_to_keep = 0;
  bool custom = false;
};

// As ONNX Runtime draws, so that a seed gives its tokens: the generator of C++'s library that it uses, two steps a number.
class TokenRandom {
 public:
  explicit TokenRandom(uint32_t seed) : generator_(seed) {}

  // [0, 1)
  double Uniform() {
    constexpr double kRange = 2147483646.0;  // how many values the generator gives, from 1
    const double low = static_cast<double>(generator_() - 1), high = static_cast<double>(generator_() - 1);
    const double value = (low + high * kRange) / (kRange * kRange);
    return std::min(value, std::nextafter(1.0, 0.0));
  }

  // By the exponentials of the scores; those that are no numbers weigh nothing.
  int32_t Draw(std::span<const float> scores) {
    float highest = std::numeric_limits<float>::lowest();
    for (float s : scores)
      if (std::isfinite(s)) highest = std::max(highest, s);
    std::vector<double> sums;
    double sum = 0;
    for (float s : scores) sums.push_back(sum += std::isfinite(s) ? std::exp(static_cast<double>(s) - static_cast<double>(highest)) : 0);
    const auto found = std::upper_bound(sums.begin(), sums.end(), Uniform() * sum);
    return static_cast<int32_t>(std::min<int64_t>(found - sums.begin(), static_cast<int64_t>(scores.size()) - 1));
  }

 private:
  std::minstd_rand0 generator_;
};

std::vector<float> Softmax(const std::vector<float>& scores) {
  const float highest = *std::max_element(scores.begin(), scores.end());
  std::vector<float> result;
  float sum = 0;
  for (float s : scores) {
    result.push_back(std::exp(s - highest));
    sum += result.back();
  }
  for (float& r : result) r /= sum;
  return result;
}

// Hides what does not belong to the top_p most probable. The two ways are ONNX Runtime's: from the least probable upwards, or
// (custom) from the most probable downwards, which keeps the one that passes top_p.
void FilterScores(const SamplingOptions& options, std::span<float> scores) {
  const auto size = static_cast<int64_t>(scores.size());
  const auto before = [&](float a, float b) { return options.custom ? a > b : a < b; };
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto score = [&](int64_t i) -> float& { return scores[static_cast<size_t>(order[static_cast<size_t>(i)])]; };
  for (float& s : scores)
    if (std::isnan(s)) s = std::numeric_limits<float>::lowest();  // has no place in an order
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return before(scores[static_cast<size_t>(a)], scores[static_cast<size_t>(b)]); });
  std::vector<float> sorted;
  for (int64_t i = 0; i < size; ++i) sorted.push_back(score(i));
  const std::vector<float> probability = Softmax(sorted);
  float sum = 0;
  if (options.custom) {
    for (int64_t i = 0; i + 1 < size; ++i) {
      sum += probability[static_cast<size_t>(i)];
      if (sum > options.top_p) score(i + 1) = options.filter_value;
    }
    return;
  }
  for (int64_t i = 0; i == 0 || i < size - options.min_tokens_to_keep; ++i) {
    sum += probability[static_cast<size_t>(i)];
    if (sum <= 1 - options.top_p) score(i) = options.filter_value;
  }
}

Status RunSampling(KernelContext& context, const GenerationModel& model, const SamplingOptions& options) {
  ASSIGN_OR_RETURN(const Prompt prompt, ReadPrompt(context, model, 6, 0));
  ASSIGN_OR_RETURN(const int64_t seed, OptionalInteger(context, 8, 0));
  TensorView presence;
  const bool has_presence = options.presence_penalty != 0 && context.num_inputs() > 7 && context.has_input(7);
  if (has_presence) {
    presence = context.input(7);
    if (presence.dtype != DataType::kInt32 || presence.rank() != 2 || presence.dims[0] != prompt.batch)
      return Invalid(fmt::format("presence_mask {} must be int32 [{}, tokens]", presence.TypeString(), prompt.batch));
  }
  TokenRandom random(static_cast<uint32_t>(seed));
  std::vector<std::vector<float>> filtered(static_cast<size_t>(prompt.batch));
  Status status;
  RETURN_IF_ERROR(RunTokens(context, model, prompt, [&](size_t b, std::span<float> scores) {
    const auto size = static_cast<int64_t>(scores.size());
    if (options.temperature > 0)
      for (float& s : scores) s /= options.temperature;
    if (has_presence && presence.dims[1] != size) {
      status = Invalid(fmt::format("presence_mask {} does not fit {} tokens", presence.TypeString(), size));
    } else if (has_presence) {
      const int32_t* mask = presence.ptr<int32_t>() + static_cast<int64_t>(b) * size;
      for (float& s : scores) s -= static_cast<float>(*mask++) * options.presence_penalty;
    }
    FilterScores(options, scores);
    filtered[b].assign(scores.begin(), scores.end());
    return random.Draw(scores);
  }));
  RETURN_IF_ERROR(status);
  if (context.num_outputs() < 2 || !context.has_output(1)) return {};
  const auto size = static_cast<int64_t>(filtered[0].size());
  ASSIGN_OR_RETURN(TensorView y, context.Output(1, DataType::kFloat, Dims{prompt.batch, size}));
  for (size_t b = 0; b < filtered.size(); ++b)
    std::copy(filtered[b].begin(), filtered[b].end(), y.mutable_ptr<float>() + static_cast<int64_t>(b) * size);
  return {};
}

StatusOr<GenerationModel> ReadDecoderOnly(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadGenerationModel(node));
  if (model.encoder_decoder) return Unsupported(fmt::format("{} of an encoder and a decoder", node.node().op_type));
  return model;
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateGreedySearch(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadDecoderOnly(node));
  return MakeKernel([model = std::move(model)](KernelContext& context) { return RunGreedy(context, model); });
}

StatusOr<std::unique_ptr<Kernel>> CreateSampling(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadDecoderOnly(node));
  SamplingOptions options;
  options.temperature = node.GetFloat("temperature", 1);
  options.top_p = node.GetFloat("top_p", 0);
  options.filter_value = node.GetFloat("filter_value", -1e20f);
  options.presence_penalty = node.GetFloat("presence_penalty", 0);
  options.min_tokens_to_keep = node.GetInt("min_tokens_to_keep");
  options.custom = node.GetInt("custom") != 0;
  if (options.min_tokens_to_keep < 0) return Invalid(fmt::format("min_tokens_to_keep is {}", options.min_tokens_to_keep));
  return MakeKernel([model = std::move(model), options](KernelContext& context) { return RunSampling(context, model, options); });
}

}  // namespace sardonyx::cpu
