// Complex numbers, as pairs on a last axis, and Fourier transforms.
#include <algorithm>
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

V RealPart(ops::GraphBuilder& b, const TensorValue& x) { return b.Gather(x.value, b.Int(0), static_cast<int64_t>(b.rank(x.value)) - 1); }
V ImaginaryPart(ops::GraphBuilder& b, const TensorValue& x) {
  return b.Gather(x.value, b.Int(1), static_cast<int64_t>(b.rank(x.value)) - 1);
}
TensorValue MakeComplex(ops::GraphBuilder& b, V real, V imaginary) {
  return {b.Concat({b.Unsqueeze(real, {-1}), b.Unsqueeze(imaginary, {-1})}, -1), true, {}, {}};
}
TensorValue ComplexMul(Call& c, const TensorValue& x, const TensorValue& y) {
  ops::GraphBuilder& b = c.b;
  V a = RealPart(b, x), d = ImaginaryPart(b, x), e = RealPart(b, y), f = ImaginaryPart(b, y);
  return MakeComplex(b, b.Sub(b.Mul(a, e), b.Mul(d, f)), b.Add(b.Mul(a, f), b.Mul(d, e)));
}

V Conjugate(ops::GraphBuilder& b, V pairs) {
  return b.Mul(pairs, b.Cast(b.Constant(Tensor::From<float>({2}, {1.0f, -1.0f})), b.dtype(pairs)));
}

V Transform(Call& c, V x, int64_t axis, bool inverse, bool onesided) {
  ops::GraphBuilder& b = c.b;
  std::vector<ops::Attr> attributes = {{"inverse", inverse ? 1 : 0}, {"onesided", onesided ? 1 : 0}};
  if (b.opset() >= 20) return b.Op("DFT", {x, nullptr, b.Int(axis)}, std::move(attributes));
  attributes.push_back({"axis", axis});
  return b.Op("DFT", {x}, std::move(attributes));
}

namespace {

Outputs Complex(Call& c) {
  const std::vector<V> v = c.Promoted({"real", "imag"}, true);
  V sum = c.b.Add(v[0], v[1]);
  V shape = c.b.ShapeOf(sum);
  return MakeComplex(c.b, c.b.Expand(v[0], shape), c.b.Expand(v[1], shape));
}
Outputs Polar(Call& c) {
  V size = c.tensor("abs"), angle = c.tensor("angle");
  return MakeComplex(c.b, c.b.Mul(size, c.b.Op("Cos", {angle})), c.b.Mul(size, c.b.Op("Sin", {angle})));
}
Outputs Part(Call& c) {
  if (!c.is_complex("self")) return c.param() == "real" ? c.tensor("self") : c.Unsupported("the imaginary part of a real number");
  const TensorValue x = c.complex_tensor("self");
  return c.param() == "real" ? RealPart(c.b, x) : ImaginaryPart(c.b, x);
}
Outputs AsReal(Call& c) { return c.complex_tensor("self").value; }
Outputs AsComplex(Call& c) { return TensorValue{c.tensor("self"), true, {}, {}}; }
Outputs ConjugateOf(Call& c) {
  const std::string_view name = c.is_none("self") ? "a" : "self";
  if (!c.is_complex(name)) return c.tensor(name);
  return TensorValue{Conjugate(c.b, c.complex_tensor(name).value), true, {}, {}};
}
Outputs Angle(Call& c) {
  if (c.is_complex("self")) {
    const TensorValue x = c.complex_tensor("self");
    return ArcTangent2(c.b, ImaginaryPart(c.b, x), RealPart(c.b, x));
  }
  V x = c.float_tensor("self");
  V angle = c.b.Where(c.b.Op("Less", {x, c.b.NumberLike(0, x)}), c.b.NumberLike(M_PI, x), c.b.NumberLike(0, x));
  return c.b.Where(IsNan(c.b, x), x, angle);
}

// How a transform is scaled: 0 as it is, 1 by 1/sqrt(n), 2 by 1/n.
V Scaled(Call& c, V y, V count, int64_t normalization, bool divided) {
  ops::GraphBuilder& b = c.b;
  V n = b.Cast(count, b.dtype(y));
  if (divided) {
    if (normalization == 2) return y;
    return b.Mul(y, normalization == 1 ? b.Op("Sqrt", {n}) : n);
  }
  if (normalization == 0) return y;
  return b.Div(y, normalization == 1 ? b.Op("Sqrt", {n}) : n);
}

V RealToComplex(Call& c, V x, const std::vector<int64_t>& axes, int64_t normalization, bool onesided) {
  V y = c.b.Unsqueeze(x, {-1});
  V count = CountOf(c.b, x, axes);
  // The last axis holds half of the result; the others then transform complex numbers.
  for (size_t i = axes.size(); i-- > 0;) y = Transform(c, y, axes[i], false, onesided && i + 1 == axes.size());
  return Scaled(c, y, count, normalization, false);
}
V ComplexToComplex(Call& c, V x, const std::vector<int64_t>& axes, int64_t normalization, bool forward) {
  V count = CountOf(c.b, x, axes), y = x;
  for (const int64_t axis : axes) y = Transform(c, y, axis, !forward, false);
  return Scaled(c, y, count, normalization, !forward);
}
// Half a spectrum of length n back to n real numbers.
V ComplexToReal(Call& c, V x, const std::vector<int64_t>& axes, int64_t normalization, V n) {
  ops::GraphBuilder& b = c.b;
  const int64_t last = axes.back();
  V y = x;
  for (size_t i = 0; i + 1 < axes.size(); ++i) y = Transform(c, y, axes[i], true, false);
  // Elements above n / 2 are the conjugates of those below, backwards.
  V half = b.Add(b.Div(n, b.Int(2)), b.Int(1));
  y = b.Slice(y, last, b.Int(0), half);
  V upper = b.Slice(y, last, b.Int(1), b.Sub(n, b.Sub(half, b.Int(1))));
  upper = b.Slice(upper, last, -1, std::numeric_limits<int64_t>::min() + 1, -1);
  upper = Conjugate(b, upper);
  V whole = Transform(c, b.Concat({y, upper}, last), last, true, false);
  V real = b.Gather(whole, b.Int(0), static_cast<int64_t>(b.rank(whole)) - 1);
  std::vector<int64_t> others(axes.begin(), axes.end() - 1);
  V count = others.empty() ? n : b.Mul(n, CountOf(b, x, others));
  return Scaled(c, real, count, normalization, true);
}

Outputs R2c(Call& c) {
  V x = c.tensor("self");
  return TensorValue{RealToComplex(c, x, c.Axes("dim", c.rank("self")), c.Int("normalization", 0), c.Bool("onesided")), true, {}, {}};
}
Outputs C2c(Call& c) {
  const TensorValue x = c.complex_tensor("self");
  const auto rank = static_cast<int64_t>(c.b.rank(x.value)) - 1;
  return TensorValue{ComplexToComplex(c, x.value, c.Axes("dim", rank), c.Int("normalization", 0), c.Bool("forward")), true, {}, {}};
}
Outputs C2r(Call& c) {
  const TensorValue x = c.complex_tensor("self");
  const auto rank = static_cast<int64_t>(c.b.rank(x.value)) - 1;
  return ComplexToReal(c, x.value, c.Axes("dim", rank), c.Int("normalization", 0), c.Number("last_dim_size"));
}

// torch.fft.*: param is KIND and how many axes by default (0: all), as "rfft1".
Outputs Fft(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::string_view name = c.param();
  // hfft: of a spectrum's half, as irfft of its conjugate that is not divided; ihfft: the conjugate of rfft, divided.
  const bool hermitian = name.find("hfft") != std::string_view::npos;
  const bool real_in = name.starts_with("rfft") || name.starts_with("ihfft"),
             real_out = name.starts_with("irfft") || name.starts_with("hfft");
  const bool inverse = name.starts_with("i");
  const bool is_complex = c.is_complex("self");
  V x = is_complex ? c.complex_tensor("self").value : c.float_tensor("self");
  if (!real_in && !is_complex) x = c.complex_tensor("self").value;
  const auto rank = static_cast<int64_t>(b.rank(x)) - (real_in ? 0 : 1);
  std::vector<int64_t> axes;
  const bool one = name.back() == '1';
  const int64_t sizes = c.arg("s").is_list() ? static_cast<int64_t>(c.arg("s").list().size()) : 0;
  if (!c.is_none("dim")) {
    axes = c.Axes("dim", rank);
  } else {
    // As many of the last axes as there are sizes; without those, all.
    const int64_t count = one ? 1 : name.back() == '2' ? 2 : c.arg("s").is_list() ? sizes : rank;
    for (int64_t i = std::min(count, rank); i > 0; --i) axes.push_back(rank - i);
  }
  if (axes.empty()) return is_complex || real_in ? Outputs(c.arg("self")) : Outputs(TensorValue{x, true, {}, {}});
  // Lengths: cut or filled up with zeros. -1 leaves the axis as it is.
  std::vector<V> lengths(axes.size(), nullptr);
  if (!c.is_none("n")) lengths[0] = c.Number("n");
  for (size_t i = 0; i < axes.size() && i < static_cast<size_t>(sizes); ++i)
    if (const IValue& size = c.arg("s").list()[i]; !(size.is_int() && size.integer() == -1)) lengths[i] = c.ToNumber(size);
  V last = nullptr;
  for (size_t i = 0; i < axes.size(); ++i) {
    V length = lengths[i];
    if (real_out && i + 1 == axes.size()) {
      last = length ? length : b.Mul(b.Int(2), b.Sub(b.SizeOf(x, axes[i]), b.Int(1)));
      if (!length) continue;
      length = b.Add(b.Div(length, b.Int(2)), b.Int(1));
    }
    if (!length) continue;
    V size = b.SizeOf(x, axes[i]);
    V lack = b.Op("Max", {b.Sub(length, size), b.Int(0)});
    x = b.Op("Pad", {x, b.Concat({b.Ints({0}), b.Unsqueeze(lack, {0})}, 0), nullptr, b.Ints({axes[i]})});
    x = b.Slice(x, axes[i], b.Int(0), length);
  }
  const std::string norm = c.String("norm", "backward");
  const int64_t normalization = norm == "ortho" ? 1 : (norm == "forward") != inverse ? 2 : 0;
  // Transform divides on the way back as these do on the way there: 0 and 2 change places.
  if (hermitian && real_out) return ComplexToReal(c, Conjugate(b, x), axes, normalization, last);
  if (hermitian) return TensorValue{Conjugate(b, RealToComplex(c, x, axes, normalization, true)), true, {}, {}};
  if (real_in) return TensorValue{RealToComplex(c, x, axes, normalization, true), true, {}, {}};
  if (real_out) return ComplexToReal(c, x, axes, normalization, last);
  return TensorValue{ComplexToComplex(c, x, axes, normalization, !inverse), true, {}, {}};
}

Outputs Shift(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  IValue::List shifts, dims;
  for (const int64_t axis : c.Axes("dim", rank)) {
    V size = c.b.SizeOf(x, axis);
    if (c.param() == "inverse") size = c.b.Add(size, c.b.Int(1));
    shifts.emplace_back(NumberValue{c.b.Div(size, c.b.Int(2)), Kind::kInt});
    dims.emplace_back(axis);
  }
  return Outputs(c.translator.Apply("aten.roll.default", {c.arg("self"), IValue::MakeList(shifts), IValue::MakeList(dims)})[0]);
}

constexpr RuleRow kRows[] = {
    {"aten.complex", Complex},
    {"aten.polar", Polar},
    {"aten.real", Part, "real"},
    {"aten.imag", Part, "imag"},
    {"aten.view_as_real", AsReal},
    {"aten.view_as_real_copy", AsReal},
    {"aten.view_as_complex", AsComplex},
    {"aten.view_as_complex_copy", AsComplex},
    {"aten._conj", ConjugateOf},
    {"aten._conj_physical", ConjugateOf},
    {"aten.conj", ConjugateOf},
    {"aten.conj_physical", ConjugateOf},
    {"aten.angle", Angle},
    {"aten._fft_r2c", R2c},
    {"aten._fft_c2c", C2c},
    {"aten._fft_c2r", C2r},
    {"prims.fft_r2c", R2c},
    {"prims.fft_c2c", C2c},
    {"prims.fft_c2r", C2r},
    {"prims.conj", ConjugateOf},
    {"prims.conj_physical", ConjugateOf},
    {"aten._conj_copy", ConjugateOf},
    {"aten.fft_fft", Fft, "fft1"},
    {"aten.fft_ifft", Fft, "ifft1"},
    {"aten.fft_rfft", Fft, "rfft1"},
    {"aten.fft_irfft", Fft, "irfft1"},
    {"aten.fft_fft2", Fft, "fft2"},
    {"aten.fft_ifft2", Fft, "ifft2"},
    {"aten.fft_rfft2", Fft, "rfft2"},
    {"aten.fft_irfft2", Fft, "irfft2"},
    {"aten.fft_fftn", Fft, "fftn"},
    {"aten.fft_ifftn", Fft, "ifftn"},
    {"aten.fft_rfftn", Fft, "rfftn"},
    {"aten.fft_irfftn", Fft, "irfftn"},
    {"aten.fft_hfft", Fft, "hfft1"},
    {"aten.fft_ihfft", Fft, "ihfft1"},
    {"aten.fft_hfft2", Fft, "hfft2"},
    {"aten.fft_ihfft2", Fft, "ihfft2"},
    {"aten.fft_hfftn", Fft, "hfftn"},
    {"aten.fft_ihfftn", Fft, "ihfftn"},
    {"aten.fft_fftshift", Shift, ""},
    {"aten.fft_ifftshift", Shift, "inverse"},
};

}  // namespace

std::span<const RuleRow> Fourier() { return kRows; }

}  // namespace sardonyx::pytorch::rules
