#include "validate/comparison.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::validate {
namespace {

std::string ShapesText(const NamedValues& inputs) {
  std::string text;
  for (const auto& [name, value] : inputs) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value.TypeString());
  return text;
}

StatusOr<NamedValues> Timed(const Runner& runner, const NamedValues& inputs, double* milliseconds) {
  const auto start = std::chrono::steady_clock::now();
  StatusOr<NamedValues> outputs = runner(inputs);
  *milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return outputs;
}

OutputResult CompareOne(const Value& got, const Value& expected, const Tolerance& tolerance) {
  OutputResult result;
  if (got.is_tensor() && expected.is_tensor()) {
    result.difference = CompareTensors(got.tensor(), expected.tensor(), tolerance);
    result.ranking = CompareRanking(got.tensor(), expected.tensor());
  } else {
    result.difference.reason = CompareValues(got, expected, tolerance);
    result.difference.ok = result.difference.reason.empty();
  }
  return result;
}

void TakeWorst(const OutputResult& one, OutputResult* worst) {
  TensorDifference& w = worst->difference;
  const TensorDifference& d = one.difference;
  if (w.ok && !d.ok) w.reason = d.reason;
  w.ok &= d.ok;
  w.shape_ok &= d.shape_ok;
  w.dtype_ok &= d.dtype_ok;
  w.count += d.count;
  w.mismatches += d.mismatches;
  w.max_abs = std::max(w.max_abs, d.max_abs);
  w.mean_abs = std::max(w.mean_abs, d.mean_abs);
  w.max_rel = std::max(w.max_rel, d.max_rel);
  w.mean_rel = std::max(w.mean_rel, d.mean_rel);
  w.max_ulp = std::max(w.max_ulp, d.max_ulp);
  w.largest = std::max(w.largest, d.largest);
  w.relative = std::max(w.relative, d.relative);
  w.cosine = std::min(w.cosine, d.cosine);
  w.nan_got += d.nan_got;
  w.nan_expected += d.nan_expected;
  w.inf_got += d.inf_got;
  w.inf_expected += d.inf_expected;
  if (one.ranking.rows == 0) return;
  worst->ranking.rows += one.ranking.rows;
  worst->ranking.k = one.ranking.k;
  worst->ranking.top1 = std::min(worst->ranking.top1, one.ranking.top1);
  worst->ranking.topk = std::min(worst->ranking.topk, one.ranking.topk);
}

}  // namespace

Comparison::Comparison(std::string candidate_label, Runner candidate, std::string reference_label, Runner reference,
                       const Tolerance& tolerance)
    : candidate_(std::move(candidate)), reference_(std::move(reference)) {
  result_.candidate = std::move(candidate_label);
  result_.reference = std::move(reference_label);
  result_.tolerance = tolerance;
}

void Comparison::Run(const std::string& name, const NamedValues& inputs, double tolerance_scale) {
  CaseResult& out = result_.cases.emplace_back();
  out.name = name;
  out.shapes = ShapesText(inputs);
  const StatusOr<NamedValues> expected = Timed(reference_, inputs, &out.reference_ms);
  if (!expected.ok()) {
    out.skipped = "the reference does not run on it: " + std::string(expected.status().message());
    return;
  }
  const StatusOr<NamedValues> got = Timed(candidate_, inputs, &out.candidate_ms);
  if (!got.ok()) {
    out.reason = "the candidate does not run on it, the reference does: " + std::string(got.status().message());
    return;
  }
  Tolerance tolerance = result_.tolerance;
  tolerance.atol *= tolerance_scale;
  Compare(*got, *expected, tolerance, &out);
  Tell(inputs, out.ok);
}

void Comparison::RunExpecting(const std::string& name, const NamedValues& inputs, const NamedValues& expected) {
  CaseResult& out = result_.cases.emplace_back();
  out.name = name;
  out.shapes = ShapesText(inputs);
  const StatusOr<NamedValues> got = Timed(candidate_, inputs, &out.candidate_ms);
  if (!got.ok())
    out.reason = "the candidate does not run on it: " + std::string(got.status().message());
  else
    Compare(*got, expected, result_.tolerance, &out);
}

void Comparison::Compare(const NamedValues& got, const NamedValues& expected, const Tolerance& tolerance, CaseResult* out) {
  bool any = false;
  for (const auto& [name, value] : expected)
    any |= std::any_of(got.begin(), got.end(), [&](const auto& one) { return one.first == name; });
  for (size_t i = 0; i < got.size(); ++i) {
    const Value* reference = nullptr;
    for (const auto& [name, value] : expected)
      if (any && name == got[i].first) reference = &value;
    if (!any && i < expected.size()) reference = &expected[i].second;
    if (!reference) {
      // Expected outputs from a file may be fewer than the model's; what is not said is not compared.
      if (reference_) out->reason = fmt::format("the reference has no output '{}'", got[i].first);
      continue;
    }
    OutputResult result = CompareOne(got[i].second, *reference, tolerance);
    result.difference.name = got[i].first;
    AddTotals(result, got[i].second, *reference);
    out->outputs.push_back(std::move(result));
  }
  // The other way round: a model that lacks an output is not equal. (A file may hold more than outputs.)
  if (any && reference_)
    for (const auto& [name, value] : expected)
      if (std::none_of(got.begin(), got.end(), [&](const auto& one) { return one.first == name; }))
        out->reason = fmt::format("the candidate has no output '{}'", name);
  if (!any && got.size() != expected.size())
    out->reason = fmt::format("the candidate has {} output{}, the reference {}", got.size(), got.size() == 1 ? "" : "s", expected.size());
  if (out->outputs.empty() && out->reason.empty()) out->reason = "there is no output to compare";
  out->ok = out->reason.empty() &&
            std::all_of(out->outputs.begin(), out->outputs.end(), [](const OutputResult& one) { return one.difference.ok; });
}

void Comparison::Tell(const NamedValues& inputs, bool ok) {
  if (!telling_.empty() && (ok || telling_failure_)) return;
  telling_ = inputs;
  telling_failure_ = !ok;
}

void Comparison::AddTotals(const OutputResult& one, const Value& got, const Value& expected) {
  auto total = std::find_if(result_.outputs.begin(), result_.outputs.end(),
                            [&](const Validation::Output& output) { return output.worst.difference.name == one.difference.name; });
  if (total == result_.outputs.end()) {
    total = result_.outputs.emplace(result_.outputs.end());
    total->worst.difference.name = one.difference.name;
  }
  TakeWorst(one, &total->worst);
  if (got.is_tensor() && expected.is_tensor()) total->profile.Add(got.tensor(), expected.tensor());
}

Validation Comparison::Finish() {
  size_t compared = 0;
  result_.ok = true;
  for (const CaseResult& one : result_.cases) {
    if (!one.skipped.empty()) continue;
    ++compared;
    result_.ok &= one.ok;
  }
  result_.ok &= compared > 0;
  return std::move(result_);
}

Status RunMadeCases(const ir::Model& model, const MadeCasesOptions& options, Comparison* comparison) {
  const std::span<const Sizes> sizes = SizesToTry();
  const bool free = HasFreeDims(model, options.inputs);
  const size_t total = (free ? kUsualSizes : 1) + std::size(kInputKinds) - 1;
  size_t done = 0;
  const auto run = [&](InputKind kind, const Sizes& size, const std::string& name) -> Status {
    if (options.progress) options.progress(done, total, name);
    ++done;
    ASSIGN_OR_RETURN(const NamedValues inputs, MakeInputs(model, kind, size, options.inputs));
    comparison->Run(name, inputs, ToleranceScale(kind));
    return {};
  };
  const Sizes* taken = nullptr;
  // Other sizes only where none of the usual ones are taken.
  for (size_t i = 0; i < (free ? sizes.size() : 1) && (i < kUsualSizes || !taken); ++i) {
    RETURN_IF_ERROR(run(InputKind::kRandom, sizes[i], free ? fmt::format("random {}", i + 1) : "random"));
    if (!taken && comparison->last().skipped.empty()) taken = &sizes[i];
  }
  if (!taken) return {};
  for (const InputKind kind : kInputKinds)
    if (kind != InputKind::kRandom) RETURN_IF_ERROR(run(kind, *taken, std::string(InputKindName(kind))));
  return {};
}

}  // namespace sardonyx::validate
