// Whether two sets of scores put the same classes first.
#pragma once

#include "sardonyx/tensor.h"

namespace sardonyx::validate {

// Rows are those of the last axis.
struct Ranking {
  int64_t rows = 0;  // 0: the outputs are no scores, and nothing was compared
  int k = 0;         // 5, or the number of classes where there are fewer
  double top1 = 1;   // share of rows whose best class is the same
  double topk = 1;   // mean share of the k best classes that both have
};

// Of floating-point tensors of equal shape [..., classes] with two classes or more; classes of equal score are in the order of
// their indices. Looks at the first 4096 rows.
Ranking CompareRanking(const Tensor& got, const Tensor& expected);

}  // namespace sardonyx::validate
