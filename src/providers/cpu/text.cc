// Operators on strings.
#include <algorithm>

#include "kernels/movement/shape_math.h"
#include "kernels/text/ngram.h"
#include "kernels/text/split.h"
#include "kernels/text/utf8.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/text_parts.h"

namespace sardonyx::cpu {
namespace {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;

KernelOr CreateStringConcat(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto x, StringInput(context, 0));
    ASSIGN_OR_RETURN(const auto y, StringInput(context, 1));
    const Dims &x_dims = context.input(0).dims, &y_dims = context.input(1).dims;
    ASSIGN_OR_RETURN(const Dims out, kernels::BroadcastDims(x_dims, y_dims));
    ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kString, out));
    ASSIGN_OR_RETURN(TensorView view, context.Output(0, DataType::kString, out));
    const Dims x_strides = kernels::BroadcastStrides(x_dims, out), y_strides = kernels::BroadcastStrides(y_dims, out);
    std::string* to = view.mutable_ptr<std::string>();
    for (int64_t n = 0; n < count; ++n) {
      int64_t x_at = 0, y_at = 0, rest = n;
      for (size_t i = out.rank(); i-- > 0; rest /= out[i]) {
        x_at += rest % out[i] * x_strides[i];
        y_at += rest % out[i] * y_strides[i];
      }
      to[n] = x[x_at] + y[y_at];
    }
    return {};
  });
}

// Writes rows of pieces to output 0, [dims..., longest row], filled up with `pad`. `mark` puts STX before and ETX after
// the pieces of a row.
Status WriteRows(KernelContext& context, Dims dims, const std::vector<std::vector<std::string_view>>& rows, const std::string& pad,
                 bool mark = false) {
  size_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, row.size());
  mark = mark && longest > 0;
  dims.push_back(static_cast<int64_t>(longest + (mark ? 2 : 0)));
  RETURN_IF_ERROR(CheckedNumElements(DataType::kString, dims).status());
  ASSIGN_OR_RETURN(TensorView view, context.Output(0, DataType::kString, dims));
  std::string* to = view.mutable_ptr<std::string>();
  for (const auto& row : rows) {
    if (mark) *to++ = "\x02";
    for (std::string_view piece : row) *to++ = piece;
    if (mark) *to++ = "\x03";
    for (size_t i = row.size(); i < longest; ++i) *to++ = pad;
  }
  return {};
}

KernelOr CreateStringSplit(const NodeInfo& node) {
  const int64_t max_split = node.HasAttribute("maxsplit") ? node.GetInt("maxsplit") : -1;
  return MakeKernel([delimiter = node.GetString("delimiter"), max_split](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    const Dims& dims = context.input(0).dims;
    std::vector<std::vector<std::string_view>> rows;
    for (const std::string& text : texts) rows.push_back(kernels::SplitText(text, delimiter, max_split));
    RETURN_IF_ERROR(WriteRows(context, dims, rows, ""));
    if (context.num_outputs() < 2 || !context.has_output(1)) return {};
    ASSIGN_OR_RETURN(TensorView counts, context.Output(1, DataType::kInt64, dims));
    for (size_t i = 0; i < rows.size(); ++i) counts.mutable_ptr<int64_t>()[i] = static_cast<int64_t>(rows[i].size());
    return {};
  });
}

enum class CaseChange { kNone, kLower, kUpper };

StatusOr<CaseChange> ReadCaseChange(const NodeInfo& node) {
  const std::string name = node.GetString("case_change_action", "NONE");
  if (name == "NONE") return CaseChange::kNone;
  if (name == "LOWER") return CaseChange::kLower;
  if (name == "UPPER") return CaseChange::kUpper;
  return Invalid(fmt::format("case_change_action '{}' is not one of NONE, LOWER, UPPER", name));
}

KernelOr CreateStringNormalizer(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const CaseChange change, ReadCaseChange(node));
  const bool case_sensitive = node.GetInt("is_case_sensitive") != 0;
  const kernels::CaseMapper mapper(node.GetString("locale", "en_US"));
  std::vector<std::string> stopwords = node.GetStrings("stopwords");
  if (!case_sensitive)
    for (std::string& word : stopwords) word = mapper.ToLower(word);
  std::sort(stopwords.begin(), stopwords.end());
  return MakeKernel([=, stopwords = std::move(stopwords)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto words, StringInput(context, 0));
    const Dims& dims = context.input(0).dims;
    if (dims.rank() != 1 && (dims.rank() != 2 || dims[0] != 1))
      return Invalid(fmt::format("the input must be [C] or [1,C], not {}", dims.ToString()));
    std::vector<const std::string*> kept;
    for (const std::string& word : words)
      if (!std::binary_search(stopwords.begin(), stopwords.end(), case_sensitive ? word : mapper.ToLower(word))) kept.push_back(&word);
    // An empty result would have no shape that the specification allows: it is one empty string instead.
    Dims out = dims;
    out[out.rank() - 1] = static_cast<int64_t>(std::max<size_t>(kept.size(), 1));
    ASSIGN_OR_RETURN(TensorView view, context.Output(0, DataType::kString, out));
    for (size_t i = 0; i < kept.size(); ++i) {
      std::string& to = view.mutable_ptr<std::string>()[i];
      if (change == CaseChange::kNone)
        to = *kept[i];
      else
        to = change == CaseChange::kLower ? mapper.ToLower(*kept[i]) : mapper.ToUpper(*kept[i]);
    }
    return {};
  });
}

KernelOr CreateRegexFullMatch(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::FullMatcher matcher, kernels::FullMatcher::Compile(node.GetString("pattern")));
  return MakeKernel([matcher](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(TensorView view, context.Output(0, DataType::kBool, context.input(0).dims));
    bool* to = view.mutable_ptr<bool>();
    context.ParallelFor(static_cast<int64_t>(texts.size()), 500, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = matcher.Matches(texts[i]);
    });
    return {};
  });
}

struct TfIdf {
  kernels::NgramPool pool;
  kernels::NgramPool::Options options;
  bool counted, weighted;      // TF, IDF and TFIDF: what a column's value is made of
  std::vector<float> weights;  // per column

  // The token numbers of input 0.
  StatusOr<std::vector<int32_t>> Tokens(const TensorView& input) const {
    std::vector<int32_t> tokens;
    const auto add = [&](const auto& values) {
      for (const auto& value : values) tokens.push_back(pool.Token(value));
    };
    if (input.dtype == DataType::kString)
      add(input.as<std::string>());
    else if (input.dtype == DataType::kInt64)
      add(input.as<int64_t>());
    else if (input.dtype == DataType::kInt32)
      add(std::vector<int64_t>(input.ptr<int32_t>(), input.ptr<int32_t>() + input.num_elements()));
    else
      return Unsupported(fmt::format("TfIdfVectorizer is not implemented for {}", DataTypeName(input.dtype)));
    return tokens;
  }
};

StatusOr<TfIdf> PrepareTfIdf(const NodeInfo& node) {
  TfIdf table;
  const std::string mode = node.GetString("mode");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF") return Invalid(fmt::format("mode '{}' is not one of TF, IDF, TFIDF", mode));
  table.counted = mode != "IDF";
  table.weighted = mode != "TF";
  table.options = {node.GetInt("min_gram_length"), node.GetInt("max_gram_length"), node.GetInt("max_skip_count")};
  const auto& [min_length, max_length, max_skip] = table.options;
  if (min_length < 1 || max_length < min_length || max_skip < 0)
    return Invalid(
        fmt::format("min_gram_length {}, max_gram_length {} and max_skip_count {} do not go together", min_length, max_length, max_skip));
  const std::vector<int64_t> counts = node.GetInts("ngram_counts"), indexes = node.GetInts("ngram_indexes");
  const std::vector<std::string> texts = node.GetStrings("pool_strings");
  const std::vector<int64_t> numbers = node.GetInts("pool_int64s");
  if (texts.empty() == numbers.empty()) return Invalid("exactly one of pool_strings and pool_int64s must be given");
  ASSIGN_OR_RETURN(table.pool, texts.empty() ? kernels::NgramPool::Create(numbers, counts, indexes)
                                             : kernels::NgramPool::Create(texts, counts, indexes));
  const std::vector<float> weights = node.GetFloats("weights");
  if (weights.empty() || !table.weighted) return table;
  if (weights.size() != indexes.size()) return Invalid(fmt::format("{} weights for {} n-grams", weights.size(), indexes.size()));
  if (table.pool.columns() > (int64_t{1} << 30)) return Resource(fmt::format("ngram_indexes ask for {} columns", table.pool.columns()));
  table.weights.assign(static_cast<size_t>(table.pool.columns()), 1.f);
  for (size_t i = 0; i < indexes.size(); ++i) table.weights[indexes[i]] = weights[i];
  return table;
}

KernelOr CreateTfIdfVectorizer(const NodeInfo& node) {
  ASSIGN_OR_RETURN(TfIdf made, PrepareTfIdf(node));
  return MakeKernel([table = std::make_shared<const TfIdf>(std::move(made))](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    if (input.rank() > 2) return Invalid(fmt::format("the input must be [C] or [N,C], not {}", input.dims.ToString()));
    ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, table->Tokens(input));
    const int64_t rows = input.rank() == 2 ? input.dims[0] : 1, columns = table->pool.columns();
    const int64_t length = input.rank() == 0 ? 1 : input.dims.back();
    const Dims out = input.rank() == 2 ? Dims{rows, columns} : Dims{columns};
    ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kFloat, out));
    ASSIGN_OR_RETURN(TensorView view, context.Output(0, DataType::kFloat, out));
    float* to = view.mutable_ptr<float>();
    std::fill_n(to, count, 0.f);
    context.ParallelFor(rows, 100.0 * static_cast<double>(length), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const std::span<float> row(to + r * columns, static_cast<size_t>(columns));
        table->pool.Count(std::span(tokens).subspan(static_cast<size_t>(r * length), static_cast<size_t>(length)), table->options, row);
        for (int64_t c = 0; c < columns && table->weighted; ++c) {
          const float weight = table->weights.empty() ? 1.f : table->weights[c];
          row[c] = table->counted ? row[c] * weight : row[c] > 0 ? weight : 0.f;
        }
      }
    });
    return {};
  });
}

KernelOr CreateTokenizer(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::TextTokenizer tokenizer,
                   kernels::TextTokenizer::Create(node.GetStrings("separators"), node.GetString("tokenexp"), node.GetInt("mincharnum", 1)));
  return MakeKernel([tokenizer, mark = node.GetInt("mark") != 0, pad = node.GetString("pad_value")](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    std::vector<std::vector<std::string_view>> rows;
    for (const std::string& text : texts) {
      if (!kernels::IsValidUtf8(text)) return Invalid("the input is not UTF-8");
      rows.push_back(tokenizer.Tokenize(text));
    }
    return WriteRows(context, context.input(0).dims, rows, pad, mark);
  });
}

KernelOr CreateMurmurHash3(const NodeInfo& node) {
  const DataType out = node.GetInt("positive", 1) != 0 ? DataType::kUint32 : DataType::kInt32;
  return MakeKernel([out, seed = static_cast<uint32_t>(node.GetInt("seed"))](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    ASSIGN_OR_RETURN(TensorView view, context.Output(0, out, input.dims));
    auto* to = view.mutable_ptr<uint32_t>();
    if (input.dtype == DataType::kString) {
      for (const std::string& text : input.as<std::string>()) *to++ = kernels::MurmurHash3(text, seed);
      return {};
    }
    const int bytes = BitsPerElement(input.dtype) / 8;
    if (bytes != 4 && bytes != 8) return Unsupported(fmt::format("MurmurHash3 is not implemented for {}", DataTypeName(input.dtype)));
    const char* from = input.ptr<char>();
    for (int64_t i = 0; i < input.num_elements(); ++i, from += bytes)
      *to++ = kernels::MurmurHash3({from, static_cast<size_t>(bytes)}, seed);
    return {};
  });
}

constexpr KernelEntry kText[] = {
    {"", "StringConcat", "reference", AcceptsAll, CreateStringConcat},
    {"", "StringSplit", "reference", AcceptsAll, CreateStringSplit},
    {"", "StringNormalizer", "reference", AcceptsAll, CreateStringNormalizer},
    {"", "RegexFullMatch", "reference", AcceptsAll, CreateRegexFullMatch},
    {"", "TfIdfVectorizer", "reference", AcceptsAll, CreateTfIdfVectorizer},
    {"com.microsoft", "Tokenizer", "reference", AcceptsAll, CreateTokenizer},
    {"com.microsoft", "MurmurHash3", "reference", AcceptsAll, CreateMurmurHash3},
};

}  // namespace

std::span<const KernelEntry> TextKernels() {
  static const std::vector<KernelEntry>* const kAll = [] {
    auto* all = new std::vector<KernelEntry>(std::begin(kText), std::end(kText));  // lives as long as the program
    for (auto part : {StringExtensionKernels(), TokenizerKernels(), SentencepieceKernels()}) all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *kAll;
}

}  // namespace sardonyx::cpu
