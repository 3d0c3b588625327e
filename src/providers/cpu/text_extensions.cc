// Operators of ai.onnx.contrib (ONNX Runtime's extensions) on strings and ragged tensors.
#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <unordered_map>

#include "kernels/movement/shape_math.h"
#include "kernels/text/split.h"
#include "kernels/text/utf8.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/text_parts.h"

namespace sardonyx::cpu {

StatusOr<std::span<const std::string>> StringInput(const KernelContext& context, size_t i) {
  const TensorView& view = context.input(i);
  if (view.dtype != DataType::kString) return Invalid(fmt::format("input {} must be strings, not {}", i, view.TypeString()));
  return view.as<std::string>();
}

StatusOr<std::string> OneString(const KernelContext& context, size_t i) {
  ASSIGN_OR_RETURN(const auto strings, StringInput(context, i));
  if (strings.size() != 1) return Invalid(fmt::format("input {} must be one string, not {}", i, strings.size()));
  return strings[0];
}

namespace {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;

// One string from each.
template <std::string (*f)(std::string_view)>
KernelOr CreateMapped(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, context.input(0).dims));
    for (size_t i = 0; i < texts.size(); ++i) y.mutable_ptr<std::string>()[i] = f(texts[i]);
    return {};
  });
}

std::string Lower(std::string_view text) { return kernels::CaseMapper("en_US").ToLower(text); }
std::string Upper(std::string_view text) {  // of ASCII only
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}
std::string Strip(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\f\v";
  const size_t from = text.find_first_not_of(kBlanks);
  return from == std::string_view::npos ? std::string() : std::string(text.substr(from, text.find_last_not_of(kBlanks) - from + 1));
}

KernelOr CreateLength(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, context.input(0).dims));
    for (size_t i = 0; i < texts.size(); ++i) y.mutable_ptr<int64_t>()[i] = static_cast<int64_t>(kernels::CountCodePoints(texts[i]));
    return {};
  });
}

KernelOr CreateConcat(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto a, StringInput(context, 0));
    ASSIGN_OR_RETURN(const auto b, StringInput(context, 1));
    if (!(context.input(0).dims == context.input(1).dims)) return Invalid("StringConcat needs two tensors of the same dims");
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, context.input(0).dims));
    for (size_t i = 0; i < a.size(); ++i) y.mutable_ptr<std::string>()[i] = a[i] + b[i];
    return {};
  });
}

KernelOr CreateEqual(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto a, StringInput(context, 0));
    ASSIGN_OR_RETURN(const auto b, StringInput(context, 1));
    const Dims &a_dims = context.input(0).dims, &b_dims = context.input(1).dims;
    ASSIGN_OR_RETURN(const Dims dims, kernels::BroadcastDims(a_dims, b_dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kBool, dims));
    const Dims a_strides = kernels::BroadcastStrides(a_dims, dims), b_strides = kernels::BroadcastStrides(b_dims, dims);
    for (int64_t n = 0; n < y.num_elements(); ++n) {
      int64_t at = 0, bt = 0, rest = n;
      for (size_t i = dims.rank(); i-- > 0; rest /= dims[i]) {
        at += rest % dims[i] * a_strides[i];
        bt += rest % dims[i] * b_strides[i];
      }
      y.mutable_ptr<bool>()[n] = a[static_cast<size_t>(at)] == b[static_cast<size_t>(bt)];
    }
    return {};
  });
}

StatusOr<int64_t> OneNumber(const KernelContext& context, size_t i) {
  const TensorView& x = context.input(i);
  if (x.dtype != DataType::kInt64 || x.num_elements() != 1) return Invalid(fmt::format("input {} {} must be one int64", i, x.TypeString()));
  return x.ptr<int64_t>()[0];
}

// Strings along `axis` become one, with the separator between them.
KernelOr CreateJoin(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(const std::string separator, OneString(context, 1));
    ASSIGN_OR_RETURN(int64_t axis, OneNumber(context, 2));
    const Dims& dims = context.input(0).dims;
    const auto rank = static_cast<int64_t>(dims.rank());
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return Invalid(fmt::format("axis {} of strings {}", axis, dims.ToString()));
    const auto a = static_cast<size_t>(axis);
    Dims joined;
    for (size_t i = 0; i < dims.rank(); ++i)
      if (i != a) joined.push_back(dims[i]);
    if (joined.rank() == 0) joined.push_back(1);
    const int64_t outer = dims.Product(0, a), inner = dims.Product(a + 1, dims.rank()), length = dims[a];
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, joined));
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        std::string& out = y.mutable_ptr<std::string>()[o * inner + i];
        for (int64_t k = 0; k < length; ++k) {
          if (k > 0) out += separator;
          out += texts[static_cast<size_t>((o * length + k) * inner + i)];
        }
      }
    return {};
  });
}

// Rows of pieces as a sparse tensor: (row, column) of each, the pieces, and the dims of the dense tensor.
Status WriteSparse(KernelContext& context, const std::vector<std::vector<std::string>>& rows) {
  int64_t count = 0, longest = 0;
  for (const auto& row : rows) {
    count += static_cast<int64_t>(row.size());
    longest = std::max(longest, static_cast<int64_t>(row.size()));
  }
  ASSIGN_OR_RETURN(TensorView indices, context.Output(0, DataType::kInt64, Dims{count, 2}));
  ASSIGN_OR_RETURN(TensorView values, context.Output(1, DataType::kString, Dims{count}));
  ASSIGN_OR_RETURN(TensorView shape, context.Output(2, DataType::kInt64, Dims{2}));
  shape.mutable_ptr<int64_t>()[0] = static_cast<int64_t>(rows.size());
  shape.mutable_ptr<int64_t>()[1] = longest;
  int64_t* index = indices.mutable_ptr<int64_t>();
  std::string* value = values.mutable_ptr<std::string>();
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < rows[r].size(); ++c) {
      *index++ = static_cast<int64_t>(r);
      *index++ = static_cast<int64_t>(c);
      *value++ = rows[r][c];
    }
  return {};
}

// Cut at any of the separator's characters; without one, into characters.
KernelOr CreateSplit(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(const std::string separators, OneString(context, 1));
    const TensorView& skip = context.input(2);
    if (skip.dtype != DataType::kBool || skip.num_elements() != 1) return Invalid("skip_empty must be one bool");
    const bool skip_empty = skip.ptr<bool>()[0];
    std::vector<std::vector<std::string>> rows(texts.size());
    for (size_t r = 0; r < texts.size(); ++r) {
      std::string_view text = texts[r];
      if (text.empty()) continue;
      if (separators.empty()) {
        for (char c : text) rows[r].emplace_back(1, c);
        continue;
      }
      for (;;) {
        const size_t cut = text.find_first_of(separators);
        const std::string_view piece = text.substr(0, cut);
        if (!piece.empty() || !skip_empty) rows[r].emplace_back(piece);
        if (cut == std::string_view::npos) break;
        text.remove_prefix(cut + 1);
      }
    }
    return WriteSparse(context, rows);
  });
}

KernelOr CreateRegexReplace(const NodeInfo& node) {
  return MakeKernel([all = node.GetInt("global_replace", 1) != 0](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(const std::string pattern, OneString(context, 1));
    ASSIGN_OR_RETURN(const std::string rewrite, OneString(context, 2));
    ASSIGN_OR_RETURN(const kernels::RegexEditor editor, kernels::RegexEditor::Compile(pattern));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, context.input(0).dims));
    for (size_t i = 0; i < texts.size(); ++i) {
      ASSIGN_OR_RETURN(y.mutable_ptr<std::string>()[i], editor.Replace(texts[i], rewrite, all));
    }
    return {};
  });
}

// Pieces between delimiters, and those delimiters that the second expression matches as well.
KernelOr CreateRegexSplit(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(const std::string pattern, OneString(context, 1));
    ASSIGN_OR_RETURN(const auto keep, StringInput(context, 2));
    ASSIGN_OR_RETURN(const kernels::RegexEditor delimiter, kernels::RegexEditor::Compile(pattern));
    const bool keeps = !keep.empty() && !keep[0].empty();
    ASSIGN_OR_RETURN(const kernels::FullMatcher kept, kernels::FullMatcher::Compile(keeps ? keep[0] : ""));
    struct Piece {
      std::string_view text;
      int64_t begin;
    };
    std::vector<Piece> pieces;
    std::vector<int64_t> offsets = {0};
    for (const std::string& whole : texts) {
      const std::string_view text = whole;
      size_t from = 0;
      const auto add = [&](size_t begin, size_t end) {
        if (end > begin) pieces.push_back({text.substr(begin, end - begin), static_cast<int64_t>(begin)});
      };
      delimiter.ForEach(text, [&](size_t begin, size_t end) {
        if (end == begin) return;
        add(from, begin);
        if (keeps && kept.Matches(text.substr(begin, end - begin))) add(begin, end);
        from = end;
      });
      add(from, text.size());
      offsets.push_back(static_cast<int64_t>(pieces.size()));
    }
    const auto count = static_cast<int64_t>(pieces.size());
    ASSIGN_OR_RETURN(TensorView words, context.Output(0, DataType::kString, Dims{count}));
    ASSIGN_OR_RETURN(TensorView begins, context.Output(1, DataType::kInt64, Dims{count}));
    ASSIGN_OR_RETURN(TensorView ends, context.Output(2, DataType::kInt64, Dims{count}));
    ASSIGN_OR_RETURN(TensorView rows, context.Output(3, DataType::kInt64, Dims{static_cast<int64_t>(offsets.size())}));
    for (int64_t i = 0; i < count; ++i) {
      const Piece& piece = pieces[static_cast<size_t>(i)];
      words.mutable_ptr<std::string>()[i] = piece.text;
      begins.mutable_ptr<int64_t>()[i] = piece.begin;
      ends.mutable_ptr<int64_t>()[i] = piece.begin + static_cast<int64_t>(piece.text.size());
    }
    std::copy(offsets.begin(), offsets.end(), rows.mutable_ptr<int64_t>());
    return {};
  });
}

KernelOr CreateToHashBucket(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(const int64_t buckets, OneNumber(context, 1));
    if (buckets < 1) return Invalid(fmt::format("num_buckets is {}", buckets));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, context.input(0).dims));
    for (size_t i = 0; i < texts.size(); ++i)
      y.mutable_ptr<int64_t>()[i] = static_cast<int64_t>(kernels::BucketHash(texts[i]) % static_cast<uint64_t>(buckets));
    return {};
  });
}

// ---- Maps in attributes: lines "text <tab> number number ...".

StatusOr<std::vector<int64_t>> ParseNumbers(std::string_view text) {
  std::vector<int64_t> numbers;
  for (std::string_view word : kernels::SplitText(text, "", -1)) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return Invalid(fmt::format("'{}' is no whole number", word));
    numbers.push_back(number);
  }
  return numbers;
}

Status ForEachLine(std::string_view map, const std::function<Status(std::string_view, std::string_view)>& f) {
  while (!map.empty()) {
    const std::string_view line = map.substr(0, map.find('\n'));
    map.remove_prefix(std::min(line.size() + 1, map.size()));
    if (line.empty()) continue;
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return Invalid(fmt::format("the map has a line without a tab: '{}'", line.substr(0, 40)));
    RETURN_IF_ERROR(f(line.substr(0, tab), line.substr(tab + 1)));
  }
  return {};
}

KernelOr CreateToVector(const NodeInfo& node) {
  std::unordered_map<std::string, std::vector<int64_t>> map;
  size_t length = 0;
  RETURN_IF_ERROR(ForEachLine(node.GetString("map"), [&](std::string_view text, std::string_view numbers) -> Status {
    ASSIGN_OR_RETURN(std::vector<int64_t> vector, ParseNumbers(numbers));
    if (!map.empty() && vector.size() != length) return Invalid("the map's vectors differ in length");
    length = vector.size();
    map[std::string(text)] = std::move(vector);
    return {};
  }));
  ASSIGN_OR_RETURN(std::vector<int64_t> unknown, ParseNumbers(node.GetString("unmapping_value")));
  if (unknown.size() != length) return Invalid(fmt::format("unmapping_value must have {} numbers", length));
  return MakeKernel([map = std::move(map), unknown = std::move(unknown), length](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    Dims dims = context.input(0).dims;
    dims.push_back(static_cast<int64_t>(length));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, dims));
    int64_t* out = y.mutable_ptr<int64_t>();
    for (const std::string& text : texts) {
      const auto found = map.find(text);
      out = std::copy_n((found == map.end() ? unknown : found->second).data(), length, out);
    }
    return {};
  });
}

// Vectors of the map lie along the last axis; where they are single numbers, each element is one.
KernelOr CreateToString(const NodeInfo& node) {
  std::map<std::vector<int64_t>, std::string> map;
  size_t length = 0;
  RETURN_IF_ERROR(ForEachLine(node.GetString("map"), [&](std::string_view text, std::string_view numbers) -> Status {
    ASSIGN_OR_RETURN(std::vector<int64_t> vector, ParseNumbers(numbers));
    if (vector.empty() || (length != 0 && vector.size() != length)) return Invalid("the map's vectors differ in length");
    length = vector.size();
    map[std::move(vector)] = text;
    return {};
  }));
  if (length == 0) return Invalid("the map is empty");
  return MakeKernel([map = std::move(map), unknown = node.GetString("unk"), length](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kInt64) return Unsupported(fmt::format("VectorToString of {}", x.TypeString()));
    Dims dims = x.dims;
    if (length > 1) {
      if (dims.rank() == 0 || dims[dims.rank() - 1] != static_cast<int64_t>(length))
        return Invalid(fmt::format("input {} must hold vectors of {}", x.dims.ToString(), length));
      dims = Dims(std::span<const int64_t>(x.dims).first(x.rank() - 1));
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, dims));
    std::vector<int64_t> key(length);
    for (int64_t i = 0; i < y.num_elements(); ++i) {
      std::copy_n(x.ptr<int64_t>() + i * static_cast<int64_t>(length), length, key.begin());
      const auto found = map.find(key);
      y.mutable_ptr<std::string>()[i] = found == map.end() ? unknown : found->second;
    }
    return {};
  });
}

KernelOr CreateMapping(const NodeInfo& node) {
  std::unordered_map<std::string, std::string> map;
  RETURN_IF_ERROR(ForEachLine(node.GetString("map"), [&](std::string_view from, std::string_view to) -> Status {
    map[std::string(from)] = to;
    return {};
  }));
  return MakeKernel([map = std::move(map)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, context.input(0).dims));
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto found = map.find(texts[i]);
      y.mutable_ptr<std::string>()[i] = found == map.end() ? texts[i] : found->second;
    }
    return {};
  });
}

// ---- Selections, segments and ragged tensors.

KernelOr CreateMaskedFill(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const auto texts, StringInput(context, 0));
    const TensorView& mask = context.input(1);
    if (mask.dtype != DataType::kBool || !(mask.dims == context.input(0).dims))
      return Invalid(fmt::format("mask {} does not fit", mask.TypeString()));
    const auto kept = mask.as<bool>();
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kString, Dims{std::count(kept.begin(), kept.end(), true)}));
    std::string* out = y.mutable_ptr<std::string>();
    for (size_t i = 0; i < texts.size(); ++i)
      if (kept[i]) *out++ = texts[i];
    return {};
  });
}

// Sums of runs of rows: those of one id, which count up from 0.
KernelOr CreateSegmentSum(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView &x = context.input(0), &ids = context.input(1);
    if (x.dtype != DataType::kFloat || ids.dtype != DataType::kInt64 || x.rank() < 1 || ids.num_elements() != x.dims[0] || ids.rank() != 1)
      return Invalid(fmt::format("data {} and segment_ids {} do not fit", x.TypeString(), ids.TypeString()));
    const int64_t* id = ids.ptr<int64_t>();
    for (int64_t i = 0; i < x.dims[0]; ++i)
      if (i == 0 ? id[0] != 0 : id[i] != id[i - 1] && id[i] != id[i - 1] + 1)
        return Invalid(fmt::format("segment_ids must count up from 0 by one, but position {} holds {}", i, id[i]));
    Dims dims = x.dims;
    dims[0] = x.dims[0] == 0 ? 0 : id[x.dims[0] - 1] + 1;
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
    std::fill_n(y.mutable_ptr<float>(), y.num_elements(), 0.0f);
    const int64_t row = x.dims.Product(1, x.rank());
    for (int64_t i = 0; i < x.num_elements(); ++i) y.mutable_ptr<float>()[id[i / row] * row + i % row] += x.ptr<float>()[i];
    return {};
  });
}

// Runs of equal numbers other than 0: where each begins and ends, and its number.
KernelOr CreateSegmentExtraction(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kInt64 || x.rank() != 1) return Invalid(fmt::format("input {} must be a list of int64", x.TypeString()));
    const auto numbers = x.as<int64_t>();
    std::vector<std::array<int64_t, 3>> runs;
    for (size_t i = 0; i < numbers.size();) {
      size_t end = i + 1;
      while (end < numbers.size() && numbers[end] == numbers[i]) ++end;
      if (numbers[i] != 0) runs.push_back({static_cast<int64_t>(i), static_cast<int64_t>(end), numbers[i]});
      i = end;
    }
    const auto count = static_cast<int64_t>(runs.size());
    ASSIGN_OR_RETURN(TensorView positions, context.Output(0, DataType::kInt64, Dims{count, 2}));
    ASSIGN_OR_RETURN(TensorView values, context.Output(1, DataType::kInt64, Dims{count}));
    for (int64_t i = 0; i < count; ++i) {
      const auto& run = runs[static_cast<size_t>(i)];
      positions.mutable_ptr<int64_t>()[2 * i] = run[0];
      positions.mutable_ptr<int64_t>()[2 * i + 1] = run[1];
      values.mutable_ptr<int64_t>()[i] = run[2];
    }
    return {};
  });
}

// Row offsets -> (row, column) of every element, and the dims.
KernelOr CreateRaggedToSparse(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kInt64 || x.num_elements() < 1)
      return Invalid(fmt::format("n_element {} must be row offsets", x.TypeString()));
    const auto offsets = x.as<int64_t>();
    int64_t longest = 0;
    for (size_t r = 0; r + 1 < offsets.size(); ++r) {
      if (offsets[r] < 0 || offsets[r + 1] < offsets[r]) return Invalid("row offsets must not fall");
      longest = std::max(longest, offsets[r + 1] - offsets[r]);
    }
    ASSIGN_OR_RETURN(TensorView indices, context.Output(0, DataType::kInt64, Dims{offsets.back() - offsets.front(), 2}));
    ASSIGN_OR_RETURN(TensorView shape, context.Output(1, DataType::kInt64, Dims{2}));
    shape.mutable_ptr<int64_t>()[0] = static_cast<int64_t>(offsets.size()) - 1;
    shape.mutable_ptr<int64_t>()[1] = longest;
    int64_t* out = indices.mutable_ptr<int64_t>();
    for (size_t r = 0; r + 1 < offsets.size(); ++r)
      for (int64_t c = 0; c < offsets[r + 1] - offsets[r]; ++c) *out++ = static_cast<int64_t>(r), *out++ = c;
    return {};
  });
}

constexpr std::string_view kDomain = "ai.onnx.contrib";
constexpr KernelEntry kRows[] = {
    {kDomain, "StringLower", "reference", AcceptsAll, CreateMapped<Lower>},
    {kDomain, "StringUpper", "reference", AcceptsAll, CreateMapped<Upper>},
    {kDomain, "StringStrip", "reference", AcceptsAll, CreateMapped<Strip>},
    {kDomain, "StringLength", "reference", AcceptsAll, CreateLength},
    {kDomain, "StringConcat", "reference", AcceptsAll, CreateConcat},
    {kDomain, "StringEqual", "reference", AcceptsAll, CreateEqual},
    {kDomain, "StringJoin", "reference", AcceptsAll, CreateJoin},
    {kDomain, "StringSplit", "reference", AcceptsAll, CreateSplit},
    {kDomain, "StringRegexReplace", "reference", AcceptsAll, CreateRegexReplace},
    {kDomain, "StringRegexSplitWithOffsets", "reference", AcceptsAll, CreateRegexSplit},
    {kDomain, "StringToHashBucket", "reference", AcceptsAll, CreateToHashBucket},
    {kDomain, "StringToVector", "reference", AcceptsAll, CreateToVector},
    {kDomain, "VectorToString", "reference", AcceptsAll, CreateToString},
    {kDomain, "StringMapping", "reference", AcceptsAll, CreateMapping},
    {kDomain, "MaskedFill", "reference", AcceptsAll, CreateMaskedFill},
    {kDomain, "SegmentSum", "reference", AcceptsAll, CreateSegmentSum},
    {kDomain, "SegmentExtraction", "reference", AcceptsAll, CreateSegmentExtraction},
    {kDomain, "RaggedTensorToSparse", "reference", AcceptsAll, CreateRaggedToSparse},
};

}  // namespace

std::span<const KernelEntry> StringExtensionKernels() { return kRows; }

}  // namespace sardonyx::cpu
