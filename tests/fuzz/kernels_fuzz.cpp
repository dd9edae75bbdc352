// SPDX-License-Identifier: Apache-2.0
/// The same bytes to the reference and to every variant that this machine runs. Byte 0 chooses the op, the
/// next three the shape, the rest become numbers. Ops that only move or round once must agree bit by bit, for
/// any bits; sums, for numbers in [-1, 1), within the tolerance of the kernel tests.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

#include "kernels/cpu/kernel_table.h"
#include "tests/fuzz/require.h"
#include "tests/kernels/support.h"
#include "tests/support/tolerance.h"

namespace {

using namespace transom;
using fuzz::require;
using kernels::Isa;
using kernels::KernelTable;
using testing::Aligned;

/// Numbers made of the input's bytes, over and over.
class Source {
 public:
  explicit Source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    return bytes_[at_++ % bytes_.size()];
  }
  std::size_t below(std::size_t limit) { return byte() % limit; }
  /// Any bits: NaN, infinities and subnormal numbers too.
  float any() {
    std::uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) bits = bits << 8 | byte();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  /// A multiple of 2^-7 in [-1, 1).
  float small() { return static_cast<float>(static_cast<std::int8_t>(byte())) * 0x1p-7f; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

struct Shape {
  std::size_t rows, n, k;
};

/// Equal, or both NaN: the bits of a NaN are nobody's contract.
bool same(float a, float b) {
  std::uint32_t a_bits, b_bits;
  std::memcpy(&a_bits, &a, sizeof a);
  std::memcpy(&b_bits, &b, sizeof b);
  return a_bits == b_bits || (a != a && b != b);
}

using Numbers = Aligned<float>;

Numbers numbers(std::size_t count, Source& source, bool any) {
  Numbers out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = any ? source.any() : source.small();
  return out;
}

void require_same(const Numbers& actual, const Numbers& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) require(same(actual[i], expected[i]));
}

void require_close(const Numbers& actual, const Numbers& expected, std::size_t length, double magnitude,
                   testing::Rounding rounding) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    require(testing::close(static_cast<double>(actual[i]), static_cast<double>(expected[i]),
                           testing::tolerance(length, magnitude, rounding)));
  }
}

/// compute(table) -> result, for the reference and then for each variant: compare(result, reference's).
template <typename Compute, typename Compare>
void across_variants(const Compute& compute, const Compare& compare) {
  const auto expected = compute(kernels::kernel_table(Isa::scalar));
  for (const Isa isa : testing::supported_isas()) compare(compute(kernels::kernel_table(isa)), expected);
}

void quantize_rows(const Shape& s, Source& source) {
  const Numbers src = numbers(s.rows * s.k, source, true);
  struct Result {
    std::vector<std::int8_t> integers;
    Numbers scale;
  };
  across_variants(
      [&](const KernelTable& table) {
        Result result{std::vector<std::int8_t>(s.rows * s.k), Numbers(s.rows)};
        table.quantize_rows.run(
            {src.data(), s.k, s.k, 0, s.rows, result.integers.data(), s.k, result.scale.data()});
        return result;
      },
      [](const Result& actual, const Result& expected) {
        require(actual.integers == expected.integers);
        require_same(actual.scale, expected.scale);
      });
}

void add(const Shape& s, Source& source) {
  const Numbers src = numbers(s.rows * s.n, source, true), old = numbers(s.rows * s.n, source, true);
  across_variants(
      [&](const KernelTable& table) {
        Numbers dst(old.size());
        std::copy_n(old.data(), old.size(), dst.data());
        table.add.run({src.data(), s.n, dst.data(), s.n, s.rows, s.n});
        return dst;
      },
      require_same);
}

void embed(const Shape& s, Source& source) {
  constexpr std::size_t kVocab = 3;
  constexpr kernels::TableType kTypes[] = {kernels::TableType::f32, kernels::TableType::bf16,
                                           kernels::TableType::f16};
  const kernels::TableType type = kTypes[source.below(3)];
  const Numbers values = numbers(kVocab * s.n, source, true);
  std::vector<std::int32_t> ids(s.rows);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(source.below(kVocab));
  const float scale = source.small();
  across_variants(
      [&](const KernelTable& table) {
        Numbers dst(s.rows * s.n);
        table.embed.run({values.data(), type, ids.data(), dst.data(), s.n, s.rows, s.n, scale});
        return dst;
      },
      require_same);
}

void rms_norm(const Shape& s, Source& source) {
  const Numbers src = numbers(s.rows * s.n, source, false), weight = numbers(s.n, source, false);
  constexpr float kEpsilon = 1e-3f, kOffset = 1;
  // A row of zeros but one reaches sqrt(n) times the weight, which is below 2.
  const double magnitude = 2 * std::sqrt(static_cast<double>(s.n));
  across_variants(
      [&](const KernelTable& table) {
        Numbers dst(src.size());
        table.rms_norm.run({src.data(), s.n, weight.data(), dst.data(), s.n, s.rows, s.n, kEpsilon, kOffset});
        return dst;
      },
      [&](const Numbers& actual, const Numbers& expected) {
        require_close(actual, expected, s.n, magnitude, testing::Rounding::f32);
      });
}

void gated_mul(const Shape& s, Source& source) {
  const Numbers src = numbers(s.rows * 2 * s.n, source, false);
  across_variants(
      [&](const KernelTable& table) {
        Numbers dst(s.rows * s.n);
        table.gated_mul.run({src.data(), 2 * s.n, dst.data(), s.n, s.rows, s.n});
        return dst;
      },
      [](const Numbers& actual, const Numbers& expected) {
        require_close(actual, expected, 1, 1, testing::Rounding::f32);
      });
}

struct Packed {
  Packed(kernels::WeightType type, const Shape& s, Source& source)
      : data(kernels::packed_bytes(type, s.n, s.k)),
        bias(kernels::panel_count(s.n) * kernels::kPanelColumns),
        scale(0),
        zero(0) {
    for (std::size_t o = 0; o < s.n; ++o) bias[o] = source.small();
    weight.type = type;
    weight.n = s.n;
    weight.k = s.k;
    weight.data = data.data();
    weight.bias = bias.data();
    if (kernels::is_integer(type)) {
      pack_integers(source);
    } else {
      pack_floats(source);
    }
  }

  void pack_floats(Source& source) {
    const Numbers values = numbers(weight.n * weight.k, source, false);
    std::vector<const void*> rows(weight.n);
    for (std::size_t o = 0; o < weight.n; ++o) rows[o] = values.data() + o * weight.k;
    kernels::kernel_table(Isa::scalar)
        .pack.run({rows.data(), kernels::SourceType::f32, weight.type, weight.n, weight.k, data.data(), 0,
                   kernels::panel_count(weight.n)});
  }

  /// Scales of at most 2^-bits: every |weight| is at most 1.
  void pack_integers(Source& source) {
    const std::size_t steps = std::size_t{1} << kernels::weight_bits(weight.type);
    weight.group = std::min<std::size_t>(weight.k, 32 * (source.below(4) + 1));
    weight.groups = kernels::group_count(weight.k, weight.group);
    scale = Numbers(kernels::panel_count(weight.n) * weight.groups * kernels::kPanelColumns);
    for (std::size_t i = 0; i < scale.size(); ++i) scale[i] = source.small() / static_cast<float>(steps);
    weight.scale = scale.data();
    if (source.below(2) == 1) {
      zero = Aligned<std::uint8_t>(scale.size());
      for (std::size_t i = 0; i < zero.size(); ++i) zero[i] = static_cast<std::uint8_t>(source.below(steps));
      weight.zero = zero.data();
    }
    std::vector<std::uint8_t> values(weight.n * weight.k);
    for (std::uint8_t& q : values) q = static_cast<std::uint8_t>(source.below(steps));
    for (std::size_t first = 0; first < weight.n; first += kernels::kPanelColumns) {
      const std::size_t rows = std::min(kernels::kPanelColumns, weight.n - first);
      char* const panel =
          data.data() + first / kernels::kPanelColumns * kernels::panel_bytes(weight.type, weight.k);
      kernels::kernel_table(Isa::scalar)
          .pack_integers.run({values.data() + first * weight.k, rows, weight.k, weight.type, panel});
    }
  }

  Aligned<char> data;
  Numbers bias, scale;
  Aligned<std::uint8_t> zero;
  kernels::PackedWeight weight;
};

Numbers run_linear(const kernels::LinearKernel& kernel, const kernels::PackedWeight& weight,
                   const Numbers& src, std::size_t rows) {
  Numbers dst(rows * weight.n);
  Aligned<char> prepared(kernel.prepared_bytes(weight, rows)), scratch(kernel.scratch_bytes(weight, rows));
  kernels::LinearArgs args;
  args.src = src.data();
  args.src_stride = weight.k;
  args.weight = weight;
  args.dst = dst.data();
  args.dst_stride = weight.n;
  args.n_rows = rows;
  args.panel_end = kernels::panel_count(weight.n);
  args.prepared = prepared.data();
  args.scratch = scratch.data();
  kernel.prepare(args, 0, kernel.prepare_items(rows));
  kernel.run(args);
  return dst;
}

void linear(const Shape& s, Source& source) {
  const auto type = static_cast<kernels::WeightType>(source.below(kernels::kWeightTypeCount));
  const Packed packed(type, s, source);
  const Numbers src = numbers(s.rows * s.k, source, false);
  // Every |product| and every |bias| is at most 1.
  const double magnitude = static_cast<double>(s.k) + 1;
  const testing::Rounding rounding =
      type == kernels::WeightType::bf16 ? testing::Rounding::bf16 : testing::Rounding::f32;
  for (const kernels::LinearUse use :
       {kernels::LinearUse::decode, kernels::LinearUse::prefill, kernels::LinearUse::exact}) {
    if (use == kernels::LinearUse::exact && !kernels::is_integer(type)) continue;
    const kernels::LinearCandidates candidates = kernels::linear_candidates(kernels::best_isa(), type, use);
    const kernels::LinearKernel* reference = candidates.list[candidates.count - 1].kernel;
    require(reference != nullptr);
    const Numbers expected = run_linear(*reference, packed.weight, src, s.rows);
    for (std::size_t i = 0; i < candidates.count; ++i) {
      const kernels::LinearKernel* kernel = candidates.list[i].kernel;
      // A kernel with a state of its own packs the weight itself; tests/kernels covers it.
      if (kernel == nullptr || kernel->create != nullptr || s.rows > kernel->max_rows) continue;
      require_close(run_linear(*kernel, packed.weight, src, s.rows), expected, s.k, magnitude, rounding);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  constexpr void (*kOps[])(const Shape&, Source&) = {quantize_rows, add, embed, rms_norm, gated_mul, linear};
  const Shape shape{data[1] % 6 + std::size_t{1}, data[2] % 140 + std::size_t{1},
                    data[3] % 200 + std::size_t{1}};
  Source source({data + 4, size - 4});
  kOps[data[0] % std::size(kOps)](shape, source);
  return 0;
}
