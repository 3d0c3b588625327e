// Operators of com.microsoft on sequences of token ids: BifurcationDetector, NGramHashMapping, VarlenNGramHashMapping.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/microsoft.h"

namespace sardonyx::cpu {
namespace {

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

// ---- BifurcationDetector: predicted tokens that agree with the source are taken over, with the first that does not; then the
// place in the source is sought that follows the last tokens.

struct Suffixes {
  int64_t shortest = 1, longest = 3;
};

// Behind the only place in `source` where an n-gram at the end of `tokens` stands; -1 if there is none, or several.
int64_t MatchSuffix(std::span<const int64_t> source, std::span<const int64_t> tokens, const Suffixes& suffixes) {
  int64_t match = -1;
  for (int64_t n = suffixes.shortest; n <= suffixes.longest && n <= static_cast<int64_t>(tokens.size()); ++n) {
    const auto suffix = tokens.subspan(tokens.size() - static_cast<size_t>(n));
    const auto first = std::search(source.begin(), source.end(), suffix.begin(), suffix.end());
    if (first == source.end()) break;  // a longer one cannot stand there either
    match = first - source.begin() + n;
    if (match >= static_cast<int64_t>(source.size())) break;
    if (std::search(first + 1, source.end(), suffix.begin(), suffix.end()) != source.end()) match = -1;
  }
  return match;
}

Status RunBifurcationDetector(KernelContext& context, const Suffixes& suffixes) {
  for (size_t i = 0; i < 4; ++i)
    if (Has(context, i) && (context.input(i).dtype != DataType::kInt64 || (i != 2 && context.input(i).rank() != 1)))
      return Invalid(fmt::format("input {} is {}; int64 [length] is needed", i, context.input(i).TypeString()));
  const std::span<const int64_t> source = context.input(0).as<int64_t>(), current = context.input(1).as<int64_t>();
  const TensorView& previous = context.input(2);
  if (previous.num_elements() != 1) return Invalid(fmt::format("prev_suffix_match_idx {} must be one number", previous.TypeString()));
  std::vector<int64_t> tokens(current.begin(), current.end());
  if (Has(context, 3)) {
    const std::span<const int64_t> predicted = context.input(3).as<int64_t>();
    const int64_t from = previous.ptr<int64_t>()[0], length = static_cast<int64_t>(source.size());
    if (from < 0 || from > length || static_cast<int64_t>(predicted.size()) != length + 1 - from)
      return Invalid(fmt::format("{} predicted tokens do not fit {} source tokens from {}", predicted.size(), length, from));
    const auto rest = source.subspan(static_cast<size_t>(from));
    const auto differs = std::mismatch(rest.begin(), rest.end(), predicted.begin()).second;
    tokens.insert(tokens.end(), predicted.begin(), differs + 1);
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, Dims{static_cast<int64_t>(tokens.size())}));
  std::copy(tokens.begin(), tokens.end(), y.mutable_ptr<int64_t>());
  ASSIGN_OR_RETURN(TensorView match, context.Output(1, DataType::kInt64, previous.dims));
  match.mutable_ptr<int64_t>()[0] = MatchSuffix(source, tokens, suffixes);
  return {};
}

// ---- NGramHashMapping: of each token and the n - 1 before it, for n from 2, the exclusive or of id * multiplier, modulo the
// size of each head's table.

struct NGramOptions {
  int64_t longest = 2, heads = 1;  // n-grams up to this length; heads of each
  int64_t pad = 0;
  bool reset_on_eos = false;
  int64_t captures = 0;  // VarlenNGramHashMapping: states that are told of each sequence

  int64_t past() const { return longest - 1; }
  int64_t all_heads() const { return past() * heads; }
};

// Where the optional inputs are, and whether sequences lie one after another.
struct NGramInputs {
  bool packed;
  size_t past, offsets, eos, segments, past_segments;
};

// One sequence with what was before it.
template <class T>
struct NGramSequence {
  const T* ids = nullptr;
  int64_t length = 0;
  const T* past = nullptr;            // [past] or null
  const int32_t* segments = nullptr;  // [length] or null
  const int32_t* past_segments = nullptr;
};

template <class T>
struct NGramTables {
  const T *multipliers = nullptr, *sizes = nullptr, *offsets = nullptr;
  const T* eos = nullptr;
  T missing = 0;  // stands for what is not there
};

// The id `back` places before place t; `t - back` counts from the sequence's start, negative in its past.
template <class T>
T IdAt(const NGramSequence<T>& s, const NGramTables<T>& tables, int64_t past, int64_t at) {
  if (at >= 0) return s.ids[at];
  return s.past && past + at >= 0 ? s.past[past + at] : tables.missing;
}

template <class T>
void HashSequence(const NGramOptions& options, const NGramTables<T>& tables, const NGramSequence<T>& s, T* out) {
  using U = std::make_unsigned_t<T>;
  const int64_t past = options.past();
  const auto segment = [&](int64_t at) -> const int32_t* {
    if (at >= 0) return s.segments + at;
    return s.past_segments && past + at >= 0 ? s.past_segments + past + at : nullptr;
  };
  for (int64_t t = 0; t < s.length; ++t) {
    U mix = 0;
    bool hidden = false;
    for (int64_t k = 0; k <= past; ++k) {
      // Going back, a boundary hides all that lies before it.
      const int64_t at = t - k;
      if (k > 0 && options.reset_on_eos && tables.eos && IdAt(s, tables, past, at) == *tables.eos) hidden = true;
      if (k > 0 && s.segments && segment(at) && *segment(at) != *segment(at + 1)) hidden = true;
      const T id = hidden ? tables.missing : IdAt(s, tables, past, at);
      mix ^= static_cast<U>(static_cast<U>(id) * static_cast<U>(tables.multipliers[k]));
      for (int64_t h = 0; k > 0 && h < options.heads; ++h) {
        const int64_t head = (k - 1) * options.heads + h;
        T value = static_cast<T>(static_cast<T>(mix) % tables.sizes[head]);
        if (value < 0) value = static_cast<T>(value + tables.sizes[head]);
        if (tables.offsets) value = static_cast<T>(static_cast<U>(value) + static_cast<U>(tables.offsets[head]));
        *out++ = value;
      }
    }
  }
}

// The `past` values that end behind place `end` of a sequence.
template <class T, class At>
void WriteState(int64_t past, int64_t end, const At& at, T* out) {
  for (int64_t i = 0; i < past; ++i) out[i] = at(end - past + i);
}

template <class T>
StatusOr<NGramTables<T>> ReadTables(const KernelContext& context, const NGramOptions& options, const NGramInputs& inputs) {
  const auto vector = [&](size_t i, int64_t least) -> StatusOr<const T*> {
    const TensorView& x = context.input(i);
    if (x.dtype != DataTypeOf<T>::value || x.rank() != 1 || x.dims[0] < least)
      return Invalid(
          fmt::format("input {} is {}; {} of {} elements are needed", i, x.TypeString(), DataTypeName(DataTypeOf<T>::value), least));
    return x.ptr<T>();
  };
  NGramTables<T> tables;
  ASSIGN_OR_RETURN(tables.multipliers, vector(1, options.longest));
  ASSIGN_OR_RETURN(tables.sizes, vector(2, options.all_heads()));
  for (int64_t i = 0; i < options.all_heads(); ++i)
    if (tables.sizes[i] < 1) return Invalid(fmt::format("vocab_sizes holds {}", tables.sizes[i]));
  if (Has(context, inputs.offsets)) {
    ASSIGN_OR_RETURN(tables.offsets, vector(inputs.offsets, options.all_heads()));
  }
  tables.missing = static_cast<T>(options.pad);
  if (Has(context, inputs.eos)) {
    const TensorView& eos = context.input(inputs.eos);
    if (eos.dtype != DataTypeOf<T>::value || eos.num_elements() != 1) return Invalid(fmt::format("eos_token_id is {}", eos.TypeString()));
    tables.eos = eos.ptr<T>();
    tables.missing = *tables.eos;
  }
  return tables;
}

template <class T>
StatusOr<const T*> ReadInput(const KernelContext& context, size_t i, const Dims& dims) {
  if (!Has(context, i)) return static_cast<const T*>(nullptr);
  const TensorView& x = context.input(i);
  if (x.dtype != DataTypeOf<T>::value || !(x.dims == dims))
    return Invalid(fmt::format("input {} is {}; {}{} is needed", i, x.TypeString(), DataTypeName(DataTypeOf<T>::value), dims.ToString()));
  return x.ptr<T>();
}

bool HasOutput(const KernelContext& context, size_t i) { return i < context.num_outputs() && context.has_output(i); }

constexpr NGramInputs kBatchInputs{.packed = false, .past = 3, .offsets = 4, .eos = 5, .segments = 6, .past_segments = 7};
constexpr NGramInputs kPackedInputs{.packed = true, .past = 4, .offsets = 5, .eos = 6, .segments = 7, .past_segments = 8};

// starts: [batch + 1], where sequences begin and end among all ids.
template <class T>
Status HashAll(KernelContext& context, const NGramOptions& options, const NGramInputs& inputs, const Dims& output,
               const std::vector<int64_t>& starts) {
  const TensorView& ids = context.input(0);
  const int64_t batch = static_cast<int64_t>(starts.size()) - 1, past = options.past();
  ASSIGN_OR_RETURN(const NGramTables<T> tables, ReadTables<T>(context, options, inputs));
  ASSIGN_OR_RETURN(const T* past_ids, ReadInput<T>(context, inputs.past, Dims{batch, past}));
  ASSIGN_OR_RETURN(const int32_t* segments, ReadInput<int32_t>(context, inputs.segments, ids.dims));
  const int32_t *past_segments = nullptr, *captured = nullptr;
  if (inputs.packed) {
    ASSIGN_OR_RETURN(past_segments, ReadInput<int32_t>(context, inputs.past_segments, Dims{batch, past}));
    ASSIGN_OR_RETURN(captured, ReadInput<int32_t>(context, 9, Dims{batch}));
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, ids.dtype, output));
  std::vector<NGramSequence<T>> sequences;
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t at = starts[static_cast<size_t>(b)];
    sequences.push_back({ids.ptr<T>() + at, starts[static_cast<size_t>(b) + 1] - at, past_ids ? past_ids + b * past : nullptr,
                         segments ? segments + at : nullptr, past_segments ? past_segments + b * past : nullptr});
    HashSequence(options, tables, sequences.back(), y.mutable_ptr<T>() + at * options.all_heads());
  }
  const auto id_of = [&](int64_t b) { return [&, b](int64_t at) { return IdAt(sequences[static_cast<size_t>(b)], tables, past, at); }; };
  if (HasOutput(context, 1)) {
    ASSIGN_OR_RETURN(TensorView present, context.Output(1, ids.dtype, Dims{batch, past}));
    for (int64_t b = 0; b < batch; ++b)
      WriteState(past, sequences[static_cast<size_t>(b)].length, id_of(b), present.mutable_ptr<T>() + b * past);
  }
  if (inputs.packed && HasOutput(context, 2)) {
    ASSIGN_OR_RETURN(TensorView present, context.Output(2, DataType::kInt32, Dims{batch, past}));
    for (int64_t b = 0; b < batch; ++b) {
      const NGramSequence<T>& s = sequences[static_cast<size_t>(b)];
      const auto segment = [&](int64_t at) {
        if (at >= 0) return s.segments ? s.segments[at] : 0;
        return s.past_segments && past + at >= 0 ? s.past_segments[past + at] : 0;
      };
      WriteState(past, s.length, segment, present.mutable_ptr<int32_t>() + b * past);
    }
  }
  if (inputs.packed && HasOutput(context, 3)) {
    ASSIGN_OR_RETURN(TensorView states, context.Output(3, ids.dtype, Dims{batch, options.captures, past}));
    std::fill_n(states.mutable_ptr<T>(), states.num_elements(), static_cast<T>(options.pad));
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t count = std::min({int64_t{captured ? captured[b] : 0}, options.captures, sequences[static_cast<size_t>(b)].length});
      for (int64_t i = 0; i < count; ++i) WriteState(past, i + 1, id_of(b), states.mutable_ptr<T>() + (b * options.captures + i) * past);
    }
  }
  return {};
}

StatusOr<NGramOptions> ReadNGramOptions(const NodeInfo& node) {
  NGramOptions options;
  options.longest = node.GetInt("max_ngram_size");
  options.heads = node.GetInt("n_head_per_ngram");
  options.pad = node.GetInt("pad_id");
  options.reset_on_eos = node.GetInt("reset_on_eos") != 0;
  options.captures = node.GetInt("state_update_capacity");
  constexpr int64_t kMost = 1 << 16;
  if (options.longest < 2 || options.longest > kMost || options.heads < 1 || options.heads > kMost)
    return Invalid(fmt::format("n-grams of up to {} with {} heads", options.longest, options.heads));
  if (options.captures < 0 || options.captures > 8)
    return Invalid(fmt::format("state_update_capacity is {}, not 0 to 8", options.captures));
  return options;
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateBifurcationDetector(const NodeInfo& node) {
  const Suffixes suffixes{node.GetInt("min_ngram_size", 1), node.GetInt("max_ngram_size", 3)};
  if (suffixes.shortest < 1 || suffixes.longest < suffixes.shortest)
    return Invalid(fmt::format("n-grams of {} to {}", suffixes.shortest, suffixes.longest));
  return MakeKernel([suffixes](KernelContext& context) { return RunBifurcationDetector(context, suffixes); });
}

StatusOr<std::unique_ptr<Kernel>> CreateNGramHashMapping(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const NGramOptions options, ReadNGramOptions(node));
  return MakeKernel([options](KernelContext& context) -> Status {
    const TensorView& ids = context.input(0);
    if (ids.rank() != 2) return Invalid(fmt::format("input_ids {} must be [batch, length]", ids.TypeString()));
    std::vector<int64_t> starts;
    for (int64_t b = 0; b <= ids.dims[0]; ++b) starts.push_back(b * ids.dims[1]);
    return Dispatch<int32_t, int64_t>(ids.dtype, "NGramHashMapping", [&]<class T>() {
      return HashAll<T>(context, options, kBatchInputs, Dims{ids.dims[0], ids.dims[1], options.all_heads()}, starts);
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateVarlenNGramHashMapping(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const NGramOptions options, ReadNGramOptions(node));
  if ((options.captures > 0) != node.has_input(9)) return Invalid("capture_count is needed exactly when state_update_capacity is positive");
  return MakeKernel([options](KernelContext& context) -> Status {
    const TensorView& ids = context.input(0);
    if (ids.rank() != 1) return Invalid(fmt::format("input_ids {} must be [tokens]", ids.TypeString()));
    ASSIGN_OR_RETURN(const std::vector<int64_t> starts, ReadSequenceStarts(context, 3, ids.dims[0]));
    return Dispatch<int32_t, int64_t>(ids.dtype, "VarlenNGramHashMapping", [&]<class T>() {
      return HashAll<T>(context, options, kPackedInputs, Dims{ids.dims[0], options.all_heads()}, starts);
    });
  });
}

}  // namespace sardonyx::cpu
