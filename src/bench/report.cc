#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "formats/markup.h"

namespace sardonyx::bench {
namespace {

using formats::Escaped;
using formats::Json;

std::string Time(double ms) {
  return ms >= 100 ? fmt::format("{:.0f}", ms) : ms >= 1 ? fmt::format("{:.2f}", ms) : fmt::format("{:.4f}", ms);
}

const MachinePeak* PeakAt(const BenchRun& run, int threads) {
  for (const MachinePeak& peak : run.peaks)
    if (peak.threads == threads) return &peak;
  return nullptr;
}

std::string Label(const std::string& model, int64_t batch, int concurrency) {
  return model + (batch > 0 ? fmt::format(" b{}", batch) : "") + (concurrency > 1 ? fmt::format(" x{}", concurrency) : "");
}

std::string MachineText(const BenchRun& run, const Machine& machine) {
  std::string text = fmt::format("{}, {} CPUs usable\n", machine.cpu_model, machine.available_cpus);
  for (const MachinePeak& peak : run.peaks)
    text += fmt::format("{} thread{}: measured peak {:.0f} GFLOP/s (float multiply-adds), reading {:.1f} GB/s\n", peak.threads,
                        peak.threads == 1 ? "" : "s", peak.gflops, peak.read_gb_per_s);
  return text;
}

// By peer and threads: the speed-ups of all entries that count.
std::map<std::pair<std::string, int>, std::vector<double>> SpeedUps(const BenchRun& run) {
  std::map<std::pair<std::string, int>, std::vector<double>> all;
  for (const Ratio& ratio : Ratios(run)) all[{ratio.peer, ratio.threads}].push_back(ratio.speedup);
  return all;
}

}  // namespace

std::string Table(const BenchRun& run, const Machine& machine) {
  std::string text = MachineText(run, machine);
  text += fmt::format("\n{:<34} {:>2} {:<12} {:>10} {:>10} {:>10} {:>9} {:>9} {:>8} {:>6} {:>9} {:>8}\n", "model", "T", "engine", "p50 ms",
                      "p95 ms", "load ms", "first ms", "peak MB", "GFLOP/s", "peak", "runs/s", "speed-up");
  const std::vector<Ratio> ratios = Ratios(run);
  const BenchResult* ours = nullptr;
  for (const BenchResult& result : run.results) {
    const bool first = !ours || !ours->SameCase(result);
    if (first) ours = &result;
    text += fmt::format("{:<34} {:>2} {:<12} ", first ? Label(result.model, result.batch, result.concurrency) : "", first ? std::to_string(result.threads) : "",
                        result.engine);
    if (!result.counts()) {
      // A peer may say a page; all of it is in the JSON document.
      text += result.error.substr(0, std::min<size_t>(result.error.find('\n'), 160)) + "\n";
      continue;
    }
    const MachinePeak* peak = PeakAt(run, result.threads);
    const std::string rate = result.flops > 0 ? fmt::format("{:.1f}", result.gflops()) : "-";
    const std::string share =
        result.flops > 0 && peak && peak->gflops > 0 ? fmt::format("{:.0f} %", 100 * result.gflops() / peak->gflops) : "-";
    const auto ratio = std::find_if(ratios.begin(), ratios.end(), [&](const Ratio& one) {
      return one.model == result.model && one.threads == result.threads && one.concurrency == result.concurrency &&
             one.batch == result.batch && one.peer == result.engine;
    });
    text += fmt::format("{:>10} {:>10} {:>10} {:>9} {:>9.0f} {:>8} {:>6} {:>9.4g} {:>8}\n", Time(result.latency_ms.p50), Time(result.latency_ms.p95),
                        Time(result.load_ms), Time(result.first_run_ms), result.peak_rss_mb, rate, share, result.runs_per_second(),
                        first || ratio == ratios.end() ? "" : fmt::format("{:.2f}", ratio->speedup));
  }
  for (const auto& [key, values] : SpeedUps(run))
    text += fmt::format("\nagainst {} on {} thread{}: geometric mean of {} speed-ups {:.2f}, least {:.2f}", key.first, key.second,
                        key.second == 1 ? "" : "s", values.size(), GeometricMean(values), *std::min_element(values.begin(), values.end()));
  return text;
}

Json ToJson(const BenchRun& run, const Machine& machine) {
  Json peaks = Json::array(), results = Json::array(), ratios = Json::array();
  for (const MachinePeak& peak : run.peaks)
    peaks.push_back({{"threads", peak.threads}, {"gflops", peak.gflops}, {"read_gb_per_s", peak.read_gb_per_s}});
  for (const BenchResult& one : run.results) {
    const Statistics& l = one.latency_ms;
    Json result = {{"model", one.model},
                   {"engine", one.engine},
                   {"engine_version", one.engine_version},
                   {"threads", one.threads},
                   {"concurrency", one.concurrency},
                   {"batch", one.batch},
                   {"load_ms", one.load_ms},
                   {"first_run_ms", one.first_run_ms},
                   {"latency_ms",
                    {{"mean", l.mean}, {"std", l.std_dev}, {"min", l.min}, {"max", l.max}, {"p50", l.p50}, {"p95", l.p95}, {"p99", l.p99}}},
                   {"runs", one.runs},
                   {"throughput_per_s", one.runs_per_second() * static_cast<double>(std::max<int64_t>(1, one.batch))},
                   {"peak_rss_mb", one.peak_rss_mb},
                   {"gflops", one.gflops()},
                   {"difference", std::isfinite(one.difference) ? Json(one.difference) : Json(nullptr)}};
    if (!one.counts()) result["error"] = one.error;
    results.push_back(std::move(result));
  }
  for (const Ratio& one : Ratios(run))
    ratios.push_back({{"model", one.model},
                      {"threads", one.threads},
                      {"concurrency", one.concurrency},
                      {"batch", one.batch},
                      {"peer", one.peer},
                      {"speedup", one.speedup},
                      {"load", one.load},
                      {"memory", one.memory}});
  return {{"machine",
           {{"cpu", machine.cpu_model},
            {"cpus", machine.available_cpus},
            {"simd", machine.simd},
            {"memory", machine.memory_limit},
            {"peaks", peaks}}},
          {"results", results},
          {"ratios", ratios}};
}

std::string Plot(const BenchRun& run) {
  const std::vector<Ratio> ratios = Ratios(run);
  constexpr double kLeft = 260, kWidth = 560, kRow = 18, kTop = 46;
  double limit = 2;  // the axis goes from 1/limit to limit
  for (const Ratio& one : ratios) limit = std::max({limit, one.speedup, 1 / one.speedup});
  limit = std::exp2(std::ceil(std::log2(limit)));
  const auto x = [&](double speedup) { return kLeft + kWidth * (0.5 + 0.5 * std::log2(speedup) / std::log2(limit)); };
  const double height = kTop + kRow * static_cast<double>(ratios.size()) + 20;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"8\" y=\"18\" font-size=\"14\">Speed-up against "
      "peers: median latency of the peer / ours</text>\n",
      kLeft + kWidth + 60, height);
  for (double tick = 1 / limit; tick <= limit * 1.001; tick *= 2)
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"{3}\"/><text x=\"{0:.1f}\" y=\"{4}\" "
        "text-anchor=\"middle\">{5:.3g}</text>\n",
        x(tick), kTop - 8, height - 10, std::abs(tick - 1) < 1e-9 ? "#333" : "#ddd", kTop - 12, tick);
  for (size_t i = 0; i < ratios.size(); ++i) {
    const Ratio& one = ratios[i];
    const double y = kTop + kRow * static_cast<double>(i), from = std::min(x(1), x(one.speedup)), to = std::max(x(1), x(one.speedup));
    svg += fmt::format(
        "<text x=\"{0}\" y=\"{1:.1f}\" text-anchor=\"end\">{2}, {3} T, {4}</text><rect x=\"{5:.1f}\" y=\"{6:.1f}\" width=\"{7:.1f}\" "
        "height=\"{8}\" "
        "fill=\"{9}\"/><text x=\"{10:.1f}\" y=\"{1:.1f}\">{11:.2f}</text>\n",
        kLeft - 8, y + 11, Escaped(Label(one.model, one.batch, one.concurrency)), one.threads, Escaped(one.peer), from, y + 2, to - from, kRow - 5,
        one.speedup >= 1 ? "#2a7f62" : "#c0563f", kLeft + kWidth + 6, one.speedup);
  }
  return svg + "</svg>\n";
}

std::string HtmlPage(const BenchRun& run, const Machine& machine) {
  return fmt::format(
      "<!doctype html>\n<meta charset=\"utf-8\"><title>Sardonyx "
      "bench</title>\n<style>body{{font-family:sans-serif;margin:2em}}pre{{font-size:12px;"
      "overflow-x:auto}}</style>\n<h1>Sardonyx bench</h1>\n<pre>{}</pre>\n{}",
      Escaped(Table(run, machine)), Plot(run));
}

StatusOr<std::vector<Regression>> Compare(const BenchRun& run, const Json& baseline, double allowed) {
  std::vector<Regression> worse;
  try {
    const auto same = [](const Json& json, const auto& now) {
      return json.at("model") == now.model && json.at("threads") == now.threads && json.value("concurrency", 1) == now.concurrency &&
             json.at("batch") == now.batch;
    };
    bool any_ratio = false;
    for (const Ratio& now : Ratios(run)) {
      for (const Json& before : baseline.at("ratios")) {
        if (!same(before, now) || before.at("peer") != now.peer) continue;
        any_ratio = true;
        const double was = before.at("speedup");
        if (now.speedup < was * (1 - allowed)) worse.push_back({now.model, now.peer, now.threads, was, now.speedup, was / now.speedup - 1});
      }
    }
    if (any_ratio) return worse;
    for (const BenchResult& now : run.results) {
      for (const Json& before : baseline.at("results")) {
        if (!same(before, now) || before.at("engine") != now.engine || !now.counts()) continue;
        const double was = before.at("latency_ms").at("p50");
        if (was > 0 && now.latency_ms.p50 > was * (1 + allowed))
          worse.push_back({now.model, "latency", now.threads, was, now.latency_ms.p50, now.latency_ms.p50 / was - 1});
      }
    }
  } catch (const Json::exception& error) {
    return Corrupt(fmt::format("not a document that bench wrote: {}", error.what()));
  }
  return worse;
}

}  // namespace sardonyx::bench
