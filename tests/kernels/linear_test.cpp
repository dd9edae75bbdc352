// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/packed_weight.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/tolerance.h"

namespace transom::testing {
namespace {

using kernels::LinearArgs;
using kernels::LinearKernel;
using kernels::LinearUse;
using kernels::WeightType;

constexpr WeightType kTypes[] = {WeightType::f32, WeightType::bf16, WeightType::i8};

/// Inputs and a result [n_rows, n] with strides beyond the width; the gap of dst must stay as it was.
struct Problem {
  Problem(WeightType type, std::size_t n, std::size_t k, std::size_t rows, std::size_t shift = 0)
      : weight(type, n, k, 7),
        n_rows(rows),
        src_stride(k + 3),
        dst_stride(n + 5),
        src(rows * src_stride + 1, 0.0f, shift) {
    Random random(n * 31 + k * 7 + rows);
    random.fill(src.data(), src.size());
  }

  PackedTestWeight weight;
  std::size_t n_rows, src_stride, dst_stride;
  Aligned<float> src;
};

struct RunOptions {
  bool accumulate = false;
  std::size_t panels_per_call = 1000000;
  std::size_t items_per_call = 1000000;
  std::size_t dst_shift = 0;
};

constexpr float kOld = 0.5f;    // value of dst before
constexpr float kGap = -77.0f;  // value between rows of dst

std::vector<float> run(const LinearKernel& kernel, const Problem& p, const RunOptions& options = {}) {
  const std::size_t n = p.weight.packed.n, k = p.weight.packed.k;
  Aligned<float> dst(p.n_rows * p.dst_stride + 1, kGap, options.dst_shift);
  for (std::size_t r = 0; r < p.n_rows; ++r) {
    for (std::size_t o = 0; o < n; ++o) dst[r * p.dst_stride + o] = kOld;
  }
  Aligned<char> prepared(kernel.prepared_bytes(k, p.n_rows));
  Aligned<char> scratch(kernel.scratch_bytes(k, p.n_rows));
  void* state = nullptr;
  if (kernel.create != nullptr) REQUIRE(kernel.create(p.weight.packed, 512, &state) == nullptr);

  LinearArgs args;
  args.src = p.src.data();
  args.src_stride = p.src_stride;
  args.weight = p.weight.packed;
  args.dst = dst.data();
  args.dst_stride = p.dst_stride;
  args.n_rows = p.n_rows;
  args.accumulate = options.accumulate;
  args.prepared = prepared.data();
  args.scratch = scratch.data();
  args.state = state;
  const std::size_t items = kernel.prepare_items(p.n_rows);
  for (std::size_t i = 0; i < items; i += options.items_per_call) {
    kernel.prepare(args, i, std::min(items, i + options.items_per_call));
  }
  const std::size_t panels = kernels::panel_count(n);
  for (std::size_t i = 0; i < panels; i += options.panels_per_call) {
    args.panel_begin = i;
    args.panel_end = std::min(panels, i + options.panels_per_call);
    kernel.run(args);
  }
  if (kernel.destroy != nullptr) kernel.destroy(state);

  std::vector<float> result;
  for (std::size_t r = 0; r < p.n_rows; ++r) {
    for (std::size_t o = 0; o < p.dst_stride; ++o) {
      const float value = dst[r * p.dst_stride + o];
      if (o < n) {
        result.push_back(value);
      } else {
        REQUIRE(value == kGap);
      }
    }
  }
  return result;
}

/// Sum of |products| of one result.
double magnitude(const Problem& p, std::size_t row, std::size_t out) {
  double sum = std::fabs(static_cast<double>(p.weight.bias[out])) + 1;
  for (std::size_t i = 0; i < p.weight.packed.k; ++i) {
    sum += std::fabs(static_cast<double>(p.src[row * p.src_stride + i] * p.weight.value(out, i)));
  }
  return sum;
}

void compare(const LinearKernel& kernel, const Problem& p, const std::vector<float>& expected,
             const RunOptions& options) {
  const std::vector<float> actual = run(kernel, p, options);
  const std::size_t n = p.weight.packed.n, k = p.weight.packed.k;
  const bool rounds_rows = std::string(kernel.name).find("bf16 bf16") != std::string::npos;
  REQUIRE(actual.size() == expected.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double allowed =
        tolerance(k, magnitude(p, i / n, i % n), rounds_rows ? Rounding::bf16 : Rounding::f32);
    if (!close(static_cast<double>(actual[i]), static_cast<double>(expected[i]), allowed)) ++wrong;
  }
  INFO(kernel.name << " n " << n << " k " << k << " rows " << p.n_rows);
  CHECK(wrong == 0);
}

std::vector<const LinearKernel*> usable_kernels(WeightType type, LinearUse use) {
  std::vector<const LinearKernel*> kernels;
  const kernels::LinearCandidates candidates = kernels::linear_candidates(kernels::best_isa(), type, use);
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if (candidates.list[i].kernel != nullptr) kernels.push_back(candidates.list[i].kernel);
  }
  return kernels;
}

const LinearKernel& reference_of(WeightType type) { return *usable_kernels(type, LinearUse::decode).back(); }

void compare_all(const Problem& p, LinearUse use, const RunOptions& options = {}) {
  const WeightType type = p.weight.packed.type;
  const std::vector<float> expected = run(reference_of(type), p, {.accumulate = options.accumulate});
  for (const LinearKernel* kernel : usable_kernels(type, use)) {
    if (p.n_rows <= kernel->max_rows) compare(*kernel, p, expected, options);
  }
}

}  // namespace

TEST_CASE("linear reference is a matrix product") {
  for (const WeightType type : kTypes) {
    Problem p(type, 3, 5, 2);
    const std::vector<float> actual = run(reference_of(type), p);
    for (std::size_t row = 0; row < 2; ++row) {
      double largest = 0;
      for (std::size_t i = 0; i < 5; ++i) {
        largest = std::max(largest, std::fabs(static_cast<double>(p.src[row * p.src_stride + i])));
      }
      for (std::size_t out = 0; out < 3; ++out) {
        double expected = static_cast<double>(p.weight.bias[out]);
        for (std::size_t i = 0; i < 5; ++i) {
          expected += static_cast<double>(p.src[row * p.src_stride + i] * p.weight.value(out, i));
        }
        // i8 rows are rounded to 1/254 of their largest value.
        const double allowed = type == WeightType::i8 ? 5 * largest / 254 : 1e-6;
        CHECK(close(static_cast<double>(actual[row * 3 + out]), expected, allowed));
      }
    }
  }
}

TEST_CASE("linear kernels agree with the reference over odd sizes") {
  for (const WeightType type : kTypes) {
    for (const std::size_t k : {1, 2, 3, 4, 15, 16, 17, 31, 33, 63, 64, 65, 127, 300}) {
      for (const std::size_t n : {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130}) {
        compare_all(Problem(type, n, k, 1), LinearUse::decode);
        compare_all(Problem(type, n, k, 3), LinearUse::prefill);
      }
    }
  }
}

TEST_CASE("linear kernels agree with the reference over numbers of rows") {
  for (const WeightType type : kTypes) {
    for (std::size_t rows = 1; rows <= 4; ++rows)
      compare_all(Problem(type, 70, 140, rows), LinearUse::decode);
    for (std::size_t rows = 1; rows <= 45; ++rows)
      compare_all(Problem(type, 70, 140, rows), LinearUse::prefill);
    compare_all(Problem(type, 65, 40, 1100), LinearUse::prefill);  // more than one block of rows
    compare_all(Problem(type, 64 * 9, 2100, 20),
                LinearUse::prefill);  // several groups of panels and blocks of words
  }
}

TEST_CASE("linear kernels accept misaligned starts, add to dst, and split panels and items anywhere") {
  for (const WeightType type : kTypes) {
    for (const std::size_t shift : {1, 3}) {
      const RunOptions options = {
          .accumulate = true, .panels_per_call = 1, .items_per_call = 1, .dst_shift = shift};
      compare_all(Problem(type, 150, 70, 2, shift), LinearUse::decode, options);
      compare_all(Problem(type, 150, 70, 29, shift), LinearUse::prefill, options);
    }
  }
}

TEST_CASE("linear results are the same bits for any split") {
  for (const WeightType type : kTypes) {
    Problem p(type, 64 * 6 + 3, 600, 33);
    for (const LinearKernel* kernel : usable_kernels(type, LinearUse::prefill)) {
      INFO(kernel->name);
      CHECK(run(*kernel, p) == run(*kernel, p, {.panels_per_call = 2, .items_per_call = 2}));
    }
  }
}

TEST_CASE("i8 products are exact, hence equal in all kernels") {
  Problem p(WeightType::i8, 100, 1000, 5);
  for (std::size_t i = 0; i < p.src.size(); ++i) p.src[i] *= 1000.0f;
  const std::vector<float> expected = run(reference_of(WeightType::i8), p);
  for (const LinearKernel* kernel : usable_kernels(WeightType::i8, LinearUse::prefill)) {
    compare(*kernel, p, expected, {});
  }
}

TEST_CASE("i8 rows of zeros give the bias, rows that are not finite give NaN") {
  for (const LinearKernel* kernel : usable_kernels(WeightType::i8, LinearUse::decode)) {
    INFO(kernel->name);
    Problem p(WeightType::i8, 20, 70, 2);
    for (std::size_t i = 0; i < 70; ++i) p.src[i] = 0;
    p.src[p.src_stride + 69] = INFINITY;
    const std::vector<float> actual = run(*kernel, p);
    for (std::size_t o = 0; o < 20; ++o) {
      CHECK(actual[o] == p.weight.bias[o]);
      CHECK(std::isnan(actual[20 + o]));
    }
  }
}

TEST_CASE("linear candidates are ordered, name what runs, and say why not") {
  using kernels::Isa;
  const auto names = [](Isa isa, WeightType type, LinearUse use) {
    std::vector<std::string> result;
    const kernels::LinearCandidates list = kernels::linear_candidates(isa, type, use);
    for (std::size_t i = 0; i < list.count; ++i) {
      const kernels::LinearCandidate& c = list.list[i];
      CHECK((c.kernel == nullptr) == (c.refusal != nullptr));
      if (c.kernel != nullptr) {
        CHECK(std::string(c.kernel->name) == c.name);
        CHECK(c.kernel->type == type);
        result.emplace_back(c.name);
      }
    }
    return result;
  };
  for (const WeightType type : kTypes) {
    CHECK(names(Isa::scalar, type, LinearUse::decode).size() == 1);
    CHECK(names(Isa::scalar, type, LinearUse::decode)[0].find("reference") == 0);
    CHECK(names(Isa::avx2, type, LinearUse::decode)[0].find("avx2 ") == 0);
    CHECK(names(Isa::avx512, type, LinearUse::decode)[0].find("avx512 ") == 0);
  }
  CHECK(names(Isa::avx512_vnni, WeightType::i8, LinearUse::decode)[0] == "avx512_vnni i8 decode");
  CHECK(names(Isa::avx512_bf16, WeightType::bf16, LinearUse::decode)[0] == "avx512_bf16 bf16 decode");
  const kernels::LinearCandidates list =
      kernels::linear_candidates(Isa::avx2, WeightType::bf16, LinearUse::decode);
  CHECK(std::string(list.list[0].refusal) == "no avx512_bf16");
}

}  // namespace transom::testing
