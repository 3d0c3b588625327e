// The list of all rules.
#include <unordered_map>

#include "import/pytorch/rules/families.h"

namespace sardonyx::pytorch {
namespace {

constexpr std::span<const RuleRow> (*kFamilies[])() = {
    rules::Activation,
    rules::Arithmetic,
    rules::Arranging,
    rules::Attention,
    rules::BackwardPasses,
    rules::Bessel,
    rules::Comparison,
    rules::Control,
    rules::Convolutions,
    rules::Counting,
    rules::Creation,
    rules::CtcLosses,
    rules::Diagonals,
    rules::Factors,
    rules::Fourier,
    rules::Indexing,
    rules::Joining,
    rules::LinearAlgebra,
    rules::Losses,
    rules::Matrices,
    rules::Normalizations,
    rules::OrthogonalPolynomials,
    rules::Pooling,
    rules::Primitives,
    rules::QuantizeDecomposed,
    rules::RandomNumbers,
    rules::Recurrences,
    rules::Reductions,
    rules::Resizing,
    rules::RunningValues,
    rules::Scattering,
    rules::Sequences,
    rules::Shapes,
    rules::ShortTimeTransforms,
    rules::Sorting,
    rules::Special,
    rules::Spectra,
    rules::Symbolic,
    rules::Unary,
    rules::Vision,
};

const std::unordered_map<std::string_view, const RuleRow*>& Rows() {
  static const auto* const rows = [] {
    auto* made = new std::unordered_map<std::string_view, const RuleRow*>();
    for (const auto family : kFamilies)
      for (const RuleRow& row : family()) made->emplace(row.target, &row);
    return made;
  }();
  return *rows;
}

}  // namespace

const RuleRow* FindRule(std::string_view target) {
  const auto& rows = Rows();
  if (const auto exact = rows.find(target); exact != rows.end()) return exact->second;
  const size_t dot = target.rfind('.');
  if (dot == std::string_view::npos) return nullptr;
  const auto any = rows.find(target.substr(0, dot));
  return any == rows.end() ? nullptr : any->second;
}

}  // namespace sardonyx::pytorch
