// What the inputs of BeamSearch, GreedySearch and Sampling say.
#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/cpu/generation.h"

namespace sardonyx::cpu {

StatusOr<int64_t> OptionalInteger(const KernelContext& context, size_t i, int64_t fallback) {
  if (i >= context.num_inputs() || !context.has_input(i)) return fallback;
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kInt32 || x.num_elements() != 1) return Invalid(fmt::format("input {} {} must be one int32", i, x.TypeString()));
  return static_cast<int64_t>(x.ptr<int32_t>()[0]);
}

StatusOr<float> OptionalNumber(const KernelContext& context, size_t i, float fallback) {
  if (i >= context.num_inputs() || !context.has_input(i)) return fallback;
  const TensorView& x = context.input(i);
  if (x.num_elements() == 1 && x.dtype == DataType::kFloat) return x.ptr<float>()[0];
  if (x.num_elements() == 1 && x.dtype == DataType::kFloat16) return static_cast<float>(x.ptr<Float16>()[0]);
  return Invalid(fmt::format("input {} {} must be one number", i, x.TypeString()));
}

StatusOr<GenerationLimits> ReadGenerationLimits(const KernelContext& context, int64_t batch, size_t min_length, size_t penalty,
                                                size_t vocabulary_mask) {
  GenerationLimits limits;
  ASSIGN_OR_RETURN(limits.max_length, OptionalInteger(context, 1, 0));
  constexpr int64_t kLongest = 4096;  // as in ONNX Runtime
  if (limits.max_length < 1 || limits.max_length > kLongest)
    return Invalid(fmt::format("max_length is {}, not 1 to {}", limits.max_length, kLongest));
  ASSIGN_OR_RETURN(limits.min_length, OptionalInteger(context, min_length, 0));
  ASSIGN_OR_RETURN(limits.repetition_penalty, OptionalNumber(context, penalty, 1));
  if (!(limits.repetition_penalty > 0)) return Invalid(fmt::format("repetition_penalty is {}", limits.repetition_penalty));
  for (const size_t i : {vocabulary_mask, vocabulary_mask + 1}) {
    if (i >= context.num_inputs() || !context.has_input(i)) continue;
    const TensorView& mask = context.input(i);
    const bool prefix = i != vocabulary_mask;
    if (mask.dtype != DataType::kInt32 || mask.rank() != (prefix ? 2u : 1u) || (prefix && mask.dims[0] != batch))
      return Invalid(fmt::format("input {} {} is no mask of tokens", i, mask.TypeString()));
    (prefix ? limits.prefix_vocabulary_mask : limits.vocabulary_mask) = mask.ptr<int32_t>();
    (prefix ? limits.prefix_vocabulary_mask_size : limits.vocabulary_mask_size) = mask.dims[mask.rank() - 1];
  }
  return limits;
}

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

}  // namespace sardonyx::cpu
