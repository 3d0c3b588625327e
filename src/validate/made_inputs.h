// Inputs for a model when its user has none: numbers of several kinds at several sizes.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/model.h"
#include "sardonyx/model.h"
#include "sardonyx/session.h"

namespace sardonyx::validate {

using NamedValues = std::vector<Session::NamedValue>;

// Which numbers random tensors hold.
struct NumberRange {
  double scale = 1;       // floats are uniform in [-scale, scale)
  uint64_t integers = 3;  // integers in [0, integers)
};
// The same seed gives the same numbers for every float type. kUnsupported for types that have no random values.
StatusOr<Tensor> RandomTensor(DataType type, const Dims& dims, const NumberRange& range, std::mt19937_64& generator);

// "random" is uniform in [-1, 1); ids are spread over the tables that they look up. "zeros", "ones". "small" and "large" are
// random floats times 1e-4 and 100; large ids are the last of their tables.
enum class InputKind { kRandom, kZeros, kOnes, kSmall, kLarge };
inline constexpr InputKind kInputKinds[] = {InputKind::kRandom, InputKind::kZeros, InputKind::kOnes, InputKind::kSmall,
                                            InputKind::kLarge};
std::string_view InputKindName(InputKind kind);
// What absolute tolerances are multiplied by for a kind: results are about as large as inputs.
double ToleranceScale(InputKind kind);

// What free dims become, by what they seem to be: axis 0 (or a name with "batch"), height and width of pictures, all else.
struct Sizes {
  int64_t batch = 1, spatial = 64, length = 8;
};
// Sizes to try one after another: small ones that differ in everything, then those that picky models ask for.
std::span<const Sizes> SizesToTry();
inline constexpr size_t kUsualSizes = 3;  // of these; the others are for models that take none of the first

struct MadeInputOptions {
  uint64_t seed = 0;
  std::vector<std::pair<std::string, Dims>> shapes;  // given by the user: taken as they are
};

// A value for every input without a default. Equal symbols get equal sizes, expressions (past + length) their value.
// kUnsupported for an input that is no tensor, kUsage for one whose rank is not known and not given.
StatusOr<NamedValues> MakeInputs(const ir::Model& model, InputKind kind, const Sizes& sizes, const MadeInputOptions& options);

// What symbols of dims ("batch") stand for.
using SizesOfSymbols = std::map<std::string, int64_t, std::less<>>;
// An input's symbols take the sizes that a shape for it has.
void TakeSizes(const ValueInfo& input, const Dims& dims, SizesOfSymbols* sizes);
// The dims of an input of known rank: symbols by their sizes, `first` for an open axis 0 and 1 for others of which nothing is known.
Dims DimsOf(const ValueInfo& input, const SizesOfSymbols& sizes, int64_t first = 1);

// True when an input that is not given in `options` has a dim that is not a constant.
bool HasFreeDims(const ir::Model& model, const MadeInputOptions& options);

// Rows of the smallest constant table that the ids in `input` look up (Gather, by way of casts and reshapes); 0: none found.
int64_t TableRows(const ir::Value& input);

}  // namespace sardonyx::validate
