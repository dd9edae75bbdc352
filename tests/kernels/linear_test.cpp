// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
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

constexpr WeightType kTypes[] = {WeightType::f32, WeightType::bf16, WeightType::i8,
                                 WeightType::i4,  WeightType::i3,   WeightType::i2};
constexpr WeightType kIntegers[] = {WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2};

/// Inputs and a result [n_rows, n] with strides beyond the width; the gap of dst must stay as it was.
struct Problem {
  Problem(WeightType type, std::size_t n, std::size_t k, std::size_t rows, std::size_t shift = 0,
          const TestGroups& groups = {})
      : weight(type, n, k, 7, groups),
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
  const std::size_t n = p.weight.packed.n;
  Aligned<float> dst(p.n_rows * p.dst_stride + 1, kGap, options.dst_shift);
  for (std::size_t r = 0; r < p.n_rows; ++r) {
    for (std::size_t o = 0; o < n; ++o) dst[r * p.dst_stride + o] = kOld;
  }
  Aligned<char> prepared(kernel.prepared_bytes(p.weight.packed, p.n_rows));
  Aligned<char> scratch(kernel.scratch_bytes(p.weight.packed, p.n_rows));
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
  const std::string name = kernel.name;
  const bool rounds_rows = name.find("bf16 bf16") != std::string::npos || name == "oneDNN bf16";
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

/// Every kernel that this machine runs: the list of the best set, and those of sets that it does not include.
std::vector<const LinearKernel*> usable_kernels(WeightType type, LinearUse use) {
  std::vector<const LinearKernel*> kernels;
  for (const kernels::Isa isa : {kernels::Isa::avx_vnni, kernels::Isa::avx512_bf16, kernels::best_isa()}) {
    if (!kernels::has_isa(isa)) continue;
    const kernels::LinearCandidates candidates = kernels::linear_candidates(isa, type, use);
    for (std::size_t i = 0; i < candidates.count; ++i) {
      const LinearKernel* kernel = candidates.list[i].kernel;
      const bool known = std::find(kernels.begin(), kernels.end(), kernel) != kernels.end();
      if (kernel != nullptr && !known) kernels.push_back(kernel);
    }
  }
  return kernels;
}

const LinearKernel& reference_of(WeightType type, LinearUse use = LinearUse::decode) {
  const kernels::LinearCandidates candidates = kernels::linear_candidates(kernels::Isa::scalar, type, use);
  return *candidates.list[candidates.count - 1].kernel;
}

/// The one that a set prefers.
const LinearKernel& first_kernel(kernels::Isa isa, WeightType type, LinearUse use) {
  const kernels::LinearCandidates candidates = kernels::linear_candidates(isa, type, use);
  std::size_t i = 0;
  while (candidates.list[i].kernel == nullptr) ++i;
  return *candidates.list[i].kernel;
}

/// Whether a kernel takes this weight at all.
bool takes(const LinearKernel& kernel, const Problem& p) {
  void* state = nullptr;
  if (kernel.create != nullptr && kernel.create(p.weight.packed, 512, &state) != nullptr) return false;
  if (kernel.destroy != nullptr) kernel.destroy(state);
  return p.n_rows <= kernel.max_rows;
}

void compare_all(const Problem& p, LinearUse use, const RunOptions& options = {}) {
  const WeightType type = p.weight.packed.type;
  const std::vector<float> expected = run(reference_of(type, use), p, {.accumulate = options.accumulate});
  for (const LinearKernel* kernel : usable_kernels(type, use)) {
    if (takes(*kernel, p)) compare(*kernel, p, expected, options);
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
        // Rows in int8 are rounded to 1/254 of their largest value; weights are below 1.5.
        const double allowed = kernels::is_integer(type) ? 1.5 * 5 * largest / 254 : 1e-6;
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

TEST_CASE("few rows are the same bits as one") {
  for (const WeightType type : kTypes) {
    for (const kernels::Isa isa : supported_isas()) {
      INFO(kernels::isa_name(isa));
      Problem p(type, 150, 700, 37);
      std::vector<float> few = run(first_kernel(isa, type, LinearUse::few), p);
      p.n_rows = 1;
      few.resize(p.weight.packed.n);
      CHECK(few == run(first_kernel(isa, type, LinearUse::decode), p));
    }
  }
}

TEST_CASE("integer products by matrix tiles are the same bits as those by vectors") {
  if (!kernels::has_isa(kernels::Isa::amx)) return;
  for (const WeightType type : kIntegers) {
    const auto first = [&](kernels::Isa isa) { return first_kernel(isa, type, LinearUse::prefill); };
    for (const std::size_t group : {32, 96, 128, 1024, 4096}) {
      for (const bool zeros : {false, true}) {
        const Problem p(type, 150, 2600, 45, 0, {group, kernels::ScaleType::f16, zeros});
        INFO("group " << group << " zeros " << zeros);
        CHECK(run(first(kernels::Isa::amx), p) == run(first(kernels::Isa::avx512_vnni), p));
      }
    }
  }
}

TEST_CASE("integer products agree with the reference over groups, scales and zero points") {
  using kernels::ScaleType;
  for (const WeightType type : kIntegers) {
    for (const std::size_t group : {32, 64, 96, 128, 1024}) {
      for (const ScaleType scale : {ScaleType::f32, ScaleType::f16, ScaleType::bf16}) {
        for (const bool zeros : {false, true}) {
          const TestGroups groups{group, scale, zeros};
          for (const std::size_t k : {group + 1, 2 * group, 2 * group + 35, std::size_t{70}})
            compare_all(Problem(type, 70, k, 2, 0, groups), LinearUse::decode);
          compare_all(Problem(type, 70, 2 * group + 35, 17, 1, groups), LinearUse::prefill,
                      {.accumulate = true, .panels_per_call = 1, .items_per_call = 1});
          compare_all(Problem(type, 70, 2 * group + 35, 3, 0, groups), LinearUse::exact);
        }
      }
    }
    compare_all(Problem(type, 64 * 5 + 1, 3000, 40, 0, {128, ScaleType::f16, true}), LinearUse::prefill);
    compare_all(Problem(type, 70, 140, 1, 0, {0, ScaleType::f16, true}), LinearUse::decode);
    compare_all(Problem(type, 70, 140, 20, 0, {0, ScaleType::f32, true}), LinearUse::prefill);
  }
}

TEST_CASE("exact products multiply what the integers stand for") {
  for (const WeightType type : kIntegers) {
    for (const std::size_t rows : {1, 4, 33}) {
      const Problem p(type, 130, 200, rows, 0, {64, kernels::ScaleType::f16, true});
      compare_all(p, LinearUse::exact);
      const std::vector<float> actual = run(reference_of(type, LinearUse::exact), p);
      double sum = static_cast<double>(p.weight.bias[5]);
      for (std::size_t i = 0; i < 200; ++i)
        sum += static_cast<double>(p.src[i]) * static_cast<double>(p.weight.value(5, i));
      CHECK(close(static_cast<double>(actual[5]), sum, 1e-5));
    }
  }
}

TEST_CASE("integer sums hold the largest values of the longest row") {
  const std::size_t k = 65535;
  for (const bool zeros : {false, true}) {
    Problem p(WeightType::i8, 3, k, 5, 0, {0, kernels::ScaleType::f32, zeros});
    std::fill(p.weight.integers.begin(), p.weight.integers.end(), std::uint8_t{255});
    if (zeros) std::fill_n(p.weight.zero.data(), p.weight.zero.size(), std::uint8_t{0});
    kernels::kernel_table(kernels::Isa::scalar)
        .pack_integers.run({p.weight.integers.data(), 3, k, WeightType::i8, p.weight.data.data()});
    for (std::size_t i = 0; i < p.src.size(); ++i) p.src[i] = 1.0f;
    compare_all(p, LinearUse::prefill);
  }
}

TEST_CASE("rows of zeros give the bias, rows that are not finite give NaN") {
  for (const WeightType type : kIntegers) {
    for (const TestGroups& groups : {TestGroups{}, TestGroups{32, kernels::ScaleType::f16, true}}) {
      for (const LinearKernel* kernel : usable_kernels(type, LinearUse::decode)) {
        INFO(kernel->name);
        Problem p(type, 20, 70, 2, 0, groups);
        for (std::size_t i = 0; i < 70; ++i) p.src[i] = 0;
        p.src[p.src_stride + 69] = INFINITY;
        const std::vector<float> actual = run(*kernel, p);
        for (std::size_t o = 0; o < 20; ++o) {
          CHECK(actual[o] == p.weight.bias[o]);
          CHECK(std::isnan(actual[20 + o]));
        }
      }
    }
  }
}

TEST_CASE("oneDNN refuses groups and zero points") {
  for (const LinearKernel* kernel : usable_kernels(WeightType::i8, LinearUse::prefill)) {
    if (kernel->create == nullptr) continue;
    CHECK(takes(*kernel, Problem(WeightType::i8, 70, 140, 20)));
    CHECK_FALSE(takes(*kernel, Problem(WeightType::i8, 70, 140, 20, 0, {64})));
    CHECK_FALSE(takes(*kernel, Problem(WeightType::i8, 70, 140, 20, 0, {0, kernels::ScaleType::f32, true})));
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
  CHECK(names(Isa::amx, WeightType::i4, LinearUse::decode)[0] == "avx512_vnni i4 decode");
  CHECK(names(Isa::amx, WeightType::i4, LinearUse::prefill)[0] == "amx i4 gemm");
  const kernels::LinearCandidates list =
      kernels::linear_candidates(Isa::avx2, WeightType::bf16, LinearUse::decode);
  CHECK(std::string(list.list[0].refusal) == "no avx512_bf16");
}

}  // namespace transom::testing
