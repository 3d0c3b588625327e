// Strings.
#include <algorithm>

#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {

Status InferStringConcat(InferenceContext& context) {
  ASSIGN_OR_RETURN(std::optional<Shape> shape, BroadcastInputs(context, std::vector<size_t>{0, 1}));
  context.SetOutput(0, DataType::kString, std::move(shape));
  return {};
}

Status InferStringSplit(InferenceContext& context) {
  std::optional<Shape> pieces = InputShape(context, 0);
  if (pieces) pieces->Append(context.NewSymbol("pieces"));
  context.SetOutput(0, DataType::kString, std::move(pieces));
  context.SetOutput(1, DataType::kInt64, InputShape(context, 0));
  return {};
}

// [C] or [1, C] words, without the stop words; never fewer than one.
Status InferStringNormalizer(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    if (shape->rank() == 0 || shape->rank() > 2)
      return Invalid(fmt::format("{} has rank {}; expected 1 or 2", InputLabel(context, 0), shape->rank()));
    if (shape->rank() == 2 && (*shape)[0].is_constant() && !(*shape)[0].is_constant(1))
      return Invalid(fmt::format("{} {} has a first dim that is not 1", InputLabel(context, 0), shape->ToString()));
    if (HasAttribute(context, "stopwords") && !context.node().GetStrings("stopwords").empty())
      (*shape)[shape->rank() - 1] = context.NewSymbol("words");
  }
  context.SetOutput(0, DataType::kString, std::move(shape));
  return {};
}

Status InferTfIdfVectorizer(InferenceContext& context) {
  const std::vector<int64_t> indexes = GetInts(context, "ngram_indexes");
  if (indexes.empty()) return Invalid("ngram_indexes is empty");
  const int64_t largest = *std::max_element(indexes.begin(), indexes.end());
  if (largest < 0 || largest == INT64_MAX) return Invalid(fmt::format("ngram_indexes has {} as its largest", largest));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    if (shape->rank() == 0 || shape->rank() > 2)
      return Invalid(fmt::format("{} has rank {}; expected 1 or 2", InputLabel(context, 0), shape->rank()));
    (*shape)[shape->rank() - 1] = Dim(largest + 1);
  }
  context.SetOutput(0, DataType::kFloat, std::move(shape));
  return {};
}

// com.microsoft.Tokenizer: [C] or [N, C] texts to one more axis of tokens.
Status InferTokenizer(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) shape->Append(context.NewSymbol("tokens"));
  context.SetOutput(0, DataType::kString, std::move(shape));
  return {};
}

}  // namespace sardonyx::ops::infer
