// SentencepieceTokenizer of ai.onnx.contrib.
#include <algorithm>
#include <bit>

#include "formats/wire.h"
#include "kernels/text/sentencepiece.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/text_parts.h"

namespace sardonyx::cpu {
namespace {

using kernels::SentencePieceModel;

StatusOr<SentencePieceModel::Piece> ReadPiece(std::string_view message) {
  SentencePieceModel::Piece piece;
  formats::WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 1 && reader.type() == formats::WireType::kLength) piece.text = reader.bytes();
    if (reader.field() == 2 && reader.type() == formats::WireType::kFixed32)
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(reader.fixed()));
    if (reader.field() == 3 && reader.type() == formats::WireType::kVarint) {
      if (reader.varint() < 1 || reader.varint() > 6) return Invalid(fmt::format("a piece of the unknown type {}", reader.varint()));
      piece.type = static_cast<SentencePieceModel::PieceType>(reader.varint());
    }
  }
  RETURN_IF_ERROR(reader.status());
  return piece;
}

Status ReadTrainer(std::string_view message, SentencePieceModel& model) {
  formats::WireReader reader(message);
  while (reader.Next()) {
    if (reader.type() != formats::WireType::kVarint) continue;
    switch (reader.field()) {
      case 3:
        if (reader.varint() < 1 || reader.varint() > 4) return Invalid(fmt::format("a model of the unknown type {}", reader.varint()));
        model.kind = static_cast<SentencePieceModel::Kind>(reader.varint());
        break;
      case 24:
        if (reader.varint() != 0) return Unsupported("a SentencePiece model with blanks behind words");
        break;
      case 35:
        model.byte_fallback = reader.varint() != 0;
        break;
      case 41:
        model.bos = static_cast<int32_t>(reader.varint());
        break;
      case 42:
        model.eos = static_cast<int32_t>(reader.varint());
        break;
      default:
        break;
    }
  }
  return reader.status();
}

Status ReadNormalizer(std::string_view message, SentencePieceModel& model) {
  formats::WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 2 && reader.type() == formats::WireType::kLength) model.charsmap = reader.bytes();
    if (reader.type() != formats::WireType::kVarint) continue;
    if (reader.field() == 3) model.add_dummy_prefix = reader.varint() != 0;
    if (reader.field() == 4) model.remove_extra_whitespaces = reader.varint() != 0;
    if (reader.field() == 5) model.escape_whitespaces = reader.varint() != 0;
  }
  return reader.status();
}

// A ModelProto of SentencePiece.
StatusOr<SentencePieceModel> ReadModel(std::string_view message) {
  SentencePieceModel model;
  formats::WireReader reader(message);
  while (reader.Next()) {
    if (reader.type() != formats::WireType::kLength) continue;
    if (reader.field() == 1) {
      ASSIGN_OR_RETURN(SentencePieceModel::Piece piece, ReadPiece(reader.bytes()));
      model.pieces.push_back(std::move(piece));
    } else if (reader.field() == 2) {
      RETURN_IF_ERROR(ReadTrainer(reader.bytes(), model));
    } else if (reader.field() == 3) {
      RETURN_IF_ERROR(ReadNormalizer(reader.bytes(), model));
    }
  }
  RETURN_IF_ERROR(reader.status());
  return model;
}

StatusOr<bool> OneBool(const KernelContext& context, size_t i) {
  if (i >= context.num_inputs() || !context.has_input(i)) return false;
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kBool || x.num_elements() != 1) return Invalid(fmt::format("input {} {} must be one bool", i, x.TypeString()));
  return x.ptr<bool>()[0];
}

// fairseq's models begin with <s>, <pad>, </s> and <unk>, where SentencePiece's begin with <unk>, <s> and </s>.
int32_t ToFairseq(int32_t id) {
  constexpr int32_t kFirst[] = {3, 0, 2};
  return id < 3 ? kFirst[id] : id + 1;
}

// Inputs: texts, nbest_size, alpha, add_bos, add_eos, reverse, fairseq. Ids of all texts, and where each begins among them.
Status Run(KernelContext& context, const kernels::SentencePieceTokenizer& tokenizer) {
  ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
  const TensorView& nbest = context.input(1);
  if (nbest.dtype != DataType::kInt64 || nbest.num_elements() != 1)
    return Invalid(fmt::format("nbest_size {} must be one int64", nbest.TypeString()));
  if (nbest.ptr<int64_t>()[0] > 1 || nbest.ptr<int64_t>()[0] < 0)
    return Unsupported("SentencepieceTokenizer that draws its pieces at random");
  ASSIGN_OR_RETURN(const bool bos, OneBool(context, 3));
  ASSIGN_OR_RETURN(const bool eos, OneBool(context, 4));
  ASSIGN_OR_RETURN(const bool reverse, OneBool(context, 5));
  ASSIGN_OR_RETURN(const bool fairseq, OneBool(context, 6));
  std::vector<int32_t> all;
  std::vector<int64_t> begins = {0};
  for (const std::string& text : texts) {
    RETURN_IF_ERROR(context.CheckInterrupted());
    const auto first = static_cast<std::ptrdiff_t>(all.size());
    if (bos) all.push_back(tokenizer.model().bos);
    const std::vector<int32_t> ids = tokenizer.Encode(text);
    all.insert(all.end(), ids.begin(), ids.end());
    if (eos) all.push_back(tokenizer.model().eos);
    if (reverse) std::reverse(all.begin() + first, all.end());
    begins.push_back(static_cast<int64_t>(all.size()));
  }
  if (fairseq && !reverse) {  // reversed texts keep SentencePiece's numbers, as in ONNX Runtime's extensions
    for (int32_t& id : all)
      if (id >= 0) id = ToFairseq(id);
  }
  ASSIGN_OR_RETURN(TensorView tokens, context.Output(0, DataType::kInt32, Dims{static_cast<int64_t>(all.size())}));
  ASSIGN_OR_RETURN(TensorView indices, context.Output(1, DataType::kInt64, Dims{static_cast<int64_t>(begins.size())}));
  std::copy(all.begin(), all.end(), tokens.mutable_ptr<int32_t>());
  std::copy(begins.begin(), begins.end(), indices.mutable_ptr<int64_t>());
  return {};
}

StatusOr<std::unique_ptr<Kernel>> CreateSentencepiece(const NodeInfo& node) {
  if (node.has_output(2)) return Unsupported("SentencepieceTokenizer with the output token_positions");
  ASSIGN_OR_RETURN(SentencePieceModel model, ReadModel(node.GetString("model")));
  ASSIGN_OR_RETURN(kernels::SentencePieceTokenizer tokenizer, kernels::SentencePieceTokenizer::Create(std::move(model)));
  return MakeKernel([tokenizer = std::move(tokenizer)](KernelContext& context) { return Run(context, tokenizer); });
}

constexpr KernelEntry kRows[] = {
    {"ai.onnx.contrib", "SentencepieceTokenizer", "reference", AcceptsAll, CreateSentencepiece},
};

}  // namespace

std::span<const KernelEntry> SentencepieceKernels() { return kRows; }

}  // namespace sardonyx::cpu
