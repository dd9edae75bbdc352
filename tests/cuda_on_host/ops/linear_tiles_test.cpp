// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/linear_tiles.h"

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/ops/linear_problem.h"

namespace transom::cuda_on_host {
namespace {

using kernels::ScaleType;
using kernels::WeightType;
using kernels::cuda::Activations;
using kernels::cuda::ActivationType;
using kernels::cuda::TiledLinearArgs;

constexpr WeightType kTypes[] = {WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2};

constexpr double kRoundoff = 0x1p-11;  // of activations in f16, which holds 11 bits

std::vector<float> run(const LinearProblem& problem, ActivationType type = ActivationType::half,
                       unsigned multiprocessors = 1) {
  return problem.run([&](const TiledLinearArgs& args) {
    DeviceArray<uint4> memory((kernels::cuda::activations_bytes(args, type) + 15) / 16);
    const Activations activations = kernels::cuda::place_activations(args, type, memory.data());
    DeviceArray<float> sums(kernels::cuda::linear_tiles_sums(args, type, multiprocessors));
    DeviceArray<unsigned> arrivals(std::vector<unsigned>(kernels::strip_count(args.weight.n), 0u));
    finish(launch_convert_activations(args, activations, nullptr));
    finish(launch_linear_tiles(args, activations, {sums.data(), arrivals.data()}, multiprocessors, nullptr));
    CHECK(arrivals.download() == std::vector<unsigned>(arrivals.size(), 0u));
  });
}

void compare(const LinearProblem& problem, unsigned multiprocessors = 1) {
  problem.check(run(problem, ActivationType::half, multiprocessors), problem.expected(), kRoundoff);
}
void compare_int8(const LinearProblem& problem, unsigned multiprocessors = 1) {
  problem.check(run(problem, ActivationType::int8, multiprocessors), problem.expected(true), 0);
}

/// How the device's memory and banks were used since forget_counts.
void check_counts() {
  if (!counts_accesses()) return;
  INFO(describe_counts("linear_tiles"));
  const Tally copied = counts("linear_tiles", {Use::copy_from_global});
  CHECK(copied.accesses > 0);
  CHECK(copied.sectors == copied.least_sectors);
  const Tally shared = counts("linear_tiles", {Use::load_shared, Use::store_shared, Use::copy_to_shared});
  CHECK(shared.conflicts == 0);
}

}  // namespace

TEST_CASE("linear_tiles agrees with the reference over odd sizes", "[sanitizer]") {
  for (const WeightType type : kTypes) {
    for (const std::size_t k : {1, 33, 64, 127, 300})
      for (const std::size_t n : {1, 16, 17, 130}) compare({type, n, k, 5});
  }
}

TEST_CASE("linear_tiles agrees with the reference over numbers of rows") {
  for (const WeightType type : kTypes)
    for (const std::size_t rows : {1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 128, 129, 200})
      compare({type, 33, 130, rows});
}

TEST_CASE("linear_tiles agrees with the reference over groups, scales and zero points") {
  for (const WeightType type : kTypes) {
    for (const std::size_t group : {0, 32, 64, 96, 128}) {
      for (const ScaleType scale : {ScaleType::f32, ScaleType::f16, ScaleType::bf16}) {
        if (scale != ScaleType::f16 && group != 64) continue;
        for (const bool zeros : {false, true}) {
          const LinearOptions options{.groups = {group, scale, zeros}, .plain = true};
          compare({type, 35, 2 * group + 35, 20, options});
          compare({type, 18, group + 1, 100, options});
        }
      }
    }
  }
}

TEST_CASE("linear_tiles with int8 activations equals the reference over groups, scales and zero points",
          "[sanitizer]") {
  for (const std::size_t group : {0, 32, 64, 96, 128, 256}) {
    for (const ScaleType scale : {ScaleType::f32, ScaleType::f16, ScaleType::bf16}) {
      if (scale != ScaleType::f16 && group != 64) continue;
      for (const bool zeros : {false, true}) {
        const LinearOptions options{.groups = {group, scale, zeros}};
        compare_int8({WeightType::i8, 35, 2 * group + 35, 3, options});
        compare_int8({WeightType::i8, 18, group + 1, 90, options});
        compare_int8({WeightType::i8, 150, 300, 66, options});
      }
    }
  }
  for (const std::size_t k : {1, 31, 63, 64, 65, 127, 128, 129, 1000})
    compare_int8({WeightType::i8, 17, k, 9});
  for (const std::size_t rows : {1, 8, 64, 65, 129}) compare_int8({WeightType::i8, 17, 200, rows});
}

TEST_CASE("linear_tiles sums exactly what activations of few bits make") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {7, 70}) {
      const LinearProblem problem(type, 150, 333, rows,
                                  {.groups = {64, ScaleType::f16, true}, .plain = true});
      problem.check(run(problem), problem.expected(), 0);
    }
  }
}

TEST_CASE("linear_tiles adds to dst, leaves out the bias and takes inputs in any order") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {6, 100}) {
      compare({type, 37, 200, rows, {.groups = {32}, .accumulate = true}});
      compare({type, 37, 200, rows, {.bias = false}});
      compare({type, 37, 200, rows, {.groups = {64, ScaleType::bf16, true}, .ordered = true}});
    }
  }
  compare_int8({WeightType::i8,
                37,
                200,
                70,
                {.groups = {64, ScaleType::f16, true}, .ordered = true, .accumulate = true}});
  compare_int8({WeightType::i8, 37, 200, 3, {.ordered = true, .bias = false}});
}

TEST_CASE("linear_tiles multiplies gate and up") {
  for (const WeightType type : kTypes) {
    for (const std::size_t n : {32, 96, 288}) compare({type, n, 150, 20, {.groups = {64}, .gated = true}});
    compare({type, 160, 520, 70, {.accumulate = true, .gated = true}}, 13);
  }
  compare_int8({WeightType::i8, 288, 520, 70, {.gated = true}}, 13);
}

TEST_CASE("linear_tiles splits the inputs, and which block is last does not matter", "[sanitizer]") {
  for (const ActivationType activations : {ActivationType::half, ActivationType::int8}) {
    for (const WeightType type : {WeightType::i8, WeightType::i3}) {
      if (activations == ActivationType::int8 && type != WeightType::i8) continue;
      for (const unsigned multiprocessors : {1, 3, 4}) {
        const LinearProblem problem(type, 136, 800, 70,
                                    {.groups = {96, ScaleType::f32, true}, .accumulate = true});
        const std::vector<float> forward = run(problem, activations, multiprocessors);
        const bool int8 = activations == ActivationType::int8;
        problem.check(forward, problem.expected(int8), int8 ? 0 : kRoundoff);
        reverse_blocks(true);
        CHECK(run(problem, activations, multiprocessors) == forward);
        reverse_blocks(false);
      }
    }
  }
  TiledLinearArgs args;
  args.weight.n = 136;
  args.weight.k = 800;
  args.n_rows = 70;
  const auto splits = [&](unsigned n) {
    return kernels::cuda::linear_tiles_splits(args, ActivationType::half, n);
  };
  CHECK(splits(1) == 1);
  CHECK(splits(3) == 3);
  CHECK(splits(132) == 3);
  args.weight.k = 3000;
  CHECK(splits(132) == 4);
}

TEST_CASE("linear_tiles: rows that are not finite give NaN, and only they") {
  for (const ActivationType activations : {ActivationType::half, ActivationType::int8}) {
    for (const std::size_t group : {0, 32}) {
      LinearProblem problem(WeightType::i8, 20, 100, 4, {.groups = {group}});
      problem.src[problem.src_stride + 99] = INFINITY;
      problem.src[2 * problem.src_stride] = NAN;
      for (std::size_t i = 0; i < 100; ++i) problem.src[3 * problem.src_stride + i] = 0;
      const std::vector<float> actual = run(problem, activations);
      for (std::size_t i = 0; i < 80; ++i) {
        CHECK(std::isnan(actual[i]) == (i >= 20 && i < 60));
        if (i >= 60) CHECK(actual[i] == problem.weight.bias[i - 60]);
      }
    }
  }
}

TEST_CASE("linear_tiles sums the largest integers of long rows") {
  for (const bool zeros : {false, true}) {
    const std::size_t k = zeros ? 5000 : 65535;
    LinearProblem problem(WeightType::i8, 3, k, 2, {.groups = {0, ScaleType::f32, zeros}}, [&](auto& weight) {
      weight.set_integers(255);
      if (zeros) std::fill_n(weight.zero.data(), weight.zero.size(), std::uint8_t{0});
    });
    std::fill(problem.src.begin(), problem.src.end(), 1.0f);
    compare_int8(problem);
    if (zeros) compare(problem);
  }
}

TEST_CASE("linear_tiles copies whole sectors and meets no bank conflicts") {
  for (const WeightType type : kTypes) {
    for (const std::size_t rows : {40, 130}) {
      for (const std::size_t group : {0, 32, 128}) {
        forget_counts();
        compare({type, 140, 200, rows, {.groups = {group, ScaleType::f16, true}}}, 1);
        check_counts();
      }
    }
  }
  for (const std::size_t group : {0, 32, 64, 128}) {
    for (const bool zeros : {false, true}) {
      forget_counts();
      compare_int8({WeightType::i8, 140, 200, 130, {.groups = {group, ScaleType::f16, zeros}}}, 1);
      check_counts();
    }
  }
}

}  // namespace transom::cuda_on_host
