// The families of rules, one function and one file each. A new file needs its line here and in table.cc.
#pragma once

#include <span>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch::rules {

std::span<const RuleRow> Activation();
std::span<const RuleRow> Arithmetic();
std::span<const RuleRow> Arranging();
std::span<const RuleRow> Attention();
std::span<const RuleRow> BackwardPasses();
std::span<const RuleRow> Bessel();
std::span<const RuleRow> Comparison();
std::span<const RuleRow> Control();
std::span<const RuleRow> Convolutions();
std::span<const RuleRow> Counting();
std::span<const RuleRow> Creation();
std::span<const RuleRow> CtcLosses();
std::span<const RuleRow> Diagonals();
std::span<const RuleRow> Factors();
std::span<const RuleRow> Fourier();
std::span<const RuleRow> Indexing();
std::span<const RuleRow> Joining();
std::span<const RuleRow> LinearAlgebra();
std::span<const RuleRow> Losses();
std::span<const RuleRow> Matrices();
std::span<const RuleRow> Normalizations();
std::span<const RuleRow> OrthogonalPolynomials();
std::span<const RuleRow> Pooling();
std::span<const RuleRow> Primitives();
std::span<const RuleRow> QuantizeDecomposed();
std::span<const RuleRow> RandomNumbers();
std::span<const RuleRow> Recurrences();
std::span<const RuleRow> Reductions();
std::span<const RuleRow> Resizing();
std::span<const RuleRow> RunningValues();
std::span<const RuleRow> Scattering();
std::span<const RuleRow> Sequences();
std::span<const RuleRow> Shapes();
std::span<const RuleRow> ShortTimeTransforms();
std::span<const RuleRow> Sorting();
std::span<const RuleRow> Special();
std::span<const RuleRow> Spectra();
std::span<const RuleRow> Symbolic();
std::span<const RuleRow> Unary();
std::span<const RuleRow> Vision();

}  // namespace sardonyx::pytorch::rules
