// BeamSearch and WhisperBeamSearch of com.microsoft.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <queue>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/generation.h"
#include "providers/cpu/generation_timestamps.h"

namespace sardonyx::cpu {
namespace {

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
  float temperature = 1;               // scores are divided by it
  std::optional<WhisperTokens> times;  // apply Whisper's rules for them
  bool all_scores = false;             // the third output is wanted
};

class BeamSearch {
 public:
  BeamSearch(const GenerationModel& model, const GenerationLimits& limits, const BeamOptions& options, const Prompt& prompt)
      : model_(model),
        limits_(limits),
        options_(options),
        batch_(prompt.batch),
        finished_(static_cast<size_t>(prompt.batch)),
        keeps_scores_(options.all_scores) {
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
  Status Step(std::span<const float> logits, int64_t vocabulary) {
    const auto rows = static_cast<int64_t>(sequences_.size());
    std::vector<float> scores(logits.begin(), logits.end());
    for (int64_t row = 0; row < rows; ++row) {
      const std::span<float> own = std::span(scores).subspan(static_cast<size_t>(row * vocabulary), static_cast<size_t>(vocabulary));
      LogSoftmax(own);
      ProcessScores(model_, limits_, sequences_[static_cast<size_t>(row)], row / options_.beams, length() - prompt_length_, own);
      if (options_.temperature > 0 && options_.temperature != 1)
        for (float& score : own) score /= options_.temperature;
      if (options_.times) RETURN_IF_ERROR(ApplyTimestampRules(*options_.times, sequences_[static_cast<size_t>(row)], own));
      for (float& s : own) {
        s += sums_[static_cast<size_t>(row)];
        if (std::isnan(s)) s = -std::numeric_limits<float>::infinity();  // has no place in an order
      }
    }
    if (keeps_scores_) all_scores_.push_back(scores);
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
    return {};
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
    return keeps_scores_ ? WriteAllScores(context) : Status();
  }

 private:
  // [steps, batch, beams, vocabulary]; zeros behind the step at which all had ended.
  Status WriteAllScores(KernelContext& context) {
    const auto rows = static_cast<int64_t>(sequences_.size()), size = static_cast<int64_t>(all_scores_[0].size());
    ASSIGN_OR_RETURN(TensorView y,
                     context.Output(2, DataType::kFloat, Dims{limits_.max_length - prompt_length_, batch_, options_.beams, size / rows}));
    std::fill_n(y.mutable_ptr<float>(), y.num_elements(), 0.0f);
    for (size_t step = 0; step < all_scores_.size(); ++step)
      std::copy(all_scores_[step].begin(), all_scores_[step].end(), y.mutable_ptr<float>() + static_cast<int64_t>(step) * size);
    return {};
  }

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
  bool keeps_scores_ = false;
  std::vector<std::vector<float>> all_scores_;  // of each step
};

Status RunBeams(KernelContext& context, const GenerationModel& model, const WhisperTokens* whisper, bool early_stopping) {
  ASSIGN_OR_RETURN(const Prompt prompt, ReadPrompt(context, model, 9, 10));
  ASSIGN_OR_RETURN(const GenerationLimits limits, ReadGenerationLimits(context, prompt.batch, 2, 6, 7));
  BeamOptions options{.early_stopping = early_stopping};
  options.all_scores = context.num_outputs() > 2 && context.has_output(2);
  ASSIGN_OR_RETURN(options.beams, OptionalInteger(context, 3, 1));
  ASSIGN_OR_RETURN(options.returned, OptionalInteger(context, 4, 1));
  ASSIGN_OR_RETURN(options.length_penalty, OptionalNumber(context, 5, 1));
  constexpr int64_t kMostBeams = 128;
  if (options.beams < 1 || options.beams > kMostBeams || options.returned < 1 || options.returned > options.beams)
    return Invalid(fmt::format("{} sequences of {} beams", options.returned, options.beams));
  ASSIGN_OR_RETURN(options.temperature, OptionalNumber(context, 14, 1));
  ASSIGN_OR_RETURN(const int64_t processor, OptionalInteger(context, 11, 0));
  if (processor == 1 && whisper)
    options.times = *whisper;
  else if (processor != 0)
    return Unsupported(fmt::format("logits_processor {}; 1, for models of type 2, is known", processor));
  BeamSearch search(model, limits, options, prompt);
  if (search.length() >= limits.max_length)
    return Invalid(fmt::format("max_length {} leaves no room behind {} tokens", limits.max_length, search.length()));
  TokenDecoder decoder(context, model, prompt.batch, options.beams);
  ASSIGN_OR_RETURN(std::span<const float> logits,
                   decoder.Start(prompt.mask ? &*prompt.mask : nullptr, prompt.decoder_ids ? &*prompt.decoder_ids : nullptr));
  RETURN_IF_ERROR(CheckMasks(limits, decoder.vocabulary()));
  for (;;) {
    RETURN_IF_ERROR(search.Step(logits, decoder.vocabulary()));
    if (search.length() >= limits.max_length || search.done()) break;
    ASSIGN_OR_RETURN(logits, decoder.Next(search.tokens(), search.from()));
  }
  return search.Write(context);
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateBeamSearch(const NodeInfo& node) {
  ASSIGN_OR_RETURN(GenerationModel model, ReadGenerationModel(node));
  for (size_t i = 3; i < node.num_outputs(); ++i)
    if (node.has_output(i)) return Unsupported(fmt::format("{} with the output {}", node.node().op_type, i));
  for (size_t i : {size_t{12}, size_t{13}})
    if (node.has_input(i)) return Unsupported(fmt::format("{} with the input {}", node.node().op_type, i));
  std::optional<WhisperTokens> whisper;
  if (node.GetInt("model_type") == 2) whisper = ReadWhisperTokens(node);
  return MakeKernel([model = std::move(model), whisper, early = node.GetInt("early_stopping") != 0](KernelContext& context) {
    return RunBeams(context, model, whisper ? &*whisper : nullptr, early);
  });
}

}  // namespace sardonyx::cpu
