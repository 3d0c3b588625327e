// What BeamSearch, GreedySearch and Sampling of com.microsoft share: a model that is run token by token, and how its scores are changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "providers/cpu/registry.h"
#include "sardonyx/tensor.h"

namespace sardonyx::cpu {

// A node's attributes, and what its subgraphs take.
struct GenerationModel {
  bool encoder_decoder = false;  // T5 and Whisper; else GPT: one graph that reads a prompt and then token after token
  int64_t eos = 0, pad = 0, start = 0;
  int64_t no_repeat_ngram = 0;
  bool init_decoder = false;  // GPT: another graph reads the prompt
  struct Port {
    std::string name;
    DataType dtype = DataType::kUndefined;
    std::vector<int64_t> dims;  // -1 where not known
  };
  std::vector<Port> decoder_inputs, encoder_inputs;
  std::vector<std::string> decoder_outputs, encoder_outputs;
};
StatusOr<GenerationModel> ReadGenerationModel(const NodeInfo& node);

// Limits and masks of one run.
struct GenerationLimits {
  int64_t max_length = 0, min_length = 0;
  float repetition_penalty = 1;
  const int32_t* vocabulary_mask = nullptr;  // [vocabulary]: 0 hides a token
  int64_t vocabulary_mask_size = 0;
  const int32_t* prefix_vocabulary_mask = nullptr;  // [batch, vocabulary]: for the first token only
  int64_t prefix_vocabulary_mask_size = 0;
};

// Runs the subgraphs for `rows` = batch * beams sequences and keeps their caches.
class TokenDecoder {
 public:
  TokenDecoder(KernelContext& context, const GenerationModel& model, int64_t batch, int64_t beams)
      : context_(context), model_(model), batch_(batch), beams_(beams) {}

  // Reads the prompt, input 0 [batch, length], with its attention mask (null: what is not padding). Gives the scores of the
  // first new token, [rows, vocabulary]. `decoder_ids`: the first token of each image of an encoder-decoder (null: the start).
  StatusOr<std::span<const float>> Start(const Tensor* attention_mask, const Tensor* decoder_ids);
  // Appends a token to each row, where row i continues row from[i]; an empty `from` means itself.
  StatusOr<std::span<const float>> Next(std::span<const int32_t> tokens, std::span<const int32_t> from);
  int64_t vocabulary() const { return vocabulary_; }
  int64_t rows() const { return batch_ * beams_; }

 private:
  using Values = std::map<std::string, Tensor>;
  StatusOr<std::vector<Value>> Run(std::string_view graph, const std::vector<GenerationModel::Port>& ports, const Values& values);
  StatusOr<std::span<const float>> TakeScores(const Tensor& logits);
  StatusOr<std::span<const float>> Decode(std::string_view graph, Values values);
  StatusOr<std::span<const float>> StartEncoderDecoder(const Tensor* attention_mask, const Tensor* decoder_ids);

  KernelContext& context_;
  const GenerationModel& model_;
  int64_t batch_, beams_, vocabulary_ = 0;
  Values caches_;                   // inputs of the decoder that come from its last outputs, or stay
  std::vector<int32_t> mask_;       // GPT: [rows, length so far]
  std::vector<int32_t> positions_;  // GPT: of the next token of each row
  int64_t length_ = 0;
  std::vector<float> scores_;
};

// Penalties, forbidden n-grams and masks on the scores of row `row` of image `image`; `step` counts new tokens from 0.
void ProcessScores(const GenerationModel& model, const GenerationLimits& limits, std::span<const int32_t> sequence, int64_t image,
                   int64_t step, std::span<float> scores);

// One integer or number of an optional input; kInvalid when it is there and is something else.
StatusOr<int64_t> OptionalInteger(const KernelContext& context, size_t i, int64_t fallback);
StatusOr<float> OptionalNumber(const KernelContext& context, size_t i, float fallback);
// max_length, min_length, repetition_penalty and the masks, which are at these inputs.
StatusOr<GenerationLimits> ReadGenerationLimits(const KernelContext& context, int64_t batch, size_t min_length, size_t penalty,
                                                size_t vocabulary_mask);

// kInvalid when a mask is not as long as the decoder's row of scores.
Status CheckMasks(const GenerationLimits& limits, int64_t vocabulary);

// What the sequences begin with.
struct Prompt {
  int64_t batch = 0;
  std::vector<std::vector<int32_t>> sequences;  // of each image; of an encoder-decoder its first tokens
  std::optional<Tensor> mask, decoder_ids;
};
// mask: the input that is the attention mask. decoder_ids: the one that holds the decoder's first tokens; 0: none.
StatusOr<Prompt> ReadPrompt(const KernelContext& context, const GenerationModel& model, size_t mask, size_t decoder_ids);

StatusOr<std::unique_ptr<Kernel>> CreateBeamSearch(const NodeInfo& node);    // generation_search.cc
StatusOr<std::unique_ptr<Kernel>> CreateGreedySearch(const NodeInfo& node);  // generation_greedy.cc
StatusOr<std::unique_ptr<Kernel>> CreateSampling(const NodeInfo& node);

}  // namespace sardonyx::cpu
