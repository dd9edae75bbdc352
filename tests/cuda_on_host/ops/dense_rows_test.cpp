// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/dense_rows.h"

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/ops/linear_problem.h"

namespace transom::cuda_on_host {
namespace {

using kernels::WeightType;
using kernels::cuda::TiledLinearArgs;

constexpr double kRoundoff = 0x1p-8;  // of activations in bf16, which holds 8 bits

std::vector<float> run(const LinearProblem& problem, unsigned multiprocessors = 1) {
  return problem.run([&](const TiledLinearArgs& args) {
    DeviceArray<float> sums(linear_rows_sums(args, multiprocessors));
    DeviceArray<unsigned> arrivals(std::vector<unsigned>(kernels::strip_count(args.weight.n), 0u));
    finish(launch_dense_rows(args, {sums.data(), arrivals.data()}, multiprocessors, nullptr));
    CHECK(arrivals.download() == std::vector<unsigned>(arrivals.size(), 0u));
  });
}

void compare(const LinearProblem& problem, unsigned multiprocessors = 1) {
  problem.check(run(problem, multiprocessors), problem.expected(), kRoundoff);
}

}  // namespace

TEST_CASE("dense_rows agrees with the reference over odd sizes and numbers of rows") {
  for (const std::size_t k : {8, 32, 56, 64, 120, 1000})
    for (const std::size_t n : {1, 7, 8, 9, 16, 17, 100}) compare({WeightType::bf16, n, k, 1});
  for (std::size_t rows = 1; rows <= 16; ++rows) compare({WeightType::bf16, 33, 200, rows});
}

TEST_CASE("dense_rows goes through long inputs in chunks") {
  const LinearProblem problem(WeightType::bf16, 16, 5000, 15);
  problem.run([&](const TiledLinearArgs& args) {
    CHECK(plan_linear_rows(args, 1).chunk < kernels::tile_count(5000));
    CHECK(plan_linear_rows(args, 1).splits == 1);
  });
  compare(problem);
}

TEST_CASE("dense_rows does what linear_rows does with bias, order, gate and splits", "[sanitizer]") {
  compare({WeightType::bf16, 37, 200, 3, {.accumulate = true}});
  compare({WeightType::bf16, 37, 200, 9, {.ordered = true, .bias = false}});
  for (const std::size_t rows : {1, 2, 10}) compare({WeightType::bf16, 96, 1000, rows, {.gated = true}}, 7);
  for (const unsigned multiprocessors : {3, 10, 132}) {
    const LinearProblem problem(WeightType::bf16, 72, 1496, 4, {.plain = true});
    const std::vector<float> forward = run(problem, multiprocessors);
    problem.check(forward, problem.expected(), 0);
    reverse_blocks(true);
    CHECK(run(problem, multiprocessors) == forward);
    reverse_blocks(false);
  }
}

TEST_CASE("dense_rows refuses what 16-byte loads cannot read") {
  TiledLinearArgs args;
  args.n_rows = args.weight.n = 1;
  args.weight.k = 12;
  CHECK_FALSE(kernels::cuda::takes_dense_rows(args.weight));
  CHECK(launch_dense_rows(args, {}, 1, nullptr) == cudaErrorInvalidValue);
  args.weight.k = 16;
  CHECK(kernels::cuda::takes_dense_rows(args.weight));
  args.weight.data = reinterpret_cast<const void*>(8);
  CHECK_FALSE(kernels::cuda::takes_dense_rows(args.weight));
}

TEST_CASE("dense_rows streams whole sectors and meets no bank conflicts") {
  if (!counts_accesses()) return;
  for (const std::size_t rows : {1, 4, 16}) {
    forget_counts();
    compare({WeightType::bf16, 48, 1024, rows}, 2);
    INFO(describe_counts("linear_rows"));
    const Tally streamed = counts("linear_rows", {Use::load_streamed});
    CHECK(streamed.accesses > 0);
    CHECK(streamed.sectors == streamed.least_sectors);
    CHECK(counts("linear_rows", {Use::load_shared, Use::store_shared}).conflicts == 0);
  }
}

}  // namespace transom::cuda_on_host
