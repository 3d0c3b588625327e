// BeamSearch and GreedySearch of com.microsoft.
#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/generation.h"

namespace sardonyx::cpu {
namespace {

struct Prompt {
  int64_t batch = 0;
  std::vector<std::vector<int32_t>> sequences;  // of each image; of an encoder-decoder its first tokens
  std::optional<Tensor> mask, decoder_ids;
};

// decoder_ids: the input that holds the decoder's first tokens; 0: none.
StatusOr<Prompt> ReadPrompt(const KernelContext& context, const GenerationModel& model, size_t mask, size_t decoder_ids) {
  const TensorView& ids = context.input(0);
  if (ids.rank() < 2 || ids.dims[0] < 1 ||
      (!model.encoder_decoder && (ids.rank() != 2 || ids.dtype != DataType::kInt32 || ids.dims[1] < 1)))
    return Invalid(fmt::format("input_ids are {}", ids.TypeString()));
  Prompt prompt{.batch = ids.dims[0]};
  if (mask < context.num_inputs() && context.has_input(mask)) {
    prompt.mask = context.input_value(mask).tensor();
    if (prompt.mask->dtype() != DataType::kInt32 || (!model.encoder_decoder && !(prompt.mask->dims() == ids.dims)))
      return Invalid(fmt::format("attention_mask {} does not fit", prompt.mask->TypeString()));
  }
  std::vector<int32_t> first = {static_cast<int32_t>(model.start)};
  prompt.sequences.assign(static_cast<size_t>(prompt.batch), first);
  if (!model.encoder_decoder) {
    for (int64_t b = 0; b < prompt.batch; ++b)
      prompt.sequences[static_cast<size_t>(b)].assign(ids.ptr<int32_t>() + b * ids.dims[1], ids.ptr<int32_t>() + (b + 1) * ids.dims[1]);
  } else if (decoder_ids != 0 && decoder_ids < context.num_inputs() && context.has_input(decoder_ids)) {
    prompt.decoder_ids = context.input_value(decoder_ids).tensor();
    const Tensor& given = *prompt.decoder_ids;
    if (given.dtype() != DataType::kInt32 || given.rank() != 2 || given.dims()[0] != prompt.batch || given.dims()[1] < 1)
      return Invalid(fmt::format("decoder_input_ids {} must be int32 [{}, length]", given.TypeString(), prompt.batch));
    const int64_t length = given.dims()[1];
    for (int64_t b = 0; b < prompt.batch; ++b) {
      const int32_t* row = given.data<int32_t>().data() + b * length;
      prompt.sequences[static_cast<size_t>(b)].assign(row, row + length);
    }
  }
  return prompt;
}

Status CheckMasks(const GenerationLimits& limits, int64_t vocabulary) {
  if ((limits.vocabulary_mask && limits.vocabulary_mask_size != vocabulary) ||
      (limits.prefix_vocabulary_mask && limits.prefix_vocabulary_mask_size != vocabulary))
    return Invalid(fmt::format("a mask of tokens does not fit the {} of the decoder", vocabulary));
  return {};
}

Status RunGreedy(KernelContext& context, const GenerationModel& model) {
  ASSIGN_OR_RETURN(const Prompt prompt, ReadPrompt(context, model, 6, 0));
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
      const auto best = static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      tokens.push_back(done[b] ? static_cast<int32_t>(model.pad) : best);
      if (best == model.eos) done[b] = true;
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

// ---- Beams.

struct Hypothesis {
  double score;
  std::vector<int32_t> tokens;
};

// The best finished sequences of one image.
struct Finished {
  std::vector<Hypothesis> best;  // highest score first
  bool done = false;

  void Add(double score, const std::vector<int32_t>& tokens, size_t beams) {
    const auto place = std::upper_bound(best.begin(), best.end(), score, [](double s, const Hypothesis& h) { return s > h.score; });
    best.insert(place, {score, tokens});
    if (best.size() > beams) best.pop_back();
  }
};

struct BeamOptions {
  int64_t beams = 1, returned = 1;
  float length_penalty = 1;
  bool early_stopping = false;
};

class BeamSearch {
 public:
  BeamSearch(const GenerationModel& model, const GenerationLimits& limits, const BeamOptions& options, const Prompt& prompt)
      : model_(model), limits_(limits), options_(options), batch_(prompt.batch), finished_(static_cast<size_t>(prompt.batch)) {
    for (const auto& sequence : prompt.sequences)
      for (int64_t i = 0; i < options.beams; ++i) {
        sequences_.push_back(sequence);
        sums_.push_back(i == 0 ? 0.0f : -1e9f);  // beams that start alike: only the first counts
      }
    prompt_length_ = length();
  }

  int64_t length() const { return static_cast<int64_t>(sequences_[0].size()); }
  bool done() const {
    return std::all_of(finished_.begin(), finished_.end(), [](const Finished& f) { return f.done; });
  }
  std::span<const int32_t> tokens() const { return tokens_; }
  std::span<const int32_t> from() const { return from_; }

  // Takes one step by the scores [rows, vocabulary].
  void Step(std::span<const float> logits, int64_t vocabulary) {
    const auto rows = static_cast<int64_t>(sequences_.size());
    std::vector<float> scores(logits.begin(), logits.end());
    for (int64_t row = 0; row < rows; ++row) {
      const std::span<float> own = std::span(scores).subspan(static_cast<size_t>(row * vocabulary), static_cast<size_t>(vocabulary));
      LogSoftmax(own);
      ProcessScores(model_, limits_, sequences_[static_cast<size_t>(row)], row / options_.beams, length() - prompt_length_, own);
      for (float& s : own) {
        s += sums_[static_cast<size_t>(row)];
        if (std::isnan(s)) s = -std::numeric_limits<float>::infinity();  // has no place in an order
      }
    }
    tokens_.clear(), from_.clear();
    std::vector<float> sums;
    for (int64_t image = 0; image < batch_; ++image) StepImage(image, scores, vocabulary, sums);
    std::vector<std::vector<int32_t>> next;
    for (size_t row = 0; row < sequences_.size(); ++row) {
      next.push_back(sequences_[static_cast<size_t>(from_[row])]);
      next.back().push_back(tokens_[row]);
    }
    sequences_ = std::move(next);
    sums_ = std::move(sums);
  }

  Status Write(KernelContext& context) {
    for (int64_t image = 0; image < batch_; ++image) {
      Finished& f = finished_[static_cast<size_t>(image)];
      if (f.done) continue;
      for (int64_t i = 0; i < options_.beams; ++i) {
        const auto row = static_cast<size_t>(image * options_.beams + i);
        f.Add(Score(sums_[row], sequences_[row].size()), sequences_[row], static_cast<size_t>(options_.beams));
      }
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, Dims{batch_, options_.returned, limits_.max_length}));
    std::fill_n(y.mutable_ptr<int32_t>(), y.num_elements(), static_cast<int32_t>(model_.pad));
    const bool wants_scores = context.num_outputs() > 1 && context.has_output(1);
    TensorView scores;
    if (wants_scores) {
      ASSIGN_OR_RETURN(scores, context.Output(1, DataType::kFloat, Dims{batch_, options_.returned}));
    }
    for (int64_t image = 0; image < batch_; ++image)
      for (int64_t i = 0; i < options_.returned; ++i) {
        const Hypothesis& h = finished_[static_cast<size_t>(image)].best[static_cast<size_t>(i)];
        int32_t* out = y.mutable_ptr<int32_t>() + (image * options_.returned + i) * limits_.max_length;
        std::copy(h.tokens.begin(), h.tokens.end(), out);
        if (wants_scores) scores.mutable_ptr<float>()[image * options_.returned + i] = static_cast<float>(h.score);
      }
    return {};
  }

 private:
  static void LogSoftmax(std::span<float> scores) {
    const float highest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (float s : scores) sum += std::exp(static_cast<double>(s - highest));
    const auto shift = static_cast<float>(std::log(sum)) + highest;
    for (float& s : scores) s -= shift;
  }

  double Score(double sum, size_t tokens) const {
    return sum / std::pow(static_cast<double>(tokens), static_cast<double>(options_.length_penalty));
  }

  // The best continuations of an image's beams: those that end become hypotheses, the others the next beams.
  void StepImage(int64_t image, const std::vector<float>& scores, int64_t vocabulary, std::vector<float>& sums) {
    Finished& f = finished_[static_cast<size_t>(image)];
    const int64_t first = image * options_.beams;
    if (f.done) {
      for (int64_t i = 0; i < options_.beams; ++i) Continue(static_cast<int32_t>(model_.pad), first, 0, sums);
      return;
    }
    using Candidate = std::pair<float, int64_t>;  // score; beam * vocabulary + token
    const auto worse = [](const Candidate& a, const Candidate& b) {
      return a.first > b.first || (a.first == b.first && a.second < b.second);
    };
    std::vector<Candidate> heap;  // the worst of the best on top
    const size_t wanted = static_cast<size_t>(2 * options_.beams);
    for (int64_t i = 0; i < options_.beams * vocabulary; ++i) {
      const Candidate one{scores[static_cast<size_t>(first * vocabulary + i)], i};
      if (heap.size() == wanted && !worse(one, heap.front())) continue;
      if (heap.size() == wanted) {
        std::pop_heap(heap.begin(), heap.end(), worse);
        heap.pop_back();
      }
      heap.push_back(one);
      std::push_heap(heap.begin(), heap.end(), worse);
    }
    std::sort(heap.begin(), heap.end(), worse);  // best first
    int64_t taken = 0;
    for (size_t rank = 0; rank < heap.size() && taken < options_.beams; ++rank) {
      const int64_t row = first + heap[rank].second / vocabulary, token = heap[rank].second % vocabulary;
      if (token == model_.eos) {
        if (static_cast<int64_t>(rank) >= options_.beams) continue;
        const auto& tokens = sequences_[static_cast<size_t>(row)];
        f.Add(Score(heap[rank].first, tokens.size()), tokens, static_cast<size_t>(options_.beams));
      } else {
        Continue(static_cast<int32_t>(token), row, heap[rank].first, sums);
        ++taken;
      }
    }
    for (; taken < options_.beams; ++taken) Continue(static_cast<int32_t>(model_.pad), first, -1e9f, sums);
    if (static_cast<int64_t>(f.best.size()) < options_.beams) return;
    f.done = options_.early_stopping || f.best.back().score >= Score(heap.front().first, static_cast<size_t>(length()));
  }

  void Continue(int32_t token, int64_t row, float sum, std::vector<float>& sums) {
    tokens_.push_back(token);
    from_.push_back(static_cast<int32_t>(row));
    sums.push_back(sum);
  }

  const GenerationModel& model_;
  const GenerationLimits& limits_;
  const BeamOptions& options_;
  int64_t batch_, prompt_length_ = 0;
  std::vector<Finished> finished_;
  std::vector<std::vector<int32_t>> sequences_;
  std::vector<float> sums_;
  std::vector<int32_t> tokens_, from_;
};

Status RunBeams(KernelContext& context, const GenerationModel& model, bool early_stopping) {
  ASSIGN_OR_RETURN(const Prompt prompt, ReadPrompt(context, model, 9, 10));
  ASSIGN_OR_RETURN(const GenerationLimits limits, ReadGenerationLimits(context, prompt.batch, 2, 6, 7));
  BeamOptions options{.early_stopping = early_stopping};
  ASSIGN_OR_RETURN(options.beams, OptionalInteger(context, 3, 1));
  ASSIGN_OR_RETURN(options.returned, OptionalInteger(context, 4, 1));
  ASSIGN_OR_RETURN(options.length_penalty, OptionalNumber(context, 5, 1));
  constexpr int64_t kMostBeams = 128;
  if (options.beams < 1 || options.beams > kMostBeams || options.returned < 1 || options.returned > options.beams)
    return Invalid(fmt::format("{} sequences of {} beams", options.returned, options.beams));
  ASSIGN_OR_RETURN(const int64_t processor, OptionalInteger(context, 11, 0));
  if (processor != 0) return Unsupported("BeamSearch with a logits_processor");
  BeamSearch search(model, limits, options, prompt);
  if (search.length() >= limits.max_length)
    return Invalid(fmt::format("max_length {} leaves no room behind {} tokens", limits.max_length, search.length()));
  TokenDecoder decoder(context, model, prompt.batch, options.beams);
  ASSIGN_OR_RETURN(std::span<const float> logits,
                   decoder.Start(prompt.mask ? &*prompt.mask : nullptr, prompt.decoder_ids ? &*prompt.decoder_ids : nullptr));
  RETURN_IF_ERROR(CheckMasks(limits, decoder.vocabulary()));
  for (;;) {
    search.Step(logits, decoder.vocabulary());
    if (search.length() >= limits.max_length || search.done()) break;
    ASSIGN_OR_RETURN(logits, decoder.Next(search.tokens(), search.from()));
  }
  return search.Write(context);
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateGreedySearch(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadGenerationModel(node));
  if (model.encoder_decoder) return Unsupported("GreedySearch of an encoder and a decoder");
  return MakeKernel([model = std::move(model)](KernelContext& context) { return RunGreedy(context, model); });
}

StatusOr<std::unique_ptr<Kernel>> CreateBeamSearch(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadGenerationModel(node));
  for (size_t i = 2; i < node.num_outputs(); ++i)
    if (node.has_output(i)) return Unsupported(fmt::format("{} with the output {}", node.node().op_type, i));
  for (size_t i = 12; i < node.num_inputs(); ++i)
    if (node.has_input(i)) return Unsupported(fmt::format("{} with the input {}", node.node().op_type, i));
  return MakeKernel([model = std::move(model), early = node.GetInt("early_stopping") != 0](KernelContext& context) {
    return RunBeams(context, model, early);
  });
}

}  // namespace sardonyx::cpu
