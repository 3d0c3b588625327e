// Short-time Fourier transforms: windows of a signal, each transformed, and back.
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// A window as long as a transform: the given one, or ones, in the middle of zeros. Null where it would be all ones.
V Windowed(Call& c, V like, int64_t size, int64_t length) {
  ops::GraphBuilder& b = c.b;
  V window = c.tensor_or_null("window");
  if (window == nullptr && length < size) window = Full(b, b.Ints({length}), b.NumberLike(1, like));
  if (window == nullptr) return nullptr;
  window = b.Cast(window, b.dtype(like));
  const int64_t before = (size - length) / 2;
  return length < size ? b.Op("Pad", {window, b.Ints({before, size - length - before})}) : window;
}

// Where the samples of each frame are: [frames, size].
V Places(ops::GraphBuilder& b, V frames, int64_t size, int64_t hop) {
  return b.Add(b.Unsqueeze(b.Mul(Arange(b, frames), b.Int(hop)), {1}), b.Unsqueeze(Arange(b, b.Int(size)), {0}));
}

Outputs Stft(Call& c) {
  ops::GraphBuilder& b = c.b;
  if (c.Bool("align_to_window", false)) return c.Unsupported("stft with align_to_window");
  const bool is_complex = c.is_complex("self");
  V x = is_complex ? c.complex_tensor("self").value : c.float_tensor("self");
  const bool vector = b.rank(x) == (is_complex ? 2u : 1u);
  if (vector) x = b.Unsqueeze(x, {0});
  const int64_t size = c.Int("n_fft"), hop = c.Int("hop_length", size / 4), length = c.Int("win_length", size);
  const bool onesided = c.Bool("onesided", !is_complex);
  if (c.arg("center").is_bool() && c.Bool("center", false)) {
    const std::string mode = c.String("pad_mode", "reflect");
    V pads = is_complex ? b.Ints({0, size / 2, 0, 0, size / 2, 0}) : b.Ints({0, size / 2, 0, size / 2});
    x = mode == "constant" ? b.Op("Pad", {x, pads}) : b.Op("Pad", {x, pads}, {{"mode", mode == "replicate" ? "edge" : mode}});
  }
  V count = b.Add(b.Div(b.Sub(b.SizeOf(x, 1), b.Int(size)), b.Int(hop)), b.Int(1));
  V frames = b.Gather(x, Places(b, count, size, hop), 1);  // [batch, frames, n_fft], complex ones [.., 2]
  if (!is_complex) frames = b.Unsqueeze(frames, {-1});
  if (V window = Windowed(c, x, size, length)) frames = b.Mul(frames, b.Unsqueeze(window, {1}));
  V y = Transform(c, frames, 2, false, onesided);
  if (c.Bool("normalized", false)) y = b.Div(y, b.NumberLike(std::sqrt(static_cast<double>(size)), y));
  y = b.Transpose(y, {0, 2, 1, 3});
  if (vector) y = b.Squeeze(y, {0});
  return TensorValue{y, c.Bool("return_complex", is_complex), {}, {}};
}

// Frames [batch, frames, size] added where they overlap: [batch, samples].
V Overlapped(ops::GraphBuilder& b, V frames, V places, V samples) {
  V updates = b.Transpose(frames, {1, 2, 0});  // [frames, size, batch]
  V zeros = Full(b, b.Stack1D({samples, b.SizeOf(frames, 0)}), b.NumberLike(0, frames));
  return b.Transpose(b.Op("ScatterND", {zeros, b.Unsqueeze(places, {2}), updates}, {{"reduction", "add"}}), {1, 0});
}

Outputs InverseStft(Call& c) {
  // Each frame back to samples, windowed once more, added up, and divided by what the windows add up to.
  ops::GraphBuilder& b = c.b;
  if (c.Bool("return_complex", false)) return c.Unsupported("istft of a complex signal");
  V x = c.complex_tensor("self").value;
  const bool single = b.rank(x) == 3;
  if (single) x = b.Unsqueeze(x, {0});
  x = b.Transpose(x, {0, 2, 1, 3});  // [batch, frames, frequencies, 2]
  const int64_t size = c.Int("n_fft"), hop = c.Int("hop_length", size / 4), length = c.Int("win_length", size);
  const std::optional<int64_t> frequencies = b.static_dim(x, 2);
  const bool onesided = c.Bool("onesided", !frequencies || *frequencies != size);
  V frames = nullptr;
  if (onesided)
    frames = Apply(c, "aten.fft_irfft.default", {IValue(TensorValue{x, true, {}, {}}), IValue(size), IValue(int64_t{2})});
  else
    frames = b.Gather(Transform(c, x, 2, true, false), b.Int(0), 3);
  if (c.Bool("normalized", false)) frames = b.Mul(frames, b.NumberLike(std::sqrt(static_cast<double>(size)), frames));
  V window = Windowed(c, frames, size, length), count = b.SizeOf(frames, 1);
  if (window == nullptr) window = Full(b, b.Ints({size}), b.NumberLike(1, frames));
  frames = b.Mul(frames, window);
  V places = Places(b, count, size, hop);
  V samples = b.Add(b.Mul(b.Sub(count, b.Int(1)), b.Int(hop)), b.Int(size));
  V squares = b.Expand(b.Mul(window, window), b.ShapeOf(places));
  V weights = Overlapped(b, b.Unsqueeze(squares, {0}), places, samples);
  const bool center = c.Bool("center", true);
  V begin = b.Int(center ? size / 2 : 0);
  V end = c.is_none("length") ? (center ? b.Sub(samples, b.Int(size / 2)) : samples) : b.Add(begin, c.Number("length"));
  V y = b.Div(b.Slice(Overlapped(b, frames, places, samples), 1, begin, end), b.Slice(weights, 1, begin, end));
  if (!c.is_none("length")) {
    // Zeros where the frames end before.
    V lack = b.Op("Max", {b.Sub(c.Number("length"), b.SizeOf(y, 1)), b.Int(0)});
    y = b.Op("Pad", {y, b.Concat({b.Ints({0}), b.Unsqueeze(lack, {0})}, 0), nullptr, b.Ints({1})});
  }
  return single ? b.Squeeze(y, {0}) : y;
}

constexpr RuleRow kRows[] = {
    {"aten.stft", Stft},
    {"aten.istft", InverseStft},
};

}  // namespace

std::span<const RuleRow> ShortTimeTransforms() { return kRows; }

}  // namespace sardonyx::pytorch::rules
