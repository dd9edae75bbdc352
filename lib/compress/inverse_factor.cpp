// SPDX-License-Identifier: Apache-2.0
#include "compress/inverse_factor.h"

#include <Eigen/Cholesky>
#include <algorithm>

#include "core/checks.h"
#include "core/count.h"
#include "transom/error.h"

namespace transom::compress {

using core::count;

namespace {

using Index = Eigen::Index;

double mean_diagonal(std::span<const float> hessian, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(hessian[count(i * n + i)]);
  return sum / static_cast<double>(n);
}

/// Cholesky of the reversed, damped Hessian in place of `lower`; false when it does not exist.
bool factor_reversed(std::span<const float> hessian, Index n, double added, Eigen::MatrixXd& lower) {
  for (Index j = 0; j < n; ++j) {
    const float* const column = hessian.data() + (n - 1 - j) * n;  // symmetric: a row is a column
    for (Index i = j; i < n; ++i) lower(i, j) = static_cast<double>(column[n - 1 - i]);
    lower(j, j) += added;
  }
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(lower);
  return factor.info() == Eigen::Success && lower.diagonal().allFinite();
}

/// Columns [begin, end) of the inverse of `lower`, put where the reversal has them in `upper`.
void invert_columns(const Eigen::MatrixXd& lower, Index begin, Index end, Eigen::MatrixXf& upper) {
  const Index n = lower.rows(), rows = n - begin;
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Zero(rows, end - begin);
  inverse.diagonal().setOnes();
  lower.bottomRightCorner(rows, rows).triangularView<Eigen::Lower>().solveInPlace(inverse);
  for (Index j = 0; j < inverse.cols(); ++j) {
    for (Index i = 0; i < rows; ++i)
      upper(n - 1 - begin - i, n - 1 - begin - j) = static_cast<float>(inverse(i, j));
  }
}

}  // namespace

InverseFactor factor_inverse(std::span<const float> hessian, std::int64_t n, double damping,
                             core::ThreadPool& pool, const std::string& name) {
  constexpr double kStep = 0.01;
  const double mean = mean_diagonal(hessian, n);
  Eigen::MatrixXd lower(n, n);
  double share = damping;
  while (!factor_reversed(hessian, n, share * mean, lower)) {
    share += kStep;
    if (!(share < 1)) {
      throw FormatError(core::message(
          name, ": expected a positive definite Hessian of the inputs, found none with damping up to ",
          share - kStep, " (are there infinities in the weights?)"));
    }
  }
  InverseFactor result{Eigen::MatrixXf::Zero(n, n), share};
  constexpr Index kColumns = 128;
  const auto blocks = count((n + kColumns - 1) / kColumns);
  pool.run([&] {
    pool.parallel([&](int thread, int n_threads) {
      // In turns: the first blocks are the long ones.
      for (std::size_t block = count(thread); block < blocks; block += count(n_threads)) {
        const Index begin = static_cast<Index>(block) * kColumns;
        invert_columns(lower, begin, std::min<Index>(begin + kColumns, n), result.upper);
      }
    });
  });
  return result;
}

}  // namespace transom::compress
