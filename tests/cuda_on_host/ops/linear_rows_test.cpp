// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/linear_rows.h"

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/ops/linear_problem.h"

namespace transom::cuda_on_host {
namespace {

using kernels::ScaleType;
using kernels::WeightType;
using kernels::cuda::TiledLinearArgs;

constexpr WeightType kTypes[] = {WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2};

constexpr double kRoundoff = 0x1p-11;  // of activations in f16, which holds 11 bits

std::vector<float> run(const LinearProblem& problem, unsigned multiprocessors = 1) {
  return problem.run([&](const TiledLinearArgs& args) {
    const std::size_t n_sums = linear_rows_sums(args, multiprocessors);
    DeviceArray<float> sums(n_sums);
    DeviceArray<unsigned> arrivals(std::vector<unsigned>(kernels::strip_count(args.weight.n), 0u));
    finish(launch_linear_rows(args, {sums.data(), arrivals.data()}, multiprocessors, nullptr));
    CHECK(arrivals.download() == std::vector<unsigned>(arrivals.size(), 0u));
  });
}

void compare(const LinearProblem& problem, unsigned multiprocessors = 1) {
  problem.check(run(problem, multiprocessors), problem.expected(), kRoundoff);
}

/// How the device's memory and banks were used by linear_rows since forget_counts.
void check_counts() {
  if (!counts_accesses()) return;
  INFO(describe_counts("linear_rows"));
  const Tally streamed = counts("linear_rows", {Use::load_streamed});
  CHECK(streamed.accesses > 0);
  CHECK(streamed.sectors == streamed.least_sectors);
  CHECK(counts("linear_rows", {Use::load_shared, Use::store_shared}).conflicts == 0);
}

}  // namespace

TEST_CASE("linear_rows agrees with the reference over odd sizes", "[sanitizer]") {
  for (const WeightType type : kTypes) {
    for (const std::size_t k : {1, 31, 33, 64, 127, 300})
      for (const std::size_t n : {1, 15, 16, 17, 40}) compare({type, n, k, 1});
    compare({type, 200, 700, 1});
  }
}

TEST_CASE("linear_rows agrees with the reference over numbers of rows") {
  for (const WeightType type : kTypes)
    for (std::size_t rows = 1; rows <= 16; ++rows) compare({type, 33, 170, rows});
}

TEST_CASE("linear_rows agrees with the reference over groups, scales and zero points") {
  for (const WeightType type : kTypes) {
    for (const std::size_t group : {0, 32, 64, 96, 128, 1024}) {
      for (const ScaleType scale : {ScaleType::f32, ScaleType::f16, ScaleType::bf16}) {
        for (const bool zeros : {false, true}) {
          const LinearOptions options{.groups = {group, scale, zeros}, .plain = true};
          compare({type, 35, 2 * group + 35, 2, options});
          compare({type, 18, group + 1, 9, options});
        }
      }
    }
  }
}

TEST_CASE("linear_rows sums exactly what activations of few bits make") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {1, 5, 16}) {
      const LinearProblem problem(type, 50, 333, rows, {.groups = {64, ScaleType::f16, true}, .plain = true});
      problem.check(run(problem), problem.expected(), 0);
    }
  }
}

TEST_CASE("linear_rows adds to dst, leaves out the bias and takes inputs in any order") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {1, 6}) {
      compare({type, 37, 200, rows, {.groups = {32}, .accumulate = true}});
      compare({type, 37, 200, rows, {.bias = false}});
      compare({type, 37, 200, rows, {.groups = {64, ScaleType::bf16, true}, .ordered = true}});
    }
  }
}

TEST_CASE("linear_rows multiplies gate and up") {
  for (const WeightType type : kTypes) {
    for (const std::size_t n : {32, 96, 224}) {
      for (const std::size_t rows : {1, 3, 10}) {
        const LinearProblem problem(type, n, 150, rows, {.groups = {64}, .gated = true});
        compare(problem);
        compare(problem, 13);
      }
    }
    compare({type, 64, 400, 2, {.accumulate = true, .gated = true}}, 20);
  }
}

TEST_CASE("linear_rows splits the inputs, and which block is last does not matter", "[sanitizer]") {
  std::size_t most_splits = 0;
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {1, 16}) {
      const LinearProblem problem(type, 72, 1500, rows,
                                  {.groups = {96, ScaleType::f32, true}, .accumulate = true});
      for (const unsigned multiprocessors : {1, 10, 132}) {
        compare(problem, multiprocessors);
        const std::vector<float> forward = run(problem, multiprocessors);
        reverse_blocks(true);
        CHECK(run(problem, multiprocessors) == forward);
        reverse_blocks(false);
        TiledLinearArgs args;
        args.weight.type = type;
        args.weight.n = 72;
        args.weight.k = 1500;
        args.n_rows = rows;
        most_splits = std::max<std::size_t>(most_splits, plan_linear_rows(args, multiprocessors).splits);
      }
    }
  }
  CHECK(most_splits >= 3);
}

TEST_CASE("linear_rows goes through long inputs in chunks") {
  for (const WeightType type : kTypes) {
    for (const bool zeros : {false, true}) {
      const LinearProblem problem(type, 16, 5001, 15, {.groups = {32, ScaleType::f32, zeros}});
      problem.run([&](const TiledLinearArgs& args) {
        CHECK(plan_linear_rows(args, 1).chunk < kernels::tile_count(5001));
        CHECK(plan_linear_rows(args, 1).splits == 1);
      });
      compare(problem);
    }
  }
}

TEST_CASE("linear_rows keeps rows of any size apart") {
  for (const WeightType type : kTypes) {
    LinearProblem problem(type, 20, 100, 5, {.bias = false});
    const float scales[] = {0x1p100f, 0x1p-90f, 0.0f, 1.0f, 0x1p-20f};
    for (std::size_t row = 0; row < 5; ++row)
      for (std::size_t i = 0; i < problem.src_stride; ++i)
        problem.src[row * problem.src_stride + i] *= scales[row];
    // Values far below the largest of their row are not lost beside it.
    for (std::size_t i = 1; i < 100; ++i) problem.src[3 * problem.src_stride + i] *= 0x1p-12f;
    const std::vector<float> actual = run(problem), expected = problem.expected();
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const float* row = problem.src.data() + i / 20 * problem.src_stride;
      double magnitude = 0;
      for (std::size_t k = 0; k < 100; ++k)
        magnitude += std::fabs(double{row[k]} * double{problem.weight.value(i % 20, k)});
      CHECK(testing::close(double{actual[i]}, double{expected[i]}, 1.1 * kRoundoff * magnitude));
    }
  }
}

TEST_CASE("linear_rows: rows that are not finite give NaN, and only they") {
  for (const WeightType type : kTypes) {
    for (const std::size_t group : {0, 32}) {
      LinearProblem problem(type, 20, 100, 3, {.groups = {group}});
      problem.src[problem.src_stride + 99] = INFINITY;
      problem.src[2 * problem.src_stride] = NAN;
      const std::vector<float> actual = run(problem);
      for (std::size_t i = 0; i < actual.size(); ++i) CHECK(std::isnan(actual[i]) == (i >= 20));
    }
  }
}

TEST_CASE("linear_rows takes zero points of 2^bits and sums the largest integers") {
  for (const WeightType type : {WeightType::i4, WeightType::i3, WeightType::i2, WeightType::i8}) {
    const bool bytes = type == WeightType::i8;
    LinearProblem problem(
        type, 17, 257, 2, {.groups = {64, ScaleType::f32, true}, .plain = true}, [&](auto& weight) {
          const auto steps = static_cast<std::uint8_t>(bytes ? 0 : 1 << kernels::weight_bits(type));
          std::fill_n(weight.zero.data(), weight.zero.size(), steps);
          if (bytes) weight.set_integers(255);
        });
    problem.check(run(problem), problem.expected(), 0);
  }
}

TEST_CASE("linear_rows streams whole sectors and meets no bank conflicts") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {1, 2, 7, 8, 13, 16}) {
      for (const std::size_t group : {0, 32, 128}) {
        forget_counts();
        compare({type, 48, 1000, rows, {.groups = {group, ScaleType::f16, true}}}, 2);
        check_counts();
      }
    }
  }
}

}  // namespace transom::cuda_on_host
