// DFT, STFT, MelWeightMatrix.
#include <cmath>

#include <fmt/format.h>

#include "kernels/signal/spectrum.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/widened.h"

namespace sardonyx::cpu {
namespace {

// Tables of a transform take up to 100 bytes an element, so its length is bounded.
constexpr int64_t kMaxTransform = int64_t{1} << 24;

bool Has(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

// An input that is one integer, or one number.
StatusOr<int64_t> ReadInt(const KernelContext& context, size_t i, std::string_view name) {
  const TensorView& input = context.input(i);
  if (input.num_elements() != 1) return Invalid(fmt::format("{} {} must be one integer", name, input.TypeString()));
  if (input.dtype == DataType::kInt32) return input.ptr<int32_t>()[0];
  if (input.dtype == DataType::kInt64) return input.ptr<int64_t>()[0];
  return Invalid(fmt::format("{} {} must be one integer", name, input.TypeString()));
}
StatusOr<double> ReadNumber(const KernelContext& context, size_t i, std::string_view name) {
  const TensorView& input = context.input(i);
  if (input.num_elements() != 1) return Invalid(fmt::format("{} {} must be one number", name, input.TypeString()));
  double value = 0;
  RETURN_IF_ERROR((Dispatch<float, double>(input.dtype, name, [&]<class T>() {
    value = static_cast<double>(input.ptr<T>()[0]);
    return Status();
  })));
  return value;
}

struct DftState {
  bool inverse = false, onesided = false;
  int64_t axis = 1;
  bool axis_is_input = false;
};

StatusOr<kernels::DftShape> PlanDft(const KernelContext& context, const DftState& state, Dims& output) {
  const Dims& x = context.input(0).dims;
  const int64_t rank = static_cast<int64_t>(x.rank());
  int64_t axis = state.axis;
  if (state.axis_is_input && Has(context, 2)) {
    ASSIGN_OR_RETURN(axis, ReadInt(context, 2, "axis"));
  }
  if (rank < 2 || axis < -rank || axis >= rank || axis == -1 || axis == rank - 1) return Invalid(fmt::format("axis {} of an input {}", axis, x.ToString()));
  if (axis < 0) axis += rank;
  const size_t a = static_cast<size_t>(axis);
  kernels::DftShape s;
  s.outer = x.Product(0, a);
  s.input = x[a];
  s.inner = x.Product(a + 1, x.rank() - 1);
  s.input_parts = x.back();
  s.inverse = state.inverse;
  if (s.input_parts != 1 && s.input_parts != 2) return Invalid(fmt::format("the last dim of input {} must be 1 (real) or 2 (complex)", x.ToString()));
  const bool to_real = state.onesided && state.inverse;
  s.length = to_real ? 2 * (s.input - 1) : s.input;
  if (Has(context, 1)) {
    ASSIGN_OR_RETURN(s.length, ReadInt(context, 1, "dft_length"));
  }
  if (s.length < 1) return Invalid(fmt::format("a transform of length {}", s.length));
  if (s.length > kMaxTransform) return Resource(fmt::format("a transform of length {}; at most {} are implemented", s.length, kMaxTransform));
  if (state.onesided && !state.inverse && s.input_parts == 2) return Invalid("a one-sided transform needs real input");
  s.output = state.onesided && !state.inverse ? s.length / 2 + 1 : s.length;
  s.output_parts = to_real ? 1 : 2;
  s.complete_spectrum = to_real;
  output = x;
  output[a] = s.output;
  output[x.rank() - 1] = s.output_parts;
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, output));
  return s;
}

StatusOr<std::unique_ptr<Kernel>> CreateDft(const NodeInfo& node) {
  DftState state;
  state.inverse = node.GetInt("inverse") != 0;
  state.onesided = node.GetInt("onesided") != 0;
  state.axis_is_input = node.schema().since_version >= 20;
  state.axis = state.axis_is_input ? -2 : node.GetInt("axis", 1);
  return MakeKernel([state](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    Dims dims;
    ASSIGN_OR_RETURN(const kernels::DftShape shape, PlanDft(context, state, dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, dims));
    return Dispatch<float, double>(x.dtype, "DFT", [&]<class T>() -> Status {
      kernels::Dft<T>(shape, x.ptr<T>(), y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

StatusOr<kernels::StftShape> PlanStft(const KernelContext& context, bool onesided) {
  const TensorView& signal = context.input(0);
  // [batch, length] is accepted as real too.
  if (signal.rank() != 2 && (signal.rank() != 3 || (signal.dims[2] != 1 && signal.dims[2] != 2)))
    return Invalid(fmt::format("signal {} must be [batch, length, 1 or 2]", signal.dims.ToString()));
  kernels::StftShape s;
  s.batch = signal.dims[0], s.signal = signal.dims[1], s.parts = signal.rank() == 3 ? signal.dims[2] : 1;
  ASSIGN_OR_RETURN(s.step, ReadInt(context, 1, "frame_step"));
  s.length = s.signal;
  if (Has(context, 2)) {
    const TensorView& window = context.input(2);
    if (window.rank() != 1 || window.dtype != signal.dtype) return Invalid(fmt::format("window {} must be a vector of the signal's type", window.TypeString()));
    s.length = window.dims[0];
  }
  if (Has(context, 3)) {
    ASSIGN_OR_RETURN(const int64_t length, ReadInt(context, 3, "frame_length"));
    if (Has(context, 2) && length != s.length) return Invalid(fmt::format("frame_length is {} but the window has {}", length, s.length));
    s.length = length;
  }
  if (s.step < 1 || s.length < 1 || s.length > s.signal) return Invalid(fmt::format("frames of {} every {} in a signal of {}", s.length, s.step, s.signal));
  if (onesided && s.parts == 2) return Invalid("a one-sided transform needs a real signal");
  if (s.length > kMaxTransform) return Resource(fmt::format("a transform of length {}; at most {} are implemented", s.length, kMaxTransform));
  s.frames = (s.signal - s.length) / s.step + 1;
  s.bins = onesided ? s.length / 2 + 1 : s.length;
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, Dims{s.batch, s.frames, s.bins, 2}));
  return s;
}

StatusOr<std::unique_ptr<Kernel>> CreateStft(const NodeInfo& node) {
  return MakeKernel([onesided = node.GetInt("onesided", 1) != 0](KernelContext& context) -> Status {
    const TensorView& signal = context.input(0);
    ASSIGN_OR_RETURN(const kernels::StftShape s, PlanStft(context, onesided));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, signal.dtype, Dims{s.batch, s.frames, s.bins, 2}));
    return Dispatch<float, double>(signal.dtype, "STFT", [&]<class T>() -> Status {
      kernels::Stft<T>(s, signal.ptr<T>(), Has(context, 2) ? context.input(2).ptr<T>() : nullptr, y.mutable_ptr<T>(), context.thread_pool());
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateMelWeightMatrix(const NodeInfo& node) {
  const DataType dtype = static_cast<DataType>(node.GetInt("output_datatype", 1));
  return MakeKernel([dtype](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const int64_t mel_bins, ReadInt(context, 0, "num_mel_bins"));
    ASSIGN_OR_RETURN(const int64_t dft_length, ReadInt(context, 1, "dft_length"));
    ASSIGN_OR_RETURN(const int64_t sample_rate, ReadInt(context, 2, "sample_rate"));
    ASSIGN_OR_RETURN(const double lower, ReadNumber(context, 3, "lower_edge_hertz"));
    ASSIGN_OR_RETURN(const double upper, ReadNumber(context, 4, "upper_edge_hertz"));
    if (mel_bins < 1 || dft_length < 1 || sample_rate < 1 || mel_bins > int64_t{1} << 20 || dft_length > int64_t{1} << 30)
      return Invalid(fmt::format("{} mel bins of a transform of {} at {} samples a second", mel_bins, dft_length, sample_rate));
    if (!(lower > -700 && upper > lower && upper < 1e12)) return Invalid(fmt::format("edges of {} and {} hertz", lower, upper));
    const DataType stored = dtype == DataType::kFloat16 || dtype == DataType::kBfloat16 ? DataType::kFloat : dtype;
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, stored, Dims{dft_length / 2 + 1, mel_bins}));
    return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(stored, "MelWeightMatrix", [&]<class T>() -> Status {
      kernels::MelWeights<T>(mel_bins, dft_length, sample_rate, lower, upper, y.mutable_ptr<T>());
      return Status();
    });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "DFT", "fft", AcceptsAll, Widened<CreateDft>},
    {"", "STFT", "fft", AcceptsAll, Widened<CreateStft>},
    {"", "MelWeightMatrix", "reference", AcceptsAll, Widened<CreateMelWeightMatrix>},
};

}  // namespace

std::span<const KernelEntry> SignalKernels() { return kRows; }

}  // namespace sardonyx::cpu
