// SPDX-License-Identifier: Apache-2.0
// Products of few rows that normalise their results.
#include "kernels/cuda/dense_rows.h"
#include "kernels/cuda/linear_rows.h"
#include "kernels/cuda/rms_norm.h"
#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/ops/linear_problem.h"

namespace transom::cuda_on_host {
namespace {

using kernels::WeightType;
using kernels::cuda::TiledLinearArgs;

cudaError_t launch(const TiledLinearArgs& args, const kernels::cuda::SplitScratch& split,
                   unsigned multiprocessors) {
  return args.weight.type == WeightType::bf16 ? launch_dense_rows(args, split, multiprocessors, nullptr)
                                              : launch_linear_rows(args, split, multiprocessors, nullptr);
}

struct Results {
  std::vector<float> dst, normed;
  friend bool operator==(const Results&, const Results&) = default;
};

/// A problem's product onto a residual stream, and its norm, in one launch or in two.
Results run(const LinearProblem& problem, unsigned multiprocessors, bool fused) {
  Results results;
  problem.run([&](TiledLinearArgs args) {
    const std::size_t n = args.weight.n, stride = (n + 11) / 4 * 4, rows = args.n_rows;
    std::vector<float> residual(rows * stride), norm_weight(n);
    testing::Random(n).fill(residual.data(), residual.size());
    testing::Random(n + 1).fill(norm_weight.data(), n);
    DeviceArray<float> dst(residual), normed(rows * stride), sums(linear_rows_sums(args, multiprocessors));
    const DeviceArray<float> weight(norm_weight);
    const std::vector<unsigned> zeros(kernels::strip_count(n) + 1, 0u);
    DeviceArray<unsigned> arrivals(zeros);
    args.dst = dst.data();
    args.dst_stride = stride;
    const float epsilon = 1e-5f, offset = n % 3 == 0 ? 1.0f : 0.0f;
    if (fused)
      args.norm = {weight.data(), epsilon, offset, normed.data(), stride, arrivals.data() + zeros.size() - 1};
    finish(launch(args, {sums.data(), arrivals.data()}, multiprocessors));
    CHECK(arrivals.download() == zeros);
    if (!fused)
      finish(kernels::cuda::launch_rms_norm(
          {dst.data(), stride, weight.data(), normed.data(), stride, rows, n, epsilon, offset}, nullptr));
    results = {dst.download(), normed.download()};
    for (std::size_t i = 0; i < results.normed.size(); ++i) {  // what was never written is no number
      CHECK(std::isnan(results.normed[i]) == (i % stride >= n));
      if (i % stride >= n) results.normed[i] = 0;
    }
  });
  return results;
}

/// Bit by bit what two launches leave, whichever block is last.
void check(WeightType type, std::size_t n, std::size_t k, std::size_t rows, unsigned multiprocessors) {
  INFO("type " << static_cast<int>(type) << " n " << n << " k " << k << " rows " << rows
               << " multiprocessors " << multiprocessors);
  const LinearProblem problem(type, n, k, rows, {.accumulate = true});
  const Results expected = run(problem, multiprocessors, false);
  CHECK(run(problem, multiprocessors, true) == expected);
  reverse_blocks(true);
  CHECK(run(problem, multiprocessors, true) == expected);
  reverse_blocks(false);
}

}  // namespace

TEST_CASE("a norm that follows a product is the norm of its results, bit by bit", "[sanitizer]") {
  for (const std::size_t rows : {1, 2}) {
    for (const WeightType type :
         {WeightType::bf16, WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2})
      for (const std::size_t n : {4, 36, 128}) check(type, n, 64, rows, 2);
    for (const std::size_t n : {508, 512, 516, 1500, 2048, 4100}) check(WeightType::i8, n, 32, rows, 5);
    check(WeightType::i4, 8196, 32, rows, 132);
    // Split inputs: two meetings of blocks in one launch.
    for (const unsigned multiprocessors : {1, 10, 132})
      check(WeightType::i8, 72, 1500, rows, multiprocessors);
    for (const unsigned multiprocessors : {10, 132}) check(WeightType::bf16, 72, 1496, rows, multiprocessors);
  }
}

TEST_CASE("a product refuses a norm of many rows, of half results and of misaligned ones") {
  TiledLinearArgs args;
  args.n_rows = 1;
  args.weight.n = 4;
  args.weight.k = 32;
  args.weight.type = WeightType::i8;
  args.norm.weight = reinterpret_cast<const float*>(64);
  CHECK(kernels::cuda::takes_norm(args));
  args.n_rows = kernels::cuda::kMostNormedRows + 1;
  CHECK_FALSE(kernels::cuda::takes_norm(args));
  CHECK(launch(args, {}, 1) == cudaErrorInvalidValue);
  args.n_rows = 1;
  args.gated = true;
  CHECK_FALSE(kernels::cuda::takes_norm(args));
  args.gated = false;
  args.weight.n = 6;
  CHECK_FALSE(kernels::cuda::takes_norm(args));
  args.weight.n = 4;
  args.norm.normed = reinterpret_cast<float*>(68);
  CHECK_FALSE(kernels::cuda::takes_norm(args));
}

}  // namespace transom::cuda_on_host
