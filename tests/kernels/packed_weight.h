// SPDX-License-Identifier: Apache-2.0
/// A packed weight of random numbers with a bias, and its values.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"

namespace transom::testing {

struct PackedTestWeight {
  PackedTestWeight(kernels::WeightType type, std::size_t n, std::size_t k, std::uint64_t seed)
      : values(n * k),
        data(kernels::packed_bytes(type, n, k)),
        scale(kernels::panel_count(n) * 64),
        column_sum(kernels::panel_count(n) * 64),
        bias(kernels::panel_count(n) * 64) {
    Random random(seed);
    random.fill(values.data(), values.size());
    random.fill(bias.data(), n);
    std::vector<const void*> rows(n);
    for (std::size_t o = 0; o < n; ++o) rows[o] = values.data() + o * k;
    kernels::PackArgs args;
    args.rows = rows.data();
    args.type = type;
    args.n = n;
    args.k = k;
    args.data = data.data();
    args.scale = scale.data();
    args.column_sum = column_sum.data();
    args.panel_end = kernels::panel_count(n);
    kernels::kernel_table(kernels::Isa::scalar).pack.run(args);
    packed.type = type;
    packed.n = n;
    packed.k = k;
    packed.data = data.data();
    packed.scale = type == kernels::WeightType::i8 ? scale.data() : nullptr;
    packed.column_sum = type == kernels::WeightType::i8 ? column_sum.data() : nullptr;
    packed.bias = bias.data();
  }

  /// W[out, in] as it was stored.
  float value(std::size_t out, std::size_t in) const {
    const std::size_t at = kernels::packed_index(packed.type, packed.k, out, in);
    switch (packed.type) {
      case kernels::WeightType::f32:
        return static_cast<const float*>(packed.data)[at];
      case kernels::WeightType::bf16:
        return kernels::bf16_to_f32(static_cast<const std::uint16_t*>(packed.data)[at]);
      default:
        return static_cast<float>(static_cast<const std::int8_t*>(packed.data)[at]) * scale[out];
    }
  }

  std::vector<float> values;  // [n, k] before packing
  Aligned<char> data;
  Aligned<float> scale;
  Aligned<std::int32_t> column_sum;
  Aligned<float> bias;
  kernels::PackedWeight packed;
};

}  // namespace transom::testing
