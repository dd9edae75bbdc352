// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/convert_activations.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/bf16.h"
#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/support.h"

namespace transom::cuda_on_host {
namespace {

using kernels::WeightType;
using kernels::cuda::Activations;
using kernels::cuda::ActivationType;
using kernels::cuda::TiledLinearArgs;

constexpr std::size_t kRows = 5;

/// Rows of very different sizes, misaligned, and what became of them.
struct Converted {
  Converted(WeightType weight, ActivationType type, std::size_t inputs, std::size_t group_size, bool ordered,
            bool zeros)
      : k(inputs), group(group_size == 0 ? inputs : group_size), src(kRows * stride()), order(inputs) {
    testing::Random random(inputs + group);
    random.fill(src.data(), src.size());
    const float sizes[kRows] = {1.0f, 0x1p60f, 0x1p-70f, 0.0f, 3.0f};
    for (std::size_t i = 0; i < src.size(); ++i) src[i] *= sizes[i / stride()];
    src[4 * stride() + k / 2] = NAN;
    for (std::size_t i = 0; i < k; ++i) order[i] = static_cast<std::int32_t>(ordered ? k - 1 - i : i);
    const DeviceArray<float> device_src(src, 1);
    const DeviceArray<std::int32_t> device_order(order);
    const DeviceArray<std::uint8_t> some(1);
    TiledLinearArgs args;
    args.src = device_src.data();
    args.src_stride = stride();
    args.input_order = ordered ? device_order.data() : nullptr;
    args.weight.type = weight;
    args.weight.k = k;
    args.weight.group = group;
    args.weight.groups = kernels::group_count(k, group);
    args.weight.zero = zeros ? some.data() : nullptr;
    args.n_rows = kRows;
    const std::size_t bytes = kernels::cuda::activations_bytes(args, type);
    DeviceArray<uint4> memory((bytes + 15) / 16);
    const Activations to = kernels::cuda::place_activations(args, type, memory.data());
    finish(kernels::cuda::launch_convert_activations(args, to, nullptr));
    const std::vector<uint4> downloaded = memory.download();
    const auto* base = reinterpret_cast<const std::uint8_t*>(downloaded.data());
    const auto words = [&](const void* at) {
      return reinterpret_cast<const float*>(base + (static_cast<const unsigned char*>(at) - to.values));
    };
    values.assign(base, base + kRows * to.pitch);
    pitch = to.pitch;
    padded_rows = to.padded_rows;
    const std::size_t n_scales = (type == ActivationType::int8 ? args.weight.groups : 1) * padded_rows;
    scales.assign(words(to.scales), words(to.scales) + n_scales);
    part = kernels::cuda::int8_part(args.weight);
    if (to.sums == nullptr) return;
    const auto* from = reinterpret_cast<const std::int32_t*>(words(to.sums));
    sums.assign(from, from + pitch / part * padded_rows);
  }
  std::size_t stride() const { return k + 3; }
  float at(std::size_t row, std::size_t input) const {
    return src[row * stride() + static_cast<std::size_t>(order[input])];
  }
  std::uint16_t half(std::size_t row, std::size_t input) const {
    return static_cast<std::uint16_t>(values[row * pitch + 2 * input] | values[row * pitch + 2 * input + 1]
                                                                            << 8);
  }

  std::size_t k, group, pitch = 0, padded_rows = 0, part = 0;
  std::vector<float> src;
  std::vector<std::int32_t> order;
  std::vector<std::uint8_t> values;
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
};

}  // namespace

TEST_CASE("convert_activations brings rows into the range of f16 by powers of two", "[sanitizer]") {
  for (const std::size_t k : {1, 31, 64, 65, 300, 5000}) {
    for (const bool ordered : {false, true}) {
      const Converted c(WeightType::i4, ActivationType::half, k, 0, ordered, false);
      std::size_t wrong = 0;
      for (std::size_t row = 0; row < kRows - 1; ++row) {
        float largest = 0;
        for (std::size_t i = 0; i < k; ++i) largest = std::max(largest, std::fabs(c.at(row, i)));
        const float factor = c.scales[row];
        int exponent = 0;
        CHECK(std::frexp(factor, &exponent) == 0.5f);
        if (largest > 0) CHECK((largest / factor >= 0x1p14f && largest / factor < 0x1p15f));
        for (std::size_t i = 0; i < c.pitch / 2; ++i) {
          const float expected = i < k ? c.at(row, i) / factor : 0.0f;
          if (c.half(row, i) != kernels::f32_to_f16(expected)) ++wrong;
        }
      }
      CHECK(wrong == 0);
      CHECK(std::isnan(c.scales[kRows - 1]));
    }
  }
}

TEST_CASE("convert_activations rounds to bf16 for bf16 weights", "[sanitizer]") {
  for (const std::size_t k : {1, 63, 64, 300}) {
    const Converted c(WeightType::bf16, ActivationType::half, k, 0, true, false);
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < kRows - 1; ++row) {
      for (std::size_t i = 0; i < c.pitch / 2; ++i)
        if (c.half(row, i) != (i < k ? kernels::f32_to_bf16(c.at(row, i)) : 0)) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("convert_activations makes the int8 of the CPU, group by group, and their sums", "[sanitizer]") {
  for (const std::size_t group : {0, 32, 64, 96, 128, 384}) {
    for (const std::size_t k : {1, 32, 33, 129, 500, 3000}) {
      if (group > k) continue;
      const Converted c(WeightType::i8, ActivationType::int8, k, group, k % 2 == 0, true);
      std::size_t wrong = 0;
      for (std::size_t row = 0; row < kRows; ++row) {
        std::vector<float> ordered(c.pitch, 0.0f);
        for (std::size_t i = 0; i < k; ++i) ordered[i] = c.at(row, i);
        std::vector<std::int8_t> expected(c.pitch, 0);
        for (std::size_t begin = 0; begin < k; begin += c.group) {
          float scale = 0;
          kernels::reference::quantize_rows({ordered.data() + begin, 0, std::min(c.group, k - begin), 0, 1,
                                             expected.data() + begin, 0, &scale});
          const float actual = c.scales[begin / c.group * c.padded_rows + row];
          if (std::isnan(scale) ? !std::isnan(actual) : actual != scale) ++wrong;
        }
        for (std::size_t i = 0; i < c.pitch; ++i)
          if (static_cast<std::int8_t>(c.values[row * c.pitch + i]) != expected[i]) ++wrong;
        for (std::size_t begin = 0; begin < c.pitch; begin += c.part) {
          int sum = 0;
          for (std::size_t i = begin; i < begin + c.part; ++i) sum += expected[i];
          if (c.sums[begin / c.part * c.padded_rows + row] != sum) ++wrong;
        }
      }
      INFO("k " << k << " group " << group);
      CHECK(wrong == 0);
    }
  }
}

}  // namespace transom::cuda_on_host
