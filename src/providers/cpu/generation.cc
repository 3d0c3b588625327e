#include "providers/cpu/generation.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::cpu {
namespace {

constexpr float kHidden = -std::numeric_limits<float>::infinity();

std::vector<GenerationModel::Port> ReadPorts(const ir::Graph& graph) {
  std::vector<GenerationModel::Port> ports;
  for (const ir::ValueInfo& input : graph.inputs()) {
    GenerationModel::Port port{.name = input.value->name()};
    const ir::Type& type = input.type ? *input.type : input.value->type;
    if (type.is_tensor()) port.dtype = type.dtype;
    if (type.is_tensor() && type.shape)
      for (const ir::Dim& dim : type.shape->dims()) port.dims.push_back(dim.is_constant() ? dim.value() : -1);
    ports.push_back(std::move(port));
  }
  return ports;
}

std::vector<std::string> ReadNames(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (const ir::ValueInfo& output : graph.outputs()) names.push_back(output.value->name());
  return names;
}

// "present_key_self_0" -> "past_key_self_0"
std::string PastOf(const std::string& present) { return present.starts_with("present") ? "past" + present.substr(7) : present; }

// A tensor along whose `axis` entry i is entry from(i) of `source`.
template <class From>
StatusOr<Tensor> TakeRows(const Tensor& source, size_t axis, int64_t count, From from) {
  if (source.rank() <= axis || BitsPerElement(source.dtype()) % 8 != 0) return Invalid(fmt::format("{} is no cache", source.TypeString()));
  Dims dims = source.dims();
  const int64_t rows = dims[axis], outer = dims.Product(0, axis);
  dims[axis] = count;
  ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(source.dtype(), dims));
  const int64_t row = dims.Product(axis + 1, dims.rank()) * BitsPerElement(source.dtype()) / 8;
  const auto* in = static_cast<const char*>(source.raw_data());
  auto* to = static_cast<char*>(out.mutable_raw_data());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = from(i);
      if (at < 0 || at >= rows) return Invalid(fmt::format("{} has no row {}", source.TypeString(), at));
      std::copy_n(in + (o * rows + at) * row, row, to + (o * count + i) * row);
    }
  return out;
}

StatusOr<Tensor> Matrix(const std::vector<int32_t>& values, int64_t rows) {
  return Tensor::From(Dims{rows, rows == 0 ? 0 : static_cast<int64_t>(values.size()) / rows}, values);
}

}  // namespace

StatusOr<GenerationModel> ReadGenerationModel(const NodeInfo& node) {
  GenerationModel model;
  const int64_t kind = node.GetInt("model_type");
  if (kind < 0 || kind > 2) return Invalid(fmt::format("model_type is {}", kind));
  model.encoder_decoder = kind != 0;
  model.eos = node.GetInt("eos_token_id");
  model.pad = node.GetInt("pad_token_id");
  model.start = node.GetInt("decoder_start_token_id", -1);
  model.no_repeat_ngram = node.GetInt("no_repeat_ngram_size");
  const ir::Graph* decoder = node.node().GetGraph("decoder");
  const ir::Graph* encoder = node.node().GetGraph("encoder");
  if (decoder == nullptr || (model.encoder_decoder && encoder == nullptr)) return Invalid("the decoder or encoder is missing");
  model.decoder_inputs = ReadPorts(*decoder);
  model.decoder_outputs = ReadNames(*decoder);
  if (encoder != nullptr) {
    model.encoder_inputs = ReadPorts(*encoder);
    model.encoder_outputs = ReadNames(*encoder);
  }
  model.init_decoder = node.node().GetGraph("init_decoder") != nullptr;
  for (const GenerationModel::Port& port : model.decoder_inputs)
    if (port.name == "past_sequence_length" || port.name == "cache_indirection" || port.name == "beam_width")
      return Unsupported(fmt::format("a decoder that shares its caches' buffers (input {})", port.name));
  if (!model.encoder_decoder && (model.decoder_inputs.size() < 3 || model.decoder_outputs.size() + 2 != model.decoder_inputs.size()))
    return Invalid(fmt::format("a decoder of {} inputs and {} outputs", model.decoder_inputs.size(), model.decoder_outputs.size()));
  return model;
}

StatusOr<std::vector<Value>> TokenDecoder::Run(std::string_view graph, const std::vector<GenerationModel::Port>& ports,
                                               const Values& values) {
  runtime::Subprogram* program = context_.subprogram(graph);
  if (program == nullptr || program->num_inputs() != ports.size()) return Invalid(fmt::format("the subgraph {} is missing or odd", graph));
  RETURN_IF_ERROR(context_.CheckInterrupted());
  std::vector<Value> inputs;
  for (const GenerationModel::Port& port : ports) {
    const auto found = values.find(port.name);
    if (found != values.end()) {
      inputs.emplace_back(found->second);
      continue;
    }
    // A cache that is still empty: its length is the last but one dim, and the rows are its first or, in one tensor of keys and
    // values, its second.
    if (!port.name.starts_with("past") || port.dims.size() < 4) return Invalid(fmt::format("{} wants an input '{}'", graph, port.name));
    Dims dims(port.dims);
    dims[dims.rank() - 2] = 0;
    dims[dims.rank() == 5 ? 1 : 0] = rows();
    if (dims.rank() == 5) dims[0] = 2;
    for (int64_t dim : dims)
      if (dim < 0) return Invalid(fmt::format("the dims of {}'s input '{}' must be declared", graph, port.name));
    ASSIGN_OR_RETURN(Tensor empty, Tensor::Allocate(port.dtype, dims));
    inputs.emplace_back(std::move(empty));
  }
  auto outputs = program->Run(std::move(inputs));
  if (!outputs.ok()) return outputs.status().WithContext(graph);
  for (const Value& output : *outputs)
    if (!output.is_tensor()) return Invalid(fmt::format("an output of {} is no tensor", graph));
  return outputs;
}

// Keeps the scores of the last position, one row for each of ours.
StatusOr<std::span<const float>> TokenDecoder::TakeScores(const Tensor& logits) {
  const bool narrow = logits.dtype() == DataType::kFloat16;
  if ((logits.dtype() != DataType::kFloat && !narrow) || logits.rank() != 3 || logits.dims()[1] < 1 || logits.dims()[2] < 1)
    return Invalid(fmt::format("the logits are {}", logits.TypeString()));
  const int64_t given = logits.dims()[0], length = logits.dims()[1];
  if (given != rows() && given != batch_) return Invalid(fmt::format("the logits are {} for {} sequences", logits.TypeString(), rows()));
  if (vocabulary_ != 0 && vocabulary_ != logits.dims()[2]) return Invalid("the number of tokens changes");
  vocabulary_ = logits.dims()[2];
  scores_.resize(static_cast<size_t>(rows() * vocabulary_));
  for (int64_t row = 0; row < rows(); ++row) {
    const int64_t from = ((given == rows() ? row : row / beams_) * length + length - 1) * vocabulary_;
    for (int64_t i = 0; i < vocabulary_; ++i)
      scores_[static_cast<size_t>(row * vocabulary_ + i)] = narrow
                                                                ? static_cast<float>(logits.data<Float16>()[static_cast<size_t>(from + i)])
                                                                : logits.data<float>()[static_cast<size_t>(from + i)];
  }
  return std::span<const float>(scores_);
}

StatusOr<std::span<const float>> TokenDecoder::Decode(std::string_view graph, Values values) {
  for (const auto& [name, cache] : caches_) values.emplace(name, cache);
  ASSIGN_OR_RETURN(std::vector<Value> outputs, Run(graph, model_.decoder_inputs, values));
  if (outputs.size() != model_.decoder_outputs.size()) return Invalid("the decoder's outputs are odd");
  for (size_t i = 1; i < outputs.size(); ++i) {
    // GPT's caches follow each other as its inputs do, whatever their names.
    const std::string name = model_.encoder_decoder ? PastOf(model_.decoder_outputs[i]) : model_.decoder_inputs[i + 2].name;
    caches_[name] = outputs[i].tensor();
  }
  return TakeScores(outputs[0].tensor());
}

StatusOr<std::span<const float>> TokenDecoder::Start(const Tensor* attention_mask, const Tensor* decoder_ids) {
  if (model_.encoder_decoder) return StartEncoderDecoder(attention_mask, decoder_ids);
  const Value prompt_value = context_.input_value(0);
  const Tensor& prompt = prompt_value.tensor();
  if (prompt.dtype() != DataType::kInt32 || prompt.rank() != 2)
    return Invalid(fmt::format("input_ids {} must be int32 [batch, length]", prompt.TypeString()));
  length_ = prompt.dims()[1];
  std::vector<int32_t> ids, positions;
  for (int64_t row = 0; row < rows(); ++row) {
    int32_t position = 0;
    for (int64_t i = 0; i < length_; ++i) {
      const auto at = static_cast<size_t>(row / beams_ * length_ + i);
      ids.push_back(prompt.data<int32_t>()[at]);
      const bool used = attention_mask ? attention_mask->data<int32_t>()[at] != 0 : ids.back() != model_.pad;
      mask_.push_back(used ? 1 : 0);
      positions.push_back(used ? position++ : 0);
    }
    positions_.push_back(position);
  }
  Values values;
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[0].name], Matrix(ids, rows()));
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[1].name], Matrix(positions, rows()));
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[2].name], Matrix(mask_, rows()));
  return Decode(model_.init_decoder ? "init_decoder" : "decoder", std::move(values));
}

StatusOr<std::span<const float>> TokenDecoder::StartEncoderDecoder(const Tensor* attention_mask, const Tensor* decoder_ids) {
  const Value prompt_value = context_.input_value(0);
  const Tensor& prompt = prompt_value.tensor();
  Values values;
  std::vector<int32_t> first(static_cast<size_t>(batch_), static_cast<int32_t>(model_.start));
  if (decoder_ids) first.assign(decoder_ids->data<int32_t>().begin(), decoder_ids->data<int32_t>().end());
  ASSIGN_OR_RETURN(const Tensor first_ids, Matrix(first, batch_));
  Tensor mask;
  if (attention_mask) {
    mask = *attention_mask;
  } else if (prompt.dtype() == DataType::kInt32) {
    std::vector<int32_t> used;
    // Padding before the first token alone, as ONNX Runtime has it.
    const int64_t length = prompt.dims()[1];
    for (int64_t b = 0; b < batch_; ++b) {
      bool begun = false;
      for (int32_t id : prompt.data<int32_t>().subspan(static_cast<size_t>(b * length), static_cast<size_t>(length))) {
        begun = begun || id != model_.pad;
        used.push_back(begun ? 1 : 0);
      }
    }
    ASSIGN_OR_RETURN(mask, Matrix(used, batch_));
  }
  for (size_t i = 0; i < model_.encoder_inputs.size(); ++i) {
    const std::string& name = model_.encoder_inputs[i].name;
    values[name] = i == 0 ? prompt : name == "decoder_input_ids" ? first_ids : mask;
  }
  ASSIGN_OR_RETURN(std::vector<Value> outputs, Run("encoder", model_.encoder_inputs, values));
  if (outputs.size() != model_.encoder_outputs.size()) return Invalid("the encoder's outputs are odd");
  const auto expand = [&](const Tensor& tensor) { return TakeRows(tensor, 0, rows(), [&](int64_t row) { return row / beams_; }); };
  if (mask.defined()) {
    ASSIGN_OR_RETURN(caches_["encoder_attention_mask"], expand(mask));
  }
  std::optional<Tensor> logits;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (model_.encoder_outputs[i] == "logits") {
      logits = outputs[i].tensor();
      continue;
    }
    ASSIGN_OR_RETURN(caches_[PastOf(model_.encoder_outputs[i])], expand(outputs[i].tensor()));
  }
  if (logits) return TakeScores(*logits);
  Values next;
  ASSIGN_OR_RETURN(next["input_ids"], expand(first_ids));
  return Decode("decoder", std::move(next));
}

StatusOr<std::span<const float>> TokenDecoder::Next(std::span<const int32_t> tokens, std::span<const int32_t> from) {
  const auto source = [&](int64_t row) { return from.empty() ? row : static_cast<int64_t>(from[static_cast<size_t>(row)]); };
  const std::vector<int32_t> ids(tokens.begin(), tokens.end());
  Values values;
  if (!from.empty()) {
    for (auto& [name, cache] : caches_) {
      if (!name.starts_with("past") && model_.encoder_decoder) continue;
      if (name.find("cross") != std::string::npos) continue;  // the same for all beams of an image
      ASSIGN_OR_RETURN(cache, TakeRows(cache, cache.rank() == 5 ? 1 : 0, rows(), source));
    }
  }
  if (model_.encoder_decoder) {
    ASSIGN_OR_RETURN(values["input_ids"], Matrix(ids, rows()));
    return Decode("decoder", std::move(values));
  }
  std::vector<int32_t> mask, positions;
  for (int64_t row = 0; row < rows(); ++row) {
    const auto begin = mask_.begin() + source(row) * length_;
    mask.insert(mask.end(), begin, begin + length_);
    mask.push_back(1);
    positions.push_back(positions_[static_cast<size_t>(source(row))]);
  }
  mask_ = std::move(mask);
  ++length_;
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[0].name], Matrix(ids, rows()));
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[1].name], Matrix(positions, rows()));
  ASSIGN_OR_RETURN(values[model_.decoder_inputs[2].name], Matrix(mask_, rows()));
  for (int32_t& position : positions) ++position;
  positions_ = std::move(positions);
  return Decode("decoder", std::move(values));
}

void ProcessScores(const GenerationModel& model, const GenerationLimits& limits, std::span<const int32_t> sequence, int64_t image,
                   int64_t step, std::span<float> scores) {
  const auto size = static_cast<int64_t>(scores.size());
  const auto score = [&](int64_t token) -> float* { return token >= 0 && token < size ? &scores[static_cast<size_t>(token)] : nullptr; };
  if (limits.repetition_penalty != 1) {
    for (const int32_t token : std::unordered_set<int32_t>(sequence.begin(), sequence.end()))
      if (float* s = score(token)) *s = *s < 0 ? *s * limits.repetition_penalty : *s / limits.repetition_penalty;
  }
  const int64_t n = model.no_repeat_ngram;
  if (n > 0 && static_cast<int64_t>(sequence.size()) >= n) {
    const auto tail = sequence.end() - (n - 1);
    for (auto at = sequence.begin(); sequence.end() - at >= n; ++at)
      if (std::equal(at, at + n - 1, tail))
        if (float* s = score(at[n - 1])) *s = kHidden;
  }
  if (limits.vocabulary_mask)
    for (int64_t i = 0; i < size; ++i)
      if (limits.vocabulary_mask[i] == 0) scores[static_cast<size_t>(i)] = kHidden;
  if (limits.prefix_vocabulary_mask && step == 0)
    for (int64_t i = 0; i < size; ++i)
      if (limits.prefix_vocabulary_mask[image * size + i] == 0) scores[static_cast<size_t>(i)] = kHidden;
  if (static_cast<int64_t>(sequence.size()) < limits.min_length)
    if (float* s = score(model.eos)) *s = kHidden;
}

}  // namespace sardonyx::cpu
