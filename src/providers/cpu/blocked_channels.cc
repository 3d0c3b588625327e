// BatchNormalization, Concat and Split of channels, and Transpose to and from channels that come last, in blocks of 16.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/pool/pool_blocked.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/blocked.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;
using kernels::ChannelBlocks;
using kernels::kChannelBlock;

// ---- BatchNormalization

std::string DeclinesBatchNormalization(const NodeInfo& node) {
  if (!IsBlocked(node, 0)) return "the input is not blocked";
  const std::optional<BlockedType> x = KnownChannels(node, 0);
  if (!x) return "not known to be float with channels";
  if (node.opset_version() < 9) return "opset below 9";
  if (node.GetInt("training_mode") != 0) return "training";
  for (size_t i = 1; i < 5; ++i) {
    const Tensor* constant = node.has_input(i) ? node.constant(i) : nullptr;
    if (!constant || constant->dtype() != DataType::kFloat || constant->num_elements() != x->channels) return "parameters are not constant";
  }
  for (size_t i = 1; i < node.num_outputs(); ++i)
    if (node.has_output(i)) return "gives statistics";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateBatchNormalization(const NodeInfo& node) {
  const int64_t channels = KnownChannels(node, 0)->channels, padded = ChannelBlocks(channels) * kChannelBlock;
  AlignedBuffer<float> factors(2 * padded);  // scales, then biases
  if (!factors) return Resource("no memory for factors");
  std::fill_n(factors.data(), 2 * padded, 0.0f);
  const auto parameter = [&](size_t i, int64_t c) { return static_cast<double>(node.constant(i)->data<float>()[static_cast<size_t>(c)]); };
  const double epsilon = node.GetFloat("epsilon", 1e-5f);
  for (int64_t c = 0; c < channels; ++c) {
    const double scale = parameter(1, c) / std::sqrt(parameter(4, c) + epsilon);
    factors.data()[c] = static_cast<float>(scale);
    factors.data()[padded + c] = static_cast<float>(parameter(2, c) - parameter(3, c) * scale);
  }
  for (size_t i = 1; i < 5; ++i) node.ReleaseConstant(i);
  return MakeKernel(
      [factors = std::move(factors), channels, padded](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        if (x.dtype != DataType::kFloat || x.rank() < 2 || x.dims[1] != channels)
          return Invalid(fmt::format("X {} must be float with {} channels", x.TypeString(), channels));
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, x.dims));
        kernels::BlockedScale({.planes = x.dims[0] * ChannelBlocks(channels),
                               .size = x.dims.Product(2, x.rank()),
                               .x = x.ptr<float>(),
                               .scale = factors.data(),
                               .scale_planes = ChannelBlocks(channels),
                               .bias = factors.data() + padded,
                               .y = y.mutable_ptr<float>()},
                              context.thread_pool());
        return Status();
      },
      {.in_place = {{0, 0}}, .input_layouts = {Layout::kNchw16c}, .output_layout = Layout::kNchw16c});
}

// ---- Concat and Split

// Whether there is one image, so that parts lie one after the other in memory.
bool IsOneImage(const NodeInfo& node) { return (*node.input_type(0).shape)[0].is_constant(1); }

struct Part {
  const float* from;
  float* to;
  int64_t count;                 // floats of each image
  int64_t from_image, to_image;  // floats from image to image
};

// Copies what is not in place already. Where the plan placed a part among the others but sizes turned out otherwise, copies could
// overwrite what is still to be read, and go by way of the workspace.
Status CopyParts(KernelContext& context, std::span<const Part> parts, int64_t images, int64_t piece) {
  const auto meet = [&](const Part& a, const Part& b) {
    return a.to < b.from + (images - 1) * b.from_image + b.count && b.from < a.to + (images - 1) * a.to_image + a.count;
  };
  bool collide = false;
  int64_t total = 0;
  for (const Part& a : parts) {
    total += images * a.count;
    for (const Part& b : parts) collide = collide || (a.to != a.from && meet(a, b));
  }
  ASSIGN_OR_RETURN(void* memory, context.Workspace(collide ? static_cast<size_t>(total) * sizeof(float) : 0));
  const auto copy = [&](const float* from, int64_t from_image, float* to, int64_t to_image, int64_t count) {
    if (from == to || count == 0) return;
    const int64_t pieces = count / piece;
    context.ParallelFor(images * pieces, static_cast<double>(piece) / 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::memcpy(to + i / pieces * to_image + i % pieces * piece, from + i / pieces * from_image + i % pieces * piece,
                    static_cast<size_t>(piece) * sizeof(float));
    });
  };
  float* staged = static_cast<float*>(memory);
  for (const Part& part : parts) {
    if (!collide) copy(part.from, part.from_image, part.to, part.to_image, part.count);
    if (collide) copy(part.from, part.from_image, staged, part.count, part.count), staged += images * part.count;
  }
  staged = static_cast<float*>(memory);
  for (const Part& part : parts)
    if (collide) copy(staged, part.count, part.to, part.to_image, part.count), staged += images * part.count;
  return Status();
}

bool IsChannelAxis(int64_t axis, size_t rank) { return axis == 1 || axis == 1 - static_cast<int64_t>(rank); }

std::string DeclinesConcat(const NodeInfo& node) {
  size_t blocked = 0, rank = 0;
  for (size_t i = 0; i < node.num_inputs(); ++i) {
    const std::optional<BlockedType> type = KnownChannels(node, i);
    if (!type || (i > 0 && type->rank != rank)) return "not known to be float with channels";
    rank = type->rank;
    if (i + 1 < node.num_inputs() && type->channels % kChannelBlock != 0) return fmt::format("{} channels", type->channels);
    blocked += IsBlocked(node, i);
  }
  if (2 * blocked < node.num_inputs() || blocked == 0) return "most inputs are not blocked";
  return IsChannelAxis(node.GetInt("axis", 1), rank) ? "" : "not along channels";
}

StatusOr<std::unique_ptr<Kernel>> CreateConcat(const NodeInfo& node) {
  KernelTraits traits{.output_layout = Layout::kNchw16c, .joins_inputs = IsOneImage(node)};
  traits.input_layouts.assign(node.num_inputs(), Layout::kNchw16c);
  return MakeKernel(
      [](KernelContext& context) -> Status {
        const size_t count = context.num_inputs();
        Dims dims = context.input(0).dims;
        for (size_t i = 0; i < count; ++i) {
          const TensorView& x = context.input(i);
          Dims with_channels = dims;
          if (x.rank() >= 2 && dims.rank() == x.rank()) with_channels[1] = x.dims[1];
          if (x.dtype != DataType::kFloat || !(with_channels == x.dims) || (i + 1 < count && x.dims[1] % kChannelBlock != 0))
            return Invalid(fmt::format("inputs {} and {} cannot be joined along channels", context.input(0).TypeString(), x.TypeString()));
        }
        dims[1] = 0;
        for (size_t i = 0; i < count; ++i) dims[1] += context.input(i).dims[1];
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
        const int64_t plane = dims.Product(2, dims.rank()) * kChannelBlock, image = ChannelBlocks(dims[1]) * plane;
        std::vector<Part> parts;
        float* to = y.mutable_ptr<float>();
        for (size_t i = 0; i < count; ++i) {
          const int64_t floats = ChannelBlocks(context.input(i).dims[1]) * plane;
          parts.push_back({context.input(i).ptr<float>(), to, floats, floats, image});
          to += floats;
        }
        return CopyParts(context, parts, dims[0], plane);
      },
      std::move(traits));
}

// The channels of each part, or the reason why they are not whole blocks.
std::string PlanSplit(const NodeInfo& node, std::vector<int64_t>* parts) {
  if (!IsBlocked(node, 0)) return "the input is not blocked";
  const std::optional<BlockedType> x = KnownChannels(node, 0);
  if (!x) return "not known to be float with channels";
  if (!IsChannelAxis(node.GetInt("axis", 0), x->rank)) return "not along channels";
  *parts = node.GetInts("split");
  if (node.has_input(1)) {
    const Tensor* constant = node.constant(1);
    if (!constant || constant->dtype() != DataType::kInt64) return "sizes are not constant";
    parts->assign(constant->data<int64_t>().begin(), constant->data<int64_t>().end());
  } else if (parts->empty()) {
    const auto outputs = static_cast<int64_t>(node.num_outputs());
    if (x->channels % outputs != 0) return "unequal parts";
    parts->assign(node.num_outputs(), x->channels / outputs);
  }
  int64_t total = 0;
  for (size_t i = 0; i < parts->size(); ++i) {
    if ((*parts)[i] < 1 || (i + 1 < parts->size() && (*parts)[i] % kChannelBlock != 0)) return fmt::format("{} channels", (*parts)[i]);
    total += (*parts)[i];
  }
  return parts->size() == node.num_outputs() && total == x->channels ? "" : "parts do not fit";
}

std::string DeclinesSplit(const NodeInfo& node) {
  std::vector<int64_t> parts;
  return PlanSplit(node, &parts);
}

StatusOr<std::unique_ptr<Kernel>> CreateSplit(const NodeInfo& node) {
  std::vector<int64_t> parts;
  const std::string reason = PlanSplit(node, &parts);
  if (!reason.empty()) return Unsupported(reason);
  return MakeKernel(
      [parts = std::move(parts), channels = KnownChannels(node, 0)->channels](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        if (x.dtype != DataType::kFloat || x.rank() < 2 || x.dims[1] != channels)
          return Invalid(fmt::format("the input {} must be float with {} channels", x.TypeString(), channels));
        const int64_t plane = x.dims.Product(2, x.rank()) * kChannelBlock, image = ChannelBlocks(channels) * plane;
        std::vector<Part> copies;
        const float* from = x.ptr<float>();
        for (size_t i = 0; i < parts.size(); ++i) {
          const int64_t floats = ChannelBlocks(parts[i]) * plane;
          if (context.has_output(i)) {
            Dims dims = x.dims;
            dims[1] = parts[i];
            ASSIGN_OR_RETURN(TensorView y, context.Output(i, DataType::kFloat, dims));
            copies.push_back({from, y.mutable_ptr<float>(), floats, image, floats});
          }
          from += floats;
        }
        return CopyParts(context, copies, x.dims[0], plane);
      },
      {.input_layouts = {Layout::kNchw16c}, .output_layout = Layout::kNchw16c, .splits_input = IsOneImage(node)});
}

// ---- Transpose between [N, C, spatial...] and [N, spatial..., C]: blocks move as they are.

enum class ChannelMove { kNone, kToLast, kFromLast };

ChannelMove FindMove(const std::vector<int64_t>& perm) {
  const auto rank = static_cast<int64_t>(perm.size());
  if (rank < 3 || perm[0] != 0) return ChannelMove::kNone;
  bool to_last = perm[rank - 1] == 1, from_last = perm[1] == rank - 1;
  for (int64_t i = 1; i + 1 < rank; ++i) {
    to_last = to_last && perm[i] == i + 1;
    from_last = from_last && perm[i + 1] == i;
  }
  return to_last ? ChannelMove::kToLast : from_last ? ChannelMove::kFromLast : ChannelMove::kNone;
}

// Whether a convolution reads the value, perhaps after some operators that keep the layout.
bool LeadsToConvolution(const ir::Value& value, int steps) {
  for (const ir::Use& use : value.uses()) {
    const std::string& op = use.node->op_type;
    if ((op == "Conv" || op == "FusedConv" || op == "ConvTranspose") && use.index != 1) return true;
    const bool keeps = op == "Add" || op == "Mul" || op == "Relu" || op == "Gelu" || op == "Sigmoid";
    if (keeps && steps > 0 && use.node->output(0) && LeadsToConvolution(*use.node->output(0), steps - 1)) return true;
  }
  return false;
}

std::string DeclinesTranspose(const NodeInfo& node) {
  const std::optional<BlockedType> x = KnownChannels(node, 0);
  const std::vector<int64_t> perm = node.GetInts("perm");
  if (!x || perm.size() != x->rank) return "not known to be float of the rank of perm";
  switch (FindMove(perm)) {
    case ChannelMove::kToLast:
      return IsBlocked(node, 0) ? "" : "the input is not blocked";
    case ChannelMove::kFromLast:
      if (IsBlocked(node, 0)) return "the input is blocked";
      return node.has_output(0) && LeadsToConvolution(*node.node().output(0), 2) ? "" : "no convolution follows";
    default:
      return "channels do not move to or from the last place";
  }
}

Status RunTranspose(KernelContext& context, const std::vector<int64_t>& perm, bool to_last) {
  const TensorView& x = context.input(0);
  if (x.dtype != DataType::kFloat || x.rank() != perm.size())
    return Invalid(fmt::format("the input {} must be float of rank {}", x.TypeString(), perm.size()));
  Dims dims;
  for (int64_t axis : perm) dims.push_back(x.dims[static_cast<size_t>(axis)]);
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
  const Dims& blocked = to_last ? x.dims : dims;
  const int64_t channels = blocked[1], blocks = ChannelBlocks(channels), size = blocked.Product(2, blocked.rank());
  const float* from = x.ptr<float>();
  float* to = y.mutable_ptr<float>();
  context.ParallelFor(blocked[0] * size, 0.2 * static_cast<double>(channels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / size, position = i % size;
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t in_blocks = ((image * blocks + b) * size + position) * kChannelBlock, last = i * channels + b * kChannelBlock;
        const int64_t count = std::min(kChannelBlock, channels - b * kChannelBlock);
        if (count == kChannelBlock)  // a size known here needs no call
          std::memcpy(to + (to_last ? last : in_blocks), from + (to_last ? in_blocks : last), kChannelBlock * sizeof(float));
        else
          std::copy_n(from + (to_last ? in_blocks : last), count, to + (to_last ? last : in_blocks));
      }
    }
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateTranspose(const NodeInfo& node) {
  const std::vector<int64_t> perm = node.GetInts("perm");
  const bool to_last = FindMove(perm) == ChannelMove::kToLast;
  KernelTraits traits{.input_layouts = {to_last ? Layout::kNchw16c : Layout::kPlain}};
  traits.output_layout = to_last ? Layout::kPlain : Layout::kNchw16c;
  return MakeKernel([perm, to_last](KernelContext& context) { return RunTranspose(context, perm, to_last); }, std::move(traits));
}

constexpr KernelEntry kRows[] = {
    {"", "Transpose", "nchw16c", DeclinesTranspose, CreateTranspose},
    {"", "BatchNormalization", "nchw16c", DeclinesBatchNormalization, CreateBatchNormalization},
    {"", "Concat", "nchw16c", DeclinesConcat, CreateConcat},
    {"", "Split", "nchw16c", DeclinesSplit, CreateSplit},
};

}  // namespace

std::span<const KernelEntry> BlockedChannelKernels() { return kRows; }

}  // namespace sardonyx::cpu
