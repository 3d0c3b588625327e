// Tokenizers of ai.onnx.contrib (ONNX Runtime's extensions): WordPiece as BERT has it, byte pairs as GPT-2, RoBERTa and CLIP do.
#include <algorithm>
#include <unordered_map>

#include "formats/json.h"
#include "kernels/text/bpe.h"
#include "kernels/text/split.h"
#include "kernels/text/wordpiece.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/text_parts.h"

namespace sardonyx::cpu {
namespace {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;
using Vocabulary = std::unordered_map<std::string, int64_t>;

// {"token": id, ...}, as Hugging Face's vocab.json.
StatusOr<Vocabulary> ReadJsonVocabulary(std::string_view text) {
  ASSIGN_OR_RETURN(const formats::Json json, formats::ParseJson(text));
  if (!json.is_object()) return Invalid("the vocabulary must be a JSON object of tokens and their numbers");
  Vocabulary vocabulary;
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_integer()) return Invalid(fmt::format("the vocabulary gives '{}' no whole number", token));
    vocabulary.emplace(token, id.get<int64_t>());
  }
  return vocabulary;
}

Vocabulary ReadLines(std::string_view text) {
  Vocabulary vocabulary;
  for (int64_t id = 0; !text.empty(); ++id) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    vocabulary.emplace(line, id);
  }
  return vocabulary;
}

// ---- BERT.

struct Bert {
  kernels::WordPieces pieces;
  kernels::BasicTokenizerOptions basic;
  bool basic_tokenize = true, batched = false;
  int64_t unknown = 0, separator = 0, classifier = 0, max_length = -1;

  std::vector<int64_t> Encode(const std::string& text) const {
    std::vector<kernels::WordPieces::Piece> found;
    if (basic_tokenize) {
      for (const std::string& word : kernels::BasicTokenize(text, basic)) pieces.Split(word, found);
    } else {
      for (std::string_view word : kernels::SplitText(text, "", -1)) pieces.Split(word, found);
    }
    std::vector<int64_t> ids;
    for (const auto& piece : found) ids.push_back(piece.id < 0 ? unknown : piece.id);
    return ids;
  }

  // [CLS] first [SEP], and for a pair second [SEP]; tokens beyond max_length go, those of the longer text first.
  Status Run(KernelContext& context) const {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    if (texts.empty() || texts.size() > 2) return Invalid(fmt::format("a text or a pair of texts is needed, not {}", texts.size()));
    std::vector<int64_t> first = Encode(texts[0]), second;
    const bool pair = texts.size() == 2;
    if (pair) second = Encode(texts[1]);
    const auto limit = static_cast<size_t>(std::max<int64_t>(0, max_length - (pair ? 3 : 2)));
    while (max_length > 0 && first.size() + second.size() > limit) (first.size() > second.size() ? first : second).pop_back();
    std::vector<int64_t> ids = {classifier}, types;
    ids.insert(ids.end(), first.begin(), first.end());
    ids.push_back(separator);
    types.assign(ids.size(), 0);
    if (pair) {
      ids.insert(ids.end(), second.begin(), second.end());
      ids.push_back(separator);
      types.resize(ids.size(), 1);
    }
    const auto length = static_cast<int64_t>(ids.size());
    const Dims dims = batched ? Dims{1, length} : Dims{length};
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, DataType::kInt64, dims));
    ASSIGN_OR_RETURN(TensorView type_ids, context.Output(batched ? 2 : 1, DataType::kInt64, dims));
    ASSIGN_OR_RETURN(TensorView mask, context.Output(batched ? 1 : 2, DataType::kInt64, dims));
    std::copy(ids.begin(), ids.end(), out.mutable_ptr<int64_t>());
    std::copy(types.begin(), types.end(), type_ids.mutable_ptr<int64_t>());
    std::fill_n(mask.mutable_ptr<int64_t>(), length, int64_t{1});
    return {};
  }
};

// `batched`: HfBertTokenizer, which gives [1, length] and the mask before the types.
template <bool batched>
KernelOr CreateBert(const NodeInfo& node) {
  if (node.has_output(3)) return Unsupported("a tokenizer with the output offset_mapping");
  if (node.GetInt("strip_accents") != 0) return Unsupported("a BERT tokenizer that strips accents");
  Bert bert{.pieces = kernels::WordPieces(ReadLines(node.GetString("vocab_file")), node.GetString("suffix_indicator", "##"), 100)};
  bert.basic.lower_case = node.GetInt("do_lower_case", 1) != 0;
  bert.basic.split_chinese = node.GetInt("tokenize_chinese_chars", 1) != 0;
  bert.basic_tokenize = node.GetInt("do_basic_tokenize", 1) != 0;
  bert.batched = batched;
  bert.max_length = node.GetInt("max_length", -1);
  const auto special = [&](std::string_view attribute, std::string_view fallback, int64_t* id) -> Status {
    const std::string token = node.GetString(attribute, fallback);
    *id = bert.pieces.Find(token);
    return *id < 0 ? Invalid(fmt::format("the vocabulary lacks {} '{}'", attribute, token)) : Status();
  };
  RETURN_IF_ERROR(special("unk_token", "[UNK]", &bert.unknown));
  RETURN_IF_ERROR(special("sep_token", "[SEP]", &bert.separator));
  RETURN_IF_ERROR(special("cls_token", "[CLS]", &bert.classifier));
  return MakeKernel([bert = std::move(bert)](KernelContext& context) { return bert.Run(context); });
}

// The pieces of each word, their numbers (-1: unknown), and where each row of words begins among them.
KernelOr CreateWordpiece(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadJsonVocabulary(node.GetString("vocab")));
  const int64_t longest = node.GetInt("max_input_chars_per_word", 200);
  if (longest < 1) return Invalid(fmt::format("max_input_chars_per_word is {}", longest));
  kernels::WordPieces pieces(std::move(vocabulary), node.GetString("suffix_indicator"), static_cast<size_t>(longest));
  return MakeKernel([pieces = std::move(pieces), unknown = node.GetString("unknown_token")](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto words, StringInput(context, 0));
    const TensorView& rows = context.input(1);
    if (rows.dtype != DataType::kInt64) return Invalid(fmt::format("row_indices {} must be int64", rows.TypeString()));
    std::vector<int64_t> begins;  // of the pieces of each word
    std::vector<kernels::WordPieces::Piece> found;
    for (const std::string& word : words) {
      begins.push_back(static_cast<int64_t>(found.size()));
      pieces.Split(word, found);
    }
    begins.push_back(static_cast<int64_t>(found.size()));
    std::vector<int64_t> row_begins;
    for (int64_t row : rows.as<int64_t>()) {
      if (row < 0 || row > static_cast<int64_t>(words.size()))
        return Invalid(fmt::format("row_indices holds {} of {} words", row, words.size()));
      row_begins.push_back(begins[static_cast<size_t>(row)]);
    }
    if (row_begins.empty()) row_begins = begins;
    const auto count = static_cast<int64_t>(found.size());
    ASSIGN_OR_RETURN(TensorView tokens, context.Output(0, DataType::kString, Dims{count}));
    ASSIGN_OR_RETURN(TensorView ids, context.Output(1, DataType::kInt32, Dims{count}));
    ASSIGN_OR_RETURN(TensorView out_rows, context.Output(2, DataType::kInt64, Dims{static_cast<int64_t>(row_begins.size())}));
    for (int64_t i = 0; i < count; ++i) {
      const auto& piece = found[static_cast<size_t>(i)];
      tokens.mutable_ptr<std::string>()[i] = piece.id < 0 ? unknown : piece.text;
      ids.mutable_ptr<int32_t>()[i] = static_cast<int32_t>(piece.id);
    }
    std::copy(row_begins.begin(), row_begins.end(), out_rows.mutable_ptr<int64_t>());
    return {};
  });
}

// ---- Byte pairs.

struct Bpe {
  kernels::BpeTokenizer tokenizer;
  std::vector<int64_t> before, after;  // around each text
  int64_t padding = 0, padding_length = -1;

  Status Run(KernelContext& context) const {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    std::vector<std::vector<int64_t>> rows;
    size_t longest = 0;
    for (const std::string& text : texts) {
      RETURN_IF_ERROR(context.CheckInterrupted());
      std::vector<int64_t> ids = before;
      const std::vector<int64_t> encoded = tokenizer.Encode(text);
      ids.insert(ids.end(), encoded.begin(), encoded.end());
      ids.insert(ids.end(), after.begin(), after.end());
      longest = std::max(longest, ids.size());
      rows.push_back(std::move(ids));
    }
    const int64_t length = padding_length > 0 ? padding_length : static_cast<int64_t>(longest);
    Dims dims = context.input(0).dims;
    dims.push_back(length);
    ASSIGN_OR_RETURN(TensorView ids, context.Output(0, DataType::kInt64, dims));
    ASSIGN_OR_RETURN(TensorView mask, context.Output(1, DataType::kInt64, dims));
    for (size_t r = 0; r < rows.size(); ++r) {
      int64_t* out = ids.mutable_ptr<int64_t>() + static_cast<int64_t>(r) * length;
      int64_t* valid = mask.mutable_ptr<int64_t>() + static_cast<int64_t>(r) * length;
      const int64_t count = std::min(length, static_cast<int64_t>(rows[r].size()));
      std::copy_n(rows[r].begin(), count, out);
      std::fill(out + count, out + length, padding);
      std::fill_n(valid, count, int64_t{1});
      std::fill(valid + count, valid + length, int64_t{0});
    }
    return {};
  }
};

struct BpeModel {
  kernels::BpeOptions options;
  std::string before, after, padding;  // tokens; empty: none, or 0
};

KernelOr CreateBpe(const NodeInfo& node, const BpeModel& model) {
  if (node.has_output(2)) return Unsupported("a tokenizer with the output offset_mapping");
  ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadJsonVocabulary(node.GetString("vocab")));
  ASSIGN_OR_RETURN(kernels::BpeTokenizer tokenizer,
                   kernels::BpeTokenizer::Create(std::move(vocabulary), node.GetString("merges"), model.options));
  Bpe bpe{.tokenizer = std::move(tokenizer), .padding_length = node.GetInt("padding_length", -1)};
  const auto find = [&](const std::string& token) -> StatusOr<int64_t> {
    const int64_t id = bpe.tokenizer.Find(token);
    if (id < 0) return Invalid(fmt::format("the vocabulary lacks the token {}", token));
    return id;
  };
  if (!model.before.empty()) {
    ASSIGN_OR_RETURN(const int64_t id, find(model.before));
    bpe.before.push_back(id);
  }
  if (!model.after.empty()) {
    ASSIGN_OR_RETURN(const int64_t id, find(model.after));
    bpe.after.push_back(id);
  }
  if (!model.padding.empty()) {
    ASSIGN_OR_RETURN(bpe.padding, find(model.padding));
  }
  return MakeKernel([bpe = std::move(bpe)](KernelContext& context) { return bpe.Run(context); });
}

KernelOr CreateGpt2(const NodeInfo& node) {
  return CreateBpe(node,
                   {.options = {.specials = {"<|endoftext|>"}, .unknown = "<|endoftext|>"}, .before = "", .after = "", .padding = ""});
}
KernelOr CreateRoberta(const NodeInfo& node) {
  return CreateBpe(node, {.options = {.specials = {}, .unknown = "<unk>"}, .before = "<s>", .after = "</s>", .padding = "<pad>"});
}
KernelOr CreateClip(const NodeInfo& node) {
  BpeModel model;
  model.options.lower_case = model.options.word_ends = true;
  model.options.specials = {"<|startoftext|>", "<|endoftext|>"};
  model.options.unknown = model.after = model.padding = "<|endoftext|>";
  model.before = "<|startoftext|>";
  return CreateBpe(node, model);
}

constexpr std::string_view kDomain = "ai.onnx.contrib";
constexpr KernelEntry kRows[] = {
    {kDomain, "BertTokenizer", "reference", AcceptsAll, CreateBert<false>},
    {kDomain, "HfBertTokenizer", "reference", AcceptsAll, CreateBert<true>},
    {kDomain, "WordpieceTokenizer", "reference", AcceptsAll, CreateWordpiece},
    {kDomain, "GPT2Tokenizer", "reference", AcceptsAll, CreateGpt2},
    {kDomain, "RobertaTokenizer", "reference", AcceptsAll, CreateRoberta},
    {kDomain, "CLIPTokenizer", "reference", AcceptsAll, CreateClip},
};

}  // namespace

std::span<const KernelEntry> TokenizerKernels() { return kRows; }

}  // namespace sardonyx::cpu
