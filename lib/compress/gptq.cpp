// SPDX-License-Identifier: Apache-2.0
//
// Outputs do not meet: each row of the weight is quantised by itself, with the same factor U for all. So rows
// go through in slabs of fixed size, whichever thread takes them.
//
// Columns are settled from left to right. The error of column i, divided by U[i, i], is taken off the columns
// behind it by row i of U: at once within a block of 128, and in one product for what lies behind the block.
// A dynamic group gets its grid when its first column is reached, from the weights as the blocks before left
// them: what the block's own columns changed is not in it yet, as in the reference code.
#include "compress/gptq.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "core/count.h"

namespace transom::compress {

using core::count;

namespace {

using Eigen::Index;
using Eigen::MatrixXf;
using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kBlock = 128;
constexpr Index kSlab = 64;  // rows; a slab of a block and its errors stay in the second cache

struct Problem {
  Eigen::Map<const RowMatrix> weight;      // [rows, cols]
  Eigen::Map<const RowMatrix> hessian;     // [cols, cols] as measured
  const MatrixXf& upper;                   // of the inverse, in the order of `order`
  const std::vector<bool>& dead;           // inputs that are always 0
  const std::vector<std::int32_t>& order;  // position -> input
  const MatrixOptions& options;

  Index cols() const { return weight.cols(); }
  Index group_width() const { return options.group_size < 0 ? cols() : options.group_size; }
};

/// Sums over some rows.
struct Sums {
  double loss = 0, error_energy = 0, output_energy = 0;
};

/// The rows of one slab on their way to integers.
class Slab {
 public:
  Slab(const Problem& problem, Index first, Index rows, QuantizedMatrix& result)
      : problem_(problem), first_(first), rows_(rows), result_(result), grids_(count(rows)) {
    original_ = problem.weight.middleRows(first, rows);
    if (problem.options.group_size < 0) fit(original_, 0, problem.cols(), 0);
    for (Index i = 0; i < problem.cols(); ++i) {
      if (problem.dead[count(i)]) original_.col(i).setZero();
    }
  }

  Sums run() {
    const Index cols = problem_.cols();
    if (problem_.options.static_groups && problem_.options.group_size > 0) fit_all_groups();
    current_.resize(rows_, cols);
    for (Index i = 0; i < cols; ++i) current_.col(i) = original_.col(input(i));
    for (Index begin = 0; begin < cols; begin += kBlock) run_block(begin, std::min(kBlock, cols - begin));
    return sums();
  }

 private:
  Index input(Index position) const { return problem_.order[count(position)]; }

  /// Grids of columns [begin, begin + width) of `weights`.
  void fit(const MatrixXf& weights, Index begin, Index width, Index group) {
    std::vector<float> values(count(width));
    for (Index row = 0; row < rows_; ++row) {
      for (Index i = 0; i < width; ++i) values[count(i)] = weights(row, begin + i);
      grids_[count(row)] = core::fit_grid(values, problem_.options.grid);
      result_.set_grid(first_ + row, group, grids_[count(row)]);
    }
  }

  void fit_all_groups() {
    const Index cols = problem_.cols(), width = problem_.group_width();
    for (Index begin = 0; begin < cols; begin += width)
      fit(original_, begin, std::min(width, cols - begin), begin / width);
  }

  /// Makes grids_ those of the column at `position`.
  void choose_grids(Index position) {
    const MatrixOptions& options = problem_.options;
    if (options.group_size < 0) return;
    const Index width = options.group_size;
    if (!options.static_groups) {
      if (position % width == 0)
        fit(current_, position, std::min(width, problem_.cols() - position), position / width);
      return;
    }
    const Index group = input(position) / width;
    for (Index row = 0; row < rows_; ++row) {
      const auto at = count((first_ + row) * result_.groups + group);
      grids_[count(row)] = {result_.scales[at], result_.zeros[at]};
    }
  }

  void run_block(Index begin, Index width) {
    const MatrixXf& upper = problem_.upper;
    MatrixXf block = current_.middleCols(begin, width);
    MatrixXf errors(rows_, width);
    for (Index i = 0; i < width; ++i) {
      choose_grids(begin + i);
      const float pivot = upper(begin + i, begin + i);
      settle(block.col(i), begin + i);
      errors.col(i) = (block.col(i) - quantized_.col(begin + i)) / pivot;
      loss_ += errors.col(i).cast<double>().squaredNorm() / 2;
      for (Index j = i + 1; j < width; ++j) block.col(j) -= errors.col(i) * upper(begin + i, begin + j);
    }
    const Index rest = problem_.cols() - begin - width;
    current_.rightCols(rest).noalias() -= errors * upper.block(begin, begin + width, width, rest);
  }

  /// Integers of one column, and the weights they stand for.
  void settle(const Eigen::Ref<const Eigen::VectorXf>& column, Index position) {
    const int bits = problem_.options.grid.bits;
    for (Index row = 0; row < rows_; ++row) {
      const core::QuantizationGrid& grid = grids_[count(row)];
      const std::uint8_t q = core::to_grid(column(row), grid, bits);
      result_.values[count((first_ + row) * problem_.cols() + input(position))] = q;
      quantized_(row, position) = core::from_grid(q, grid);
    }
  }

  Sums sums() const {
    MatrixXf error(rows_, problem_.cols());
    for (Index i = 0; i < problem_.cols(); ++i) error.col(input(i)) = quantized_.col(i);
    error -= original_;
    return {loss_, energy(error), energy(original_)};
  }

  /// tr(A H A^T)
  double energy(const MatrixXf& a) const {
    const MatrixXf product = a * problem_.hessian;
    return product.cwiseProduct(a).cast<double>().sum();
  }

  const Problem& problem_;
  Index first_, rows_;
  QuantizedMatrix& result_;
  MatrixXf original_;                           // [rows, cols] in the order of the inputs
  MatrixXf current_;                            // [rows, cols] in the order of settling
  MatrixXf quantized_{rows_, problem_.cols()};  // the same, settled columns
  std::vector<core::QuantizationGrid> grids_;   // of the current group
  double loss_ = 0;
};

/// Inputs by falling diagonal of the Hessian, or as they are.
std::vector<std::int32_t> settling_order(std::span<const float> hessian, std::int64_t cols, bool act_order) {
  std::vector<std::int32_t> order(count(cols));
  std::iota(order.begin(), order.end(), 0);
  if (!act_order) return order;
  std::ranges::stable_sort(order, std::greater<>{},
                           [&](std::int32_t i) { return hessian[count(i * cols + i)]; });
  return order;
}

std::vector<float> permuted(std::span<const float> hessian, const std::vector<std::int32_t>& order) {
  const auto cols = static_cast<std::int64_t>(order.size());
  std::vector<float> result(hessian.size());
  for (std::int64_t i = 0; i < cols; ++i) {
    const float* const row = hessian.data() + order[count(i)] * cols;
    for (std::int64_t j = 0; j < cols; ++j) result[count(i * cols + j)] = row[order[count(j)]];
  }
  return result;
}

/// An input that is always 0 says nothing: its weight becomes 0, and its diagonal 1 so that H can be
/// inverted.
std::vector<bool> neutralize_dead(std::vector<float>& hessian, std::int64_t cols) {
  std::vector<bool> dead(count(cols));
  for (std::int64_t i = 0; i < cols; ++i) {
    float& diagonal = hessian[count(i * cols + i)];
    dead[count(i)] = diagonal == 0;
    if (diagonal == 0) diagonal = 1;
  }
  return dead;
}

void fill_groups(const MatrixOptions& options, const std::vector<std::int32_t>& order,
                 QuantizedMatrix& result) {
  if (options.group_size < 0) return;  // all 0
  for (std::size_t position = 0; position < order.size(); ++position) {
    const std::int64_t place = options.static_groups ? order[position] : static_cast<std::int64_t>(position);
    result.group_of[count(order[position])] = static_cast<std::int32_t>(place / options.group_size);
  }
}

}  // namespace

Gptq::Gptq(std::vector<float> hessian, std::int64_t cols, const MatrixOptions& options,
           core::ThreadPool& pool, const std::string& name)
    : options_(options),
      pool_(pool),
      cols_(cols),
      hessian_(std::move(hessian)),
      dead_(neutralize_dead(hessian_, cols)),
      order_(settling_order(hessian_, cols, options.act_order)),
      factor_(options.act_order
                  ? factor_inverse(permuted(hessian_, order_), cols, options.damping, pool, name)
                  : factor_inverse(hessian_, cols, options.damping, pool, name)) {}

GptqResult Gptq::quantize(std::span<const float> weight, std::int64_t rows) const {
  GptqResult result{QuantizedMatrix(rows, cols_, options_.groups(cols_)), 0, 0, factor_.damping};
  fill_groups(options_, order_, result.matrix);
  const Problem problem{Eigen::Map<const RowMatrix>(weight.data(), rows, cols_),
                        Eigen::Map<const RowMatrix>(hessian_.data(), cols_, cols_),
                        factor_.upper,
                        dead_,
                        order_,
                        options_};
  std::vector<Sums> sums(count((rows + kSlab - 1) / kSlab));
  pool_.run([&] {
    pool_.parallel_ranges(sums.size(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t slab = begin; slab < end; ++slab) {
        const Index first = static_cast<Index>(slab) * kSlab;
        sums[slab] = Slab(problem, first, std::min<Index>(kSlab, rows - first), result.matrix).run();
      }
    });
  });
  Sums total;
  for (const Sums& part : sums) {
    total.loss += part.loss;
    total.error_energy += part.error_energy;
    total.output_energy += part.output_energy;
  }
  result.loss = total.loss;
  result.output_error = total.output_energy > 0 ? total.error_energy / total.output_energy : 0;
  return result;
}

}  // namespace transom::compress
