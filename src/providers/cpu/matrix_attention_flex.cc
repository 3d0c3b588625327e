// FlexAttention and TensorScatter.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention/attention.h"
#include "kernels/gemm/gemm_generic.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix_attention.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {

// ---- TensorScatter

namespace {

struct TensorScatter {
  int64_t axis = -2;
  bool circular = false;

  Status Run(KernelContext& context) const {
    const TensorView &past = context.input(0), &update = context.input(1);
    const auto rank = static_cast<int64_t>(past.rank());
    const int64_t wrapped = axis < 0 ? axis + rank : axis;
    if (wrapped < 1 || wrapped >= rank) return Invalid(fmt::format("axis {} of a cache {}", axis, past.dims.ToString()));
    const auto a = static_cast<size_t>(wrapped);
    const int64_t length = update.rank() == past.rank() ? update.dims[a] : 0, limit = past.dims[a];
    Dims expected = past.dims;
    expected[a] = length;
    if (!(update.dims == expected) || length > limit || update.dtype != past.dtype)
      return Invalid(fmt::format("update {} does not fit a cache {}", update.TypeString(), past.TypeString()));
    const int64_t* starts = nullptr;
    if (context.num_inputs() > 2 && context.has_input(2)) {
      if (!(context.input(2).dims == Dims{past.dims[0]})) return Invalid(fmt::format("write_indices must be [{}]", past.dims[0]));
      starts = context.input(2).ptr<int64_t>();
      for (int64_t b = 0; b < past.dims[0]; ++b)
        if (starts[b] < 0 || (!circular && starts[b] > limit - length))
          return Invalid(fmt::format("writing {} positions at {} leaves the cache of {}", length, starts[b], limit));
    }
    return Write(context, a, starts);
  }

  // Elements of less than a byte are unpacked on the way.
  static Status Write(KernelContext& context, size_t a, const int64_t* starts) {
    const TensorView &past = context.input(0), &update = context.input(1);
    const int64_t inner = past.dims.Product(1, a), limit = past.dims[a], length = update.dims[a];
    const int64_t rows = past.dims[0] * inner, block = past.dims.Product(a + 1, past.rank());
    ASSIGN_OR_RETURN(const ElementReader old, ElementReader::Open(past));
    ASSIGN_OR_RETURN(const ElementReader written, ElementReader::Open(update));
    ASSIGN_OR_RETURN(ElementWriter present, ElementWriter::Open(context, 0, past.dtype, past.dims));
    kernels::DispatchElement(present.element(), [&]<class T>() {
      const T* from = static_cast<const T*>(written.data());
      T* const to = static_cast<T*>(present.data());
      if (to != old.data()) std::copy_n(static_cast<const T*>(old.data()), past.num_elements(), to);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t start = starts ? starts[row / inner] % std::max<int64_t>(1, limit) : 0;
        for (int64_t i = 0; i < length; ++i, from += block) std::copy_n(from, block, to + (row * limit + (start + i) % limit) * block);
      }
    });
    return present.Finish();
  }
};

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateTensorScatter(const NodeInfo& node) {
  const std::string mode = node.GetString("mode", "linear");
  if (mode != "linear" && mode != "circular") return Invalid(fmt::format("mode '{}' is neither linear nor circular", mode));
  const TensorScatter scatter{node.GetInt("axis", -2), mode == "circular"};
  return MakeKernel([scatter](KernelContext& context) { return scatter.Run(context); }, {.in_place = {{0, 0}}});
}

// ---- FlexAttention

namespace {

struct FlexState {
  bool has_scale = false;
  float scale = 1;
  DataType precision = DataType::kUndefined;  // undefined: float, or double for double
};

// `values` through the subgraph `name`, if the node has it, in the element type that the subgraph expects.
template <class T>
Status ApplyModifier(KernelContext& context, std::string_view name, DataType precision, Tensor& values) {
  runtime::Subprogram* program = context.subprogram(name);
  if (!program) return Status();
  Tensor argument = values;
  const bool half = precision == DataType::kFloat16, brain = precision == DataType::kBfloat16;
  const int64_t count = values.num_elements();
  if (half || brain) {
    ASSIGN_OR_RETURN(argument, Tensor::Allocate(precision, values.dims()));
    for (int64_t i = 0; i < count; ++i) {
      const float value = static_cast<float>(values.data<T>()[static_cast<size_t>(i)]);
      if (half)
        static_cast<Float16*>(argument.mutable_raw_data())[i] = Float16(value);
      else
        static_cast<BFloat16*>(argument.mutable_raw_data())[i] = BFloat16(value);
    }
  }
  std::vector<Value> arguments;
  arguments.emplace_back(std::move(argument));
  ASSIGN_OR_RETURN(const std::vector<Value> results, program->Run(std::move(arguments)));
  if (results.size() != 1 || !results[0].is_tensor() || !(results[0].tensor().dims() == values.dims()))
    return Invalid(fmt::format("{} must give one tensor {}", name, values.dims().ToString()));
  const Tensor& result = results[0].tensor();
  ASSIGN_OR_RETURN(Tensor converted, Tensor::Allocate(DataTypeOf<T>::value, values.dims()));
  T* out = static_cast<T*>(converted.mutable_raw_data());
  RETURN_IF_ERROR((Dispatch<float, double, Float16, BFloat16>(result.dtype(), name, [&]<class R>() -> Status {
    const auto from = result.Aligned();
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<R, double>)
        out[i] = static_cast<T>(from.template data<R>()[static_cast<size_t>(i)]);
      else
        out[i] = static_cast<T>(static_cast<float>(from.template data<R>()[static_cast<size_t>(i)]));
    }
    return Status();
  })));
  values = std::move(converted);
  return Status();
}

template <class T>
Status RunFlex(KernelContext& context, const FlexState& state) {
  const TensorView &q = context.input(0), &k = context.input(1), &v = context.input(2);
  if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4 || k.dtype != q.dtype || v.dtype != q.dtype || k.dims[0] != q.dims[0] ||
      v.dims[0] != q.dims[0] || k.dims[3] != q.dims[3] || k.dims[1] != v.dims[1] || k.dims[2] != v.dims[2] || k.dims[1] < 1 ||
      q.dims[1] % k.dims[1] != 0)
    return Invalid(fmt::format("Q {}, K {} and V {} do not fit", q.TypeString(), k.TypeString(), v.TypeString()));
  const int64_t batch = q.dims[0], heads = q.dims[1], group = heads / k.dims[1], queries = q.dims[2], keys = k.dims[2], size = q.dims[3],
                v_size = v.dims[3];
  const T scale = static_cast<T>(state.has_scale ? state.scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, size))));
  ASSIGN_OR_RETURN(Tensor scores, Tensor::Allocate(DataTypeOf<T>::value, Dims{batch, heads, queries, keys}));
  T* s = static_cast<T*>(scores.mutable_raw_data());
  ThreadPool& pool = context.thread_pool();
  for (int64_t i = 0; i < batch * heads; ++i) {
    const T* key = k.ptr<T>() + (i / heads * k.dims[1] + i % heads / group) * keys * size;
    kernels::GemmGeneric<T>(queries, keys, size, {q.ptr<T>() + i * queries * size, size, 1}, {key, 1, size}, s + i * queries * keys, keys,
                            pool);
  }
  for (int64_t i = 0; i < scores.num_elements(); ++i) s[i] *= scale;
  RETURN_IF_ERROR(ApplyModifier<T>(context, "score_mod", state.precision, scores));
  kernels::SoftmaxRows(static_cast<T*>(scores.mutable_raw_data()), batch * heads * queries, keys);
  RETURN_IF_ERROR(ApplyModifier<T>(context, "prob_mod", state.precision, scores));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, q.dtype, Dims{batch, heads, queries, v_size}));
  const T* p = static_cast<const T*>(scores.raw_data());
  for (int64_t i = 0; i < batch * heads; ++i) {
    const T* value = v.ptr<T>() + (i / heads * v.dims[1] + i % heads / group) * keys * v_size;
    kernels::GemmGeneric<T>(queries, v_size, keys, {p + i * queries * keys, keys, 1}, {value, v_size, 1},
                            y.mutable_ptr<T>() + i * queries * v_size, v_size, pool);
  }
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateFlexAttention(const NodeInfo& node) {
  FlexState state;
  state.has_scale = node.HasAttribute("scale");
  state.scale = node.GetFloat("scale", 1);
  state.precision = static_cast<DataType>(node.GetInt("softmax_precision"));
  return MakeKernel([state](KernelContext& context) {
    return Dispatch<float, double>(context.input(0).dtype, "FlexAttention", [&]<class T>() { return RunFlex<T>(context, state); });
  });
}

}  // namespace sardonyx::cpu
