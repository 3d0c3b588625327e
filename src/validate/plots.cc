#include "validate/plots.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "formats/markup.h"
#include "validate/html.h"

namespace sardonyx::validate {
namespace {

using formats::Escaped;

constexpr double kWidth = 360, kHeight = 210, kLeft = 46, kRight = 10, kTop = 10, kBottom = 30;

std::string Open(double width, std::string_view label) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", width, kHeight, Escaped(label));
}

std::string Text(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor, Escaped(text));
}

std::string Line(double x1, double y1, double x2, double y2, std::string_view type) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", type, x1, y1, x2, y2);
}

std::string Power(int exponent) { return fmt::format("1e{}", exponent); }

}  // namespace

std::string ErrorHistogram(const ErrorProfile& profile) {
  // The bins that are used, and one more on either side; exact elements stand in a bar of their own before them.
  int first = ErrorProfile::kBins, last = -1;
  int64_t most = std::max<int64_t>(profile.exact, 1);
  for (int i = 0; i < ErrorProfile::kBins; ++i) {
    const int64_t count = profile.bins[static_cast<size_t>(i)];
    if (count == 0) continue;
    first = std::min(first, i);
    last = i;
    most = std::max(most, count);
  }
  if (last < 0) first = ErrorProfile::kZero - 12, last = ErrorProfile::kZero - 11;
  first = std::max(0, first - 1) & ~1;
  last = std::min(ErrorProfile::kBins - 1, last + 1);
  const double bars = last - first + 3, step = (kWidth - kLeft - kRight) / bars, floor = kHeight - kBottom;
  // Counts spread over powers of ten: the square root keeps rare ones visible.
  const auto height = [&](int64_t count) {
    return count == 0 ? 0 : std::max(1.5, (floor - kTop) * std::sqrt(static_cast<double>(count) / static_cast<double>(most)));
  };
  std::string svg = Open(kWidth, "histogram of absolute errors");
  const auto bar = [&](double slot, int64_t count, const std::string& what) {
    const double h = height(count);
    svg += fmt::format("<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: {}</title></rect>",
                       kLeft + slot * step + 0.5, floor - h, step - 1, h, what, count);
  };
  bar(0, profile.exact, "exactly equal");
  for (int i = first; i <= last; ++i)
    bar(i - first + 2, profile.bins[static_cast<size_t>(i)],
        fmt::format("error from {:.1e} to {:.1e}", ErrorProfile::LowerEdge(i), ErrorProfile::LowerEdge(i + 1)));
  svg += Line(kLeft, floor, kWidth - kRight, floor, "axis") + Text(kLeft + step / 2, floor + 12, "middle", "0");
  const int every = (last - first) > 16 ? 4 : 2;
  for (int i = first; i <= last + 1; i += 2)
    if ((i - first) % every == 0)
      svg += Text(kLeft + (i - first + 2) * step, floor + 12, "middle", Power((i - ErrorProfile::kZero) / 2));
  svg += Text(kLeft - 5, floor, "end", "0") + Text(kLeft - 5, kTop + 8, "end", fmt::format("{}", most));
  svg += Text((kLeft + kWidth) / 2, kHeight - 4, "middle", "absolute error");
  return svg + "</svg>";
}

std::string Scatter(const ErrorProfile& profile) {
  double low = INFINITY, high = -INFINITY;
  for (const auto& [x, y] : profile.samples) {
    low = std::min({low, x, y});
    high = std::max({high, x, y});
  }
  if (!(low <= high)) low = 0, high = 1;
  if (low == high) low -= 0.5, high += 0.5;
  const double margin = 0.04 * (high - low);
  low -= margin;
  high += margin;
  const double floor = kHeight - kBottom, span = high - low;
  const auto x = [&](double v) { return kLeft + (kWidth - kLeft - kRight) * (v - low) / span; };
  const auto y = [&](double v) { return floor - (floor - kTop) * (v - low) / span; };
  std::string svg = Open(kWidth, "expected and computed values");
  svg += Line(kLeft, floor, kWidth - kRight, floor, "axis") + Line(kLeft, kTop, kLeft, floor, "axis");
  svg += Line(x(low), y(low), x(high), y(high), "diagonal");
  for (const auto& [expected, got] : profile.samples)
    svg += fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.2\"/>", x(expected), y(got));
  for (const double v : {low + margin, high - margin}) {
    svg += Text(x(v), floor + 12, "middle", Number(v));
    svg += Text(kLeft - 4, y(v) + 3, "end", Number(v));
  }
  svg += Text((kLeft + kWidth) / 2, kHeight - 4, "middle", "expected") +
         fmt::format("<text transform=\"rotate(-90 10 {0})\" x=\"10\" y=\"{0}\" text-anchor=\"middle\">computed</text>", (kTop + floor) / 2);
  return svg + "</svg>";
}

std::string LayerErrors(const LayerReport& report, double rtol) {
  constexpr double kWide = 1000, kLeast = 1e-9;
  const double floor = kHeight - kBottom, count = static_cast<double>(std::max<size_t>(1, report.layers.size()));
  double most = 1e-1;
  for (const Layer& layer : report.layers)
    if (std::isfinite(layer.difference.relative)) most = std::max(most, layer.difference.relative);
  const int top = static_cast<int>(std::ceil(std::log10(most))), bottom = -9;
  const auto x = [&](size_t i) { return kLeft + (kWide - kLeft - kRight) * (static_cast<double>(i) + 0.5) / count; };
  const auto y = [&](double v) {
    const double level = (std::log10(std::clamp(v, kLeast, std::pow(10.0, top))) - bottom) / (top - bottom);
    return floor - (floor - kTop) * level;
  };
  std::string svg = Open(kWide, "relative error of each layer");
  for (int e = bottom; e <= top; e += 2)
    svg += Line(kLeft, y(std::pow(10.0, e)), kWide - kRight, y(std::pow(10.0, e)), "axis") +
           Text(kLeft - 5, y(std::pow(10.0, e)) + 3, "end", e == bottom ? "0" : Power(e));
  svg += Line(kLeft, y(rtol), kWide - kRight, y(rtol), "limit");
  std::string points;
  for (size_t i = 0; i < report.layers.size(); ++i) points += fmt::format("{:.1f},{:.1f} ", x(i), y(report.layers[i].difference.relative));
  svg += fmt::format("<polyline class=\"line\" points=\"{}\"/>", points);
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const Layer& layer = report.layers[i];
    svg += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}: {} of the largest value, max abs {}</title></circle>",
                       layer.differs && !layer.explained ? "over" : "dot", x(i), y(layer.difference.relative),
                       static_cast<int64_t>(i) == report.first ? 5 : 2.5, Escaped(layer.node), Number(layer.difference.relative),
                       Number(layer.difference.max_abs));
  }
  svg += Text((kLeft + kWide) / 2, kHeight - 4, "middle", "layers in order; error relative to the layer's largest value");
  return svg + "</svg>";
}

}  // namespace sardonyx::validate
