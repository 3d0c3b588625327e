// Products of uint8 rows by int8 weights that are known at load.
#include <algorithm>

#include "providers/cpu/bytes.h"

namespace sardonyx::cpu {
namespace {

// Which inputs an operator's parts are; kNone where it has none.
constexpr size_t kNone = 100;
struct Inputs {
  size_t a, a_scale, a_zero, b, b_scale, b_zero, bias, y_scale, y_zero;
};
constexpr Inputs kQGemm{0, 1, 2, 3, 4, 5, 6, 7, 8};
constexpr Inputs kQLinearMatMul{0, 1, 2, 3, 4, 5, kNone, 6, 7};
constexpr Inputs kToFloat{0, 2, 4, 1, 3, 5, 6, kNone, kNone};
constexpr Inputs kInteger{0, kNone, 2, 1, kNone, 3, kNone, kNone, kNone};

// B [k, n], or [n, k] when transposed, as quads.
struct Weights {
  kernels::QuadWeights packed;
  Dims dims;  // as a matrix [k, n]
};

std::string DeclinesWeights(const NodeInfo& node, const Inputs& in, bool transposed) {
  if (node.input_dtype(in.a) != DataType::kUint8) return "A is not uint8";
  SignedWeights weights;
  if (!weights.Read(node, in.b, in.b_zero)) return "B is not known, or has zero points";
  if (weights.dims().rank() != 2 || weights.dims().num_elements() == 0) return "B is no matrix";
  if (in.b_scale != kNone && ChannelScales(node, in.b_scale, weights.dims()[transposed ? 0 : 1], 1).empty()) return "the scale of B is not known";
  return "";
}

StatusOr<Weights> Pack(const NodeInfo& node, const Inputs& in, bool transposed) {
  SignedWeights given;
  if (!given.Read(node, in.b, in.b_zero)) return Internal("weights that were there before");
  Weights w;
  const int64_t rows = given.dims()[0], columns = given.dims()[1];
  w.dims = transposed ? Dims{columns, rows} : Dims{rows, columns};
  const kernels::QuadSource source =
      transposed ? kernels::QuadSource{given.data(), 0, 1, columns} : kernels::QuadSource{given.data(), 0, columns, 1};
  w.packed = kernels::PackQuads(source, 1, w.dims[0], w.dims[1], node.thread_pool());
  if (!w.packed.data) return Resource(fmt::format("no memory to pack a matrix of {}", given.dims().ToString()));
  node.ReleaseConstant(in.b);
  return w;
}

// Rows of A [..., k] by B [k, n]; dims of the result.
StatusOr<Dims> ProductDims(const TensorView& a, const Weights& w) {
  if (a.dtype != DataType::kUint8) return Invalid(fmt::format("A is {}, not uint8", a.TypeString()));
  if (a.rank() < 1 || a.dims.back() != w.dims[0]) return Invalid(fmt::format("{} cannot be multiplied by {}", a.TypeString(), w.dims.ToString()));
  Dims dims;
  for (size_t i = 0; i + 1 < a.rank(); ++i) dims.push_back(a.dims[i]);
  dims.push_back(w.dims[1]);
  return dims;
}

void Multiply(KernelContext& context, const TensorView& a, const Weights& w, const kernels::QuadEpilogue& epilogue) {
  const int64_t k = w.dims[0];
  kernels::ComputeQuadGemm({&w.packed, a.ptr<uint8_t>(), a.num_elements() / k, k, epilogue}, context.thread_pool());
}

// ---- All parameters known: QGemm without alpha and transA, QLinearMatMul.

std::string DeclinesKnown(const NodeInfo& node, const Inputs& in, bool transposed) {
  if (std::string reason = DeclinesWeights(node, in, transposed); !reason.empty()) return reason;
  ByteParameters a, y;
  if (!ReadByteParameters(node, in.a_scale, in.a_zero, DataType::kUint8, &a)) return "the quantization of A is not known";
  if (HasInput(node, in.y_scale)) {
    const Tensor* zero = ConstantInput(node, in.y_zero);
    if (HasInput(node, in.y_zero) && !zero) return "the zero point of y is not known";
    if (!ReadByteParameters(node, in.y_scale, in.y_zero, zero ? zero->dtype() : DataType::kUint8, &y)) return "the quantization of y is not known";
  }
  const Tensor* bias = ConstantInput(node, in.bias);
  if (HasInput(node, in.bias) && (!bias || bias->dtype() != DataType::kInt32)) return "the bias is not known";
  if (bias && bias->num_elements() != ConstantInput(node, in.b)->dims()[transposed ? 0 : 1]) return "the bias is no row";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateKnown(const NodeInfo& node, const Inputs& in, bool transposed) {
  ByteParameters a, y;
  ReadByteParameters(node, in.a_scale, in.a_zero, DataType::kUint8, &a);
  const bool quantizes = HasInput(node, in.y_scale);
  const Tensor* y_zero = ConstantInput(node, in.y_zero);
  const DataType y_dtype = !quantizes ? DataType::kFloat : y_zero ? y_zero->dtype() : DataType::kUint8;
  if (quantizes) ReadByteParameters(node, in.y_scale, in.y_zero, y_dtype, &y);
  const Tensor* bias = ConstantInput(node, in.bias);
  ASSIGN_OR_RETURN(Weights w, Pack(node, in, transposed));
  const int64_t n = w.dims[1];
  std::vector<float> scales = ChannelScales(node, in.b_scale, n, quantizes ? a.scale / y.scale : a.scale);
  std::vector<int32_t> offsets(scales.size());
  for (int64_t c = 0; c < n; ++c) {
    const uint32_t given = bias ? static_cast<uint32_t>(bias->data<int32_t>()[c]) : 0;  // sums wrap
    offsets[c] = static_cast<int32_t>(given - static_cast<uint32_t>(a.zero_point) * static_cast<uint32_t>(w.packed.column_sums[c]));
  }
  return MakeKernel([w = std::move(w), scales = std::move(scales), offsets = std::move(offsets), y_dtype,
                     zero = y.zero_point](KernelContext& context) -> Status {
    const TensorView& a = context.input(0);
    ASSIGN_OR_RETURN(const Dims dims, ProductDims(a, w));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, y_dtype, dims));
    kernels::QuadEpilogue e;
    e.kind = y_dtype == DataType::kFloat ? kernels::QuadEpilogue::Kind::kFloat : kernels::QuadEpilogue::Kind::kQuantize;
    e.offsets = offsets.data();
    e.scales = scales.data();
    e.zero_point = zero;
    e.is_signed = y_dtype == DataType::kInt8;
    e.out = y.data;
    e.stride = w.dims[1];
    Multiply(context, a, w, e);
    return {};
  });
}

std::string DeclinesQGemm(const NodeInfo& node) {
  if (node.GetInt("transA") != 0 || node.GetFloat("alpha", 1) != 1) return "transA or alpha";
  return DeclinesKnown(node, kQGemm, node.GetInt("transB") != 0);
}
StatusOr<std::unique_ptr<Kernel>> CreateQGemm(const NodeInfo& node) { return CreateKnown(node, kQGemm, node.GetInt("transB") != 0); }
std::string DeclinesQLinearMatMul(const NodeInfo& node) { return DeclinesKnown(node, kQLinearMatMul, false); }
StatusOr<std::unique_ptr<Kernel>> CreateQLinearMatMul(const NodeInfo& node) { return CreateKnown(node, kQLinearMatMul, false); }

// ---- A's parameters come with the data: MatMulIntegerToFloat, MatMulInteger.

// Omitted, or known to have one element.
bool IsOneElement(const NodeInfo& node, size_t i) {
  if (!HasInput(node, i)) return true;
  const ir::Type& type = node.input_type(i);
  return type.is_tensor() && type.shape && type.shape->is_static() && type.shape->concrete()->num_elements() == 1;
}

// A's zero point, one for all; 0 when omitted.
StatusOr<uint32_t> ReadZeroPoint(const KernelContext& context, size_t i) {
  if (!context.has_input(i)) return 0u;
  const TensorView& zero = context.input(i);
  if (zero.dtype != DataType::kUint8 || zero.num_elements() != 1) return Invalid("the zero point of A must be one uint8");
  return *zero.ptr<uint8_t>();
}

// What A's zero point adds to each column's sums.
void WriteOffsets(const Weights& w, uint32_t zero, int32_t* offsets) {
  for (size_t c = 0; c < w.packed.column_sums.size(); ++c)
    offsets[c] = static_cast<int32_t>(0 - zero * static_cast<uint32_t>(w.packed.column_sums[c]));
}

std::string DeclinesToFloat(const NodeInfo& node) {
  if (!IsOneElement(node, kToFloat.a_scale) || !IsOneElement(node, kToFloat.a_zero)) return "scale and zero point of A are not known to be one";
  if (std::string reason = DeclinesWeights(node, kToFloat, false); !reason.empty()) return reason;
  const Tensor* bias = ConstantInput(node, kToFloat.bias);
  if (HasInput(node, kToFloat.bias) && (!bias || bias->dtype() != DataType::kFloat || bias->num_elements() != ConstantInput(node, kToFloat.b)->dims()[1]))
    return "the bias is not known";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateToFloat(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Weights w, Pack(node, kToFloat, false));
  const int64_t n = w.dims[1];
  std::vector<float> b_scales = ChannelScales(node, kToFloat.b_scale, n, 1);
  std::vector<float> biases;
  if (const Tensor* bias = ConstantInput(node, kToFloat.bias)) {
    biases.assign(bias->data<float>().begin(), bias->data<float>().end());
    biases.resize(b_scales.size());
  }
  return MakeKernel([w = std::move(w), b_scales = std::move(b_scales), biases = std::move(biases)](KernelContext& context) -> Status {
    const TensorView& a = context.input(kToFloat.a);
    const TensorView& a_scale = context.input(kToFloat.a_scale);
    if (a_scale.dtype != DataType::kFloat || a_scale.num_elements() != 1) return Invalid("the scale of A must be one float");
    ASSIGN_OR_RETURN(const uint32_t zero, ReadZeroPoint(context, kToFloat.a_zero));
    ASSIGN_OR_RETURN(const Dims dims, ProductDims(a, w));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
    const size_t padded = w.packed.column_sums.size();
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(padded * (sizeof(int32_t) + sizeof(float))));
    auto* const offsets = static_cast<int32_t*>(memory);
    auto* const scales = reinterpret_cast<float*>(offsets + padded);
    WriteOffsets(w, zero, offsets);
    const float scale = *a_scale.ptr<float>();
    for (size_t c = 0; c < padded; ++c) scales[c] = b_scales[c] * scale;
    kernels::QuadEpilogue e;
    e.kind = kernels::QuadEpilogue::Kind::kFloat;
    e.offsets = offsets;
    e.scales = scales;
    e.biases = biases.empty() ? nullptr : biases.data();
    e.out = y.data;
    e.stride = w.dims[1];
    Multiply(context, a, w, e);
    return {};
  });
}

std::string DeclinesInteger(const NodeInfo& node) {
  if (!IsOneElement(node, kInteger.a_zero)) return "the zero point of A is not known to be one";
  return DeclinesWeights(node, kInteger, false);
}

StatusOr<std::unique_ptr<Kernel>> CreateInteger(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Weights w, Pack(node, kInteger, false));
  return MakeKernel([w = std::move(w)](KernelContext& context) -> Status {
    const TensorView& a = context.input(kInteger.a);
    ASSIGN_OR_RETURN(const uint32_t zero, ReadZeroPoint(context, kInteger.a_zero));
    ASSIGN_OR_RETURN(const Dims dims, ProductDims(a, w));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, dims));
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(w.packed.column_sums.size() * sizeof(int32_t)));
    WriteOffsets(w, zero, static_cast<int32_t*>(memory));
    kernels::QuadEpilogue e;
    e.kind = kernels::QuadEpilogue::Kind::kSums;
    e.offsets = static_cast<const int32_t*>(memory);
    e.out = y.data;
    e.stride = w.dims[1];
    Multiply(context, a, w, e);
    return {};
  });
}

constexpr KernelEntry kRows[] = {
    {"", "MatMulInteger", "uint8 quads", DeclinesInteger, CreateInteger},
    {"", "QLinearMatMul", "uint8 quads", DeclinesQLinearMatMul, CreateQLinearMatMul},
    {"com.microsoft", "QGemm", "uint8 quads", DeclinesQGemm, CreateQGemm},
    {"com.microsoft", "MatMulIntegerToFloat", "uint8 quads", DeclinesToFloat, CreateToFloat},
};

}  // namespace

std::span<const KernelEntry> ByteProductKernels() { return kRows; }

}  // namespace sardonyx::cpu
