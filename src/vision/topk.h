// The best classes of a classifier's output, with their names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/tensor.h"

namespace sardonyx::vision {

struct Ranked {
  int64_t index = 0;
  double score = 0;
  std::string label;  // empty where there is none
};

// Labels of a text file: one a line, in the order of the classes; trailing blanks and an UTF-8 mark are left out.
std::vector<std::string> ParseLabels(std::string_view text);

// The `k` classes of the highest score, best first (the lower index where scores are equal; NaN last), for each row of
// `scores`: a tensor of floats or integers whose only dimensions above 1 are [classes] or [batch, classes]. With `softmax`
// scores become probabilities first. kUsage for other tensors, and if there are fewer labels than classes.
StatusOr<std::vector<std::vector<Ranked>>> TopK(const Tensor& scores, int64_t k, const std::vector<std::string>& labels = {},
                                                bool softmax = false);

// Whether each row looks like probabilities already: none negative, and a sum of 1 within one in a hundred. For callers
// that decide on `softmax` by themselves.
StatusOr<bool> LooksLikeProbabilities(const Tensor& scores);

}  // namespace sardonyx::vision
