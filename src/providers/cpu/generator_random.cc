// RandomNormal, RandomUniform, their Like forms, Bernoulli, Multinomial. With a seed the results are numpy's; without one
// they differ from run to run. The numbers are one stream, so these run on one thread.
#include <cmath>

#include "kernels/elementwise/convert_element.h"
#include "kernels/generate/numpy_random.h"
#include "providers/cpu/generator.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

using kernels::kChunk;
using kernels::NumpyRandom;

struct Seed {
  std::optional<uint32_t> value;
  explicit Seed(const NodeInfo& node) {
    const float seed = node.GetFloat("seed");
    if (node.HasAttribute("seed") && !std::isnan(seed)) value = static_cast<uint32_t>(kernels::ConvertElement<int64_t>(seed));
  }
  NumpyRandom Start() const { return NumpyRandom(value ? *value : kernels::FreshSeed()); }
};

// y = draw * scale + shift, rounded as arithmetic in the output's type would round it.
struct Distribution {
  bool normal;
  double scale, shift;

  void Fill(NumpyRandom& random, TensorView& out) const {
    const int64_t count = out.num_elements();
    float singles[kChunk];
    double doubles[kChunk];
    for (int64_t begin = 0; begin < count; begin += kChunk) {
      const int64_t n = std::min(kChunk, count - begin);
      for (int64_t i = 0; i < n; ++i) {
        const double draw = normal ? random.Normal() : random.Uniform();
        doubles[i] = draw * scale + shift;
        singles[i] = static_cast<float>(draw) * static_cast<float>(scale) + static_cast<float>(shift);
      }
      if (out.dtype == DataType::kDouble)
        kernels::StoreElements(doubles, n, out.dtype, out.data, begin);
      else
        kernels::StoreElements(singles, n, out.dtype, out.data, begin);
    }
  }
};

Distribution ReadDistribution(const NodeInfo& node) {
  if (node.node().op_type.starts_with("RandomNormal")) return {true, node.GetFloat("scale", 1.0f), node.GetFloat("mean", 0.0f)};
  const float low = node.GetFloat("low", 0.0f), high = node.GetFloat("high", 1.0f);
  return {false, static_cast<double>(high) - low, low};
}

Status CheckFloat(std::string_view op, DataType dtype) {
  if (IsFloatingPoint(dtype) && BitsPerElement(dtype) >= 16) return Status();
  return Unsupported(fmt::format("{} is not defined for {}", op, DataTypeName(dtype)));
}

StatusOr<std::unique_ptr<Kernel>> MakeRandom(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType dtype, DtypeAttribute(node, "dtype", DataType::kFloat));
  RETURN_IF_ERROR(CheckFloat(node.node().op_type, dtype));
  return MakeKernel([dtype, dims = Dims(node.GetInts("shape")), seed = Seed(node),
                     distribution = ReadDistribution(node)](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, dims));
    NumpyRandom random = seed.Start();
    distribution.Fill(random, out);
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeRandomLike(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType wanted, DtypeAttribute(node, "dtype", DataType::kUndefined));
  return MakeKernel(
      [wanted, name = node.node().op_type, seed = Seed(node), distribution = ReadDistribution(node)](KernelContext& context) -> Status {
        const TensorView& like = context.input(0);
        const DataType dtype = wanted == DataType::kUndefined ? like.dtype : wanted;
        RETURN_IF_ERROR(CheckFloat(name, dtype));
        ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, like.dims));
        NumpyRandom random = seed.Start();
        distribution.Fill(random, out);
        return Status();
      });
}

StatusOr<std::unique_ptr<Kernel>> MakeBernoulli(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType wanted, DtypeAttribute(node, "dtype", DataType::kUndefined));
  return MakeKernel([wanted, seed = Seed(node)](KernelContext& context) -> Status {
    const TensorView& p = context.input(0);
    RETURN_IF_ERROR(CheckFloat("Bernoulli", p.dtype));
    const DataType dtype = wanted == DataType::kUndefined ? p.dtype : wanted;
    if (dtype == DataType::kString || BitsPerElement(dtype) > 64 || dtype == DataType::kComplex64)
      return Unsupported(fmt::format("Bernoulli is not defined for {}", DataTypeName(dtype)));
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, p.dims));
    NumpyRandom random = seed.Start();
    double chunk[kChunk];
    const int64_t count = p.num_elements();
    for (int64_t begin = 0; begin < count; begin += kChunk) {
      const int64_t n = std::min(kChunk, count - begin);
      kernels::LoadElements(p.dtype, p.data, begin, n, chunk);
      for (int64_t i = 0; i < n; ++i) chunk[i] = random.Bernoulli(chunk[i]);
      kernels::StoreElements(chunk, n, dtype, out.data, begin);
    }
    return Status();
  });
}

// Index of the class into whose part of [0, total) a draw falls.
int64_t Draw(NumpyRandom& random, const double* cumulative, int64_t classes) {
  const double at = random.Uniform() * cumulative[classes - 1];
  return std::min<int64_t>(std::upper_bound(cumulative, cumulative + classes, at) - cumulative, classes - 1);
}

StatusOr<std::unique_ptr<Kernel>> MakeMultinomial(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType dtype, DtypeAttribute(node, "dtype", DataType::kInt32));
  if (dtype != DataType::kInt32 && dtype != DataType::kInt64) return Invalid(fmt::format("Multinomial: dtype is {}", DataTypeName(dtype)));
  const int64_t samples = node.GetInt("sample_size", 1);
  if (samples < 0) return Invalid(fmt::format("Multinomial: sample_size is {}", samples));
  return MakeKernel([dtype, samples, seed = Seed(node)](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.rank() != 2 || !IsFloatingPoint(x.dtype)) return Usage(fmt::format("Multinomial: the input is {}", x.TypeString()));
    const int64_t batch = x.dims[0], classes = x.dims[1];
    if (classes == 0 && batch * samples > 0) return Usage("Multinomial: there is no class to draw");
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, {batch, samples}));
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(classes) * sizeof(double)));
    auto* const cumulative = static_cast<double*>(scratch);
    NumpyRandom random = seed.Start();
    for (int64_t b = 0; b < batch && classes > 0; ++b) {
      kernels::LoadElements(x.dtype, x.data, b * classes, classes, cumulative);
      const double peak = *std::max_element(cumulative, cumulative + classes);
      double sum = 0;
      for (int64_t c = 0; c < classes; ++c) cumulative[c] = sum += std::exp(cumulative[c] - peak);
      for (int64_t s = 0; s < samples; ++s) {
        const int64_t drawn = Draw(random, cumulative, classes);
        kernels::StoreElements(&drawn, 1, dtype, out.data, b * samples + s);
      }
    }
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> RandomKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "RandomNormal", "reference", AcceptsAll, MakeRandom},         {"", "RandomUniform", "reference", AcceptsAll, MakeRandom},
      {"", "RandomNormalLike", "reference", AcceptsAll, MakeRandomLike}, {"", "RandomUniformLike", "reference", AcceptsAll, MakeRandomLike},
      {"", "Bernoulli", "reference", AcceptsAll, MakeBernoulli},         {"", "Multinomial", "reference", AcceptsAll, MakeMultinomial},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
