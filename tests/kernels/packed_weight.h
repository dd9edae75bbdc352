// SPDX-License-Identifier: Apache-2.0
/// A packed weight of random numbers with a bias, and its values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"

namespace transom::testing {

/// How an integer weight is grouped.
struct TestGroups {
  std::size_t group = 0;  ///< 0: all inputs
  kernels::ScaleType scale_type = kernels::ScaleType::f32;
  bool zeros = false;
};

struct PackedTestWeight {
  PackedTestWeight(kernels::WeightType type, std::size_t n, std::size_t k, std::uint64_t seed,
                   const TestGroups& groups = {})
      : data(kernels::packed_bytes(type, n, k)), bias(kernels::panel_count(n) * 64), scale(0), zero(0) {
    packed.type = type;
    packed.n = n;
    packed.k = k;
    packed.data = data.data();
    packed.bias = bias.data();
    Random random(seed);
    random.fill(bias.data(), n);
    if (kernels::is_integer(type)) {
      fill_integers(random, groups);
    } else {
      fill_floats(random);
    }
  }

  /// W[out, in] as it was stored.
  float value(std::size_t out, std::size_t in) const {
    if (packed.type == kernels::WeightType::f32)
      return static_cast<const float*>(packed.data)[kernels::packed_index(packed.type, packed.k, out, in)];
    if (packed.type == kernels::WeightType::bf16) {
      return kernels::bf16_to_f32(static_cast<const std::uint16_t*>(
          packed.data)[kernels::packed_index(packed.type, packed.k, out, in)]);
    }
    const std::size_t at =
        (out / 64 * packed.groups + std::min(in / packed.group, packed.groups - 1)) * 64 + out % 64;
    const int origin =
        packed.zero != nullptr ? packed.zero[at] : 1 << (kernels::weight_bits(packed.type) - 1);
    return scale_value(at) * static_cast<float>(integers[out * packed.k + in] - origin);
  }

  /// Makes all integers q.
  void set_integers(std::uint8_t q) {
    std::fill(integers.begin(), integers.end(), q);
    pack_integers();
  }

  std::vector<std::uint8_t> integers;  // [n, k]
  Aligned<char> data;
  Aligned<float> bias;
  Aligned<float> scale;
  Aligned<std::uint8_t> zero;
  kernels::PackedWeight packed;

 private:
  void fill_floats(Random& random) {
    std::vector<float> values(packed.n * packed.k);
    random.fill(values.data(), values.size());
    std::vector<const void*> rows(packed.n);
    for (std::size_t o = 0; o < packed.n; ++o) rows[o] = values.data() + o * packed.k;
    kernels::PackArgs args;
    args.rows = rows.data();
    args.type = packed.type;
    args.n = packed.n;
    args.k = packed.k;
    args.data = data.data();
    args.panel_end = kernels::panel_count(packed.n);
    kernels::kernel_table(kernels::Isa::scalar).pack.run(args);
  }

  void fill_integers(Random& random, const TestGroups& groups) {
    const std::size_t panels = kernels::panel_count(packed.n), k = packed.k;
    const int steps = 1 << kernels::weight_bits(packed.type);
    const auto below = [&](int bound) {
      return static_cast<std::uint8_t>((random.next() * 0.5f + 0.5f) * static_cast<float>(bound));
    };
    packed.group = groups.group == 0 || groups.group > k ? k : groups.group;
    packed.groups = kernels::group_count(k, packed.group);
    packed.scale_type = groups.scale_type;
    const std::size_t scales = panels * packed.groups * 64;
    scale = Aligned<float>(scales);  // room for any type
    packed.scale = scale.data();
    for (std::size_t i = 0; i < scales; ++i)
      store_scale(i, (random.next() + 1.25f) / static_cast<float>(steps));
    if (groups.zeros) {
      zero = Aligned<std::uint8_t>(scales);
      for (std::size_t i = 0; i < scales; ++i) zero[i] = below(steps);
      packed.zero = zero.data();
    }
    integers.resize(packed.n * k);
    for (std::uint8_t& q : integers) q = below(steps);
    pack_integers();
  }

  void pack_integers() {
    const std::size_t k = packed.k;
    for (std::size_t panel = 0; panel < kernels::panel_count(packed.n); ++panel) {
      kernels::PackIntegersArgs args;
      args.values = integers.data() + panel * 64 * k;
      args.rows = std::min<std::size_t>(64, packed.n - panel * 64);
      args.k = k;
      args.type = packed.type;
      args.data = data.data() + panel * kernels::panel_bytes(packed.type, k);
      kernels::kernel_table(kernels::Isa::scalar).pack_integers.run(args);
    }
  }

  void store_scale(std::size_t at, float value) {
    auto* halves = reinterpret_cast<std::uint16_t*>(scale.data());
    if (packed.scale_type == kernels::ScaleType::f32) scale[at] = value;
    if (packed.scale_type == kernels::ScaleType::f16) halves[at] = kernels::f32_to_f16(value);
    if (packed.scale_type == kernels::ScaleType::bf16) halves[at] = kernels::f32_to_bf16(value);
  }

  float scale_value(std::size_t at) const {
    const auto* halves = reinterpret_cast<const std::uint16_t*>(scale.data());
    if (packed.scale_type == kernels::ScaleType::f32) return scale[at];
    return packed.scale_type == kernels::ScaleType::f16 ? kernels::f16_to_f32(halves[at])
                                                        : kernels::bf16_to_f32(halves[at]);
  }
};

}  // namespace transom::testing
