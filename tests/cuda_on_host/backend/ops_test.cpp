// SPDX-License-Identifier: Apache-2.0
// Every op of the seam on both devices.
#include <cstring>
#include <numeric>

#include "core/quantization_grid.h"
#include "generation/sampling/sampler.h"
#include "kernels/common/bf16.h"
#include "tests/cuda_on_host/backend/both_devices.h"

namespace transom::testing {
namespace {

namespace ops = backend::ops;
using backend::LinearWeights;
using backend::WeightFormat;

/// A float weight with what the settings of a test add.
struct Weight {
  std::vector<float> values;
  LinearWeights linear;

  Weight(std::int64_t rows, std::int64_t cols, WeightFormat format)
      : values(random_values(size(rows, cols), 3)) {
    linear.name = "test";
    linear.cols = cols;
    linear.format = format;
    linear.activations = backend::ActivationFormat::f32;
    backend::WeightRows part;
    part.data = reinterpret_cast<const std::byte*>(values.data());
    part.rows = rows;
    linear.parts.push_back(part);
  }
  static std::size_t size(std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>(rows * cols);
  }
};

/// The one row of a matrix.
TensorView vector_of(const Matrix& matrix) {
  return TensorView::dense(matrix.view().data, DType::f32, {matrix.view().columns()});
}

/// Both devices multiply; the error is told as a share of sqrt(cols), the size of a sum of random products.
void compare_products(BothDevices& devices, const LinearWeights& weights, std::int64_t rows, bool accumulate,
                      double share) {
  const auto cols = static_cast<std::size_t>(weights.cols);
  devices.compare(
      [&](Backend& device) {
        const auto linear = device.prepare_linear(weights);
        const Matrix src(device, rows, linear->cols, random_values(static_cast<std::size_t>(rows) * cols, 5));
        const Matrix dst(device, rows, linear->rows,
                         random_values(static_cast<std::size_t>(rows * linear->rows), 6));
        device.execute([&] { ops::linear(device, *linear, src.view(), dst.view(), accumulate); });
        return dst.values();
      },
      share * std::sqrt(static_cast<double>(cols)));
}

}  // namespace

TEST_CASE("cuda ops: embed") {
  BothDevices devices;
  const std::vector<std::int32_t> ids = {4, 0, 6, 6};
  const std::vector<float> table = random_values(7 * 33, 1);
  std::vector<std::uint16_t> halves(table.size());
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    std::ranges::transform(table, halves.begin(),
                           dtype == DType::bf16 ? kernels::f32_to_bf16 : kernels::f32_to_f16);
    const auto bytes =
        dtype == DType::f32 ? std::as_bytes(std::span(table)) : std::as_bytes(std::span(halves));
    devices.compare(
        [&](Backend& device) {
          core::Buffer memory = device.allocate(bytes.size(), "a test", core::Buffer::Pages::lazy);
          const TensorView view = TensorView::dense(memory.data(), dtype, {7, 33});
          device.upload(view, bytes);
          const Matrix dst(device, 4, 33, random_values(4 * 33, 2));
          device.execute([&] { ops::embed(device, view, ids, dst.view()); });
          return dst.values();
        },
        0);
  }
}

TEST_CASE("cuda ops: norms of rows and of heads, rope, gathered rows") {
  BothDevices devices;
  const std::vector<std::int64_t> positions = {0, 7, 5'000'000}, rows = {2, 0, 2};
  devices.compare(
      [&](Backend& device) {
        const Matrix x(device, 3, 5 * 18, random_values(3 * 90, 1)),
            weight(device, 1, 18, random_values(18, 2));
        const Matrix tables(device, 6, 8, std::vector<float>(48)),
            dst(device, 3, 36, std::vector<float>(108));
        const backend::RopeTables rope{tables.view().row_slice(0, 3), tables.view().row_slice(3, 3)};
        const TensorView norm = vector_of(weight);
        const TensorView heads = x.view().column_slice(18, 36).split_heads(2);
        std::vector<float> inv_freq(8);
        for (std::size_t j = 0; j < 8; ++j) inv_freq[j] = std::pow(10000.0f, -static_cast<float>(j) / 8);
        device.execute([&] {
          ops::rms_norm(device, heads, norm, 1e-6f, heads);
          ops::rope_table(device, positions, inv_freq, 1.5f, rope);
          ops::rope(device, heads, rope);
          ops::gather_rows(device, x.view().column_slice(18, 36), rows, dst.view());
        });
        return dst.values();
      },
      2e-5);
}

TEST_CASE("cuda ops: dense products") {
  BothDevices devices;
  for (const std::int64_t rows : {1, 5}) {
    compare_products(devices, Weight(9, 31, WeightFormat::f32).linear, rows, rows > 1, 1e-6);
    // Both round weights to bf16, the CPU not the activations.
    compare_products(devices, Weight(9, 64, WeightFormat::bf16).linear, rows, false, 8e-3);
    Weight biased(6, 40, WeightFormat::f32);
    biased.linear.bias = random_values(6, 9);
    compare_products(devices, biased.linear, rows, rows > 1, 1e-6);
  }
}

TEST_CASE("cuda ops: products of integers") {
  BothDevices devices;
  for (const int bits : {8, 4, 3, 2}) {
    for (const bool zero_points : {false, true}) {
      Weight weight(35, 100, WeightFormat::integer);
      weight.linear.integers = {bits, 64, zero_points, zero_points ? DType::bf16 : DType::f16};
      weight.linear.bias = random_values(35, 9);
      weight.linear.input_order.resize(100);
      std::iota(weight.linear.input_order.rbegin(), weight.linear.input_order.rend(), 0);
      INFO(bits << " bits");
      // Activations are rounded to 11 bits.
      for (const std::int64_t rows : {1, 16, 21})
        compare_products(devices, weight.linear, rows, rows > 1, 1e-3);
    }
  }
}

TEST_CASE("cuda ops: products of integers with activations in int8") {
  BothDevices devices;
  for (const std::int64_t group : {0, 32, 64}) {
    Weight weight(35, 128, WeightFormat::integer);
    weight.linear.integers.group_size = group;
    weight.linear.activations = backend::ActivationFormat::int8;
    // The same integers on both devices.
    for (const std::int64_t rows : {17, 40}) compare_products(devices, weight.linear, rows, false, 1e-5);
  }
}

TEST_CASE("cuda ops: a product onto the residual stream and its norm") {
  BothDevices devices;
  for (const WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::integer}) {
    for (const std::int64_t width : {36, 35}) {
      const Weight weight(width, 64, format);
      for (const std::int64_t rows : {1, 2, 3, 20}) {
        INFO("format " << static_cast<int>(format) << " width " << width << " rows " << rows);
        const auto count = static_cast<std::size_t>(rows * width);
        for (const bool results : {true, false}) {
          devices.compare(
              [&](Backend& device) {
                const auto linear = device.prepare_linear(weight.linear);
                const Matrix src(device, rows, 64, random_values(static_cast<std::size_t>(rows * 64), 5));
                const Matrix dst(device, rows, width, random_values(count, 6)),
                    norm(device, 1, width, random_values(static_cast<std::size_t>(width), 7));
                const Matrix normed(device, rows, width, std::vector<float>(count));
                device.execute([&] {
                  ops::linear_rms_norm(device, *linear, src.view(), dst.view(), vector_of(norm), 1e-5f,
                                       normed.view());
                });
                return results ? dst.values() : normed.values();
              },
              format == WeightFormat::f32    ? 1e-5
              : format == WeightFormat::bf16 ? 8e-2
                                             : 1e-2);
        }
      }
    }
  }
}

TEST_CASE("cuda ops: the gated half of an MLP") {
  BothDevices devices;
  for (const WeightFormat format : {WeightFormat::f32, WeightFormat::integer}) {
    for (const std::int64_t columns : {32, 19}) {
      for (const bool apart : {false, true}) {
        Weight gate(apart ? columns : 2 * columns, 64, format), up(columns, 64, format);
        gate.linear.integers.group_size = up.linear.integers.group_size = 32;
        for (const std::int64_t rows : {2, 18}) {
          INFO("columns " << columns << " rows " << rows << " apart " << apart);
          devices.compare(
              [&](Backend& device) {
                const auto first = device.prepare_linear(gate.linear),
                           second = device.prepare_linear(up.linear);
                const Matrix src(device, rows, 64, random_values(static_cast<std::size_t>(rows * 64), 5));
                const Matrix dst(device, rows, columns,
                                 std::vector<float>(static_cast<std::size_t>(rows * columns)));
                device.execute([&] {
                  ops::gated_linear(device, *first, apart ? second.get() : nullptr, src.view(), dst.view());
                });
                return dst.values();
              },
              format == WeightFormat::f32 ? 1e-4 : 5e-2);
        }
      }
    }
  }
}

TEST_CASE("cuda ops: the cache, appended to, attended to, copied, read and written") {
  BothDevices devices;
  constexpr std::int64_t kHeads = 2, kDim = 16, kTokens = 90;
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3}) {
    for (const std::int64_t window : {std::int64_t{0}, std::int64_t{40}}) {
      const std::int64_t sinks = window > 0 ? 3 : 0, capacity = window > 0 ? sinks + window + 9 : 128;
      INFO(dtype_name(dtype) << " window " << window);
      devices.compare(
          [&](Backend& device) {
            const Cache cache(device, dtype, kHeads, capacity, kDim, sinks),
                copy(device, dtype, kHeads, capacity, kDim, sinks);
            const Matrix rows(device, kTokens, 3 * kHeads * kDim, random_values(kTokens * 96, 1));
            const Matrix dst(device, kTokens, 4 * kDim, std::vector<float>(kTokens * 64));
            device.reserve({10, 4, kHeads, kDim});
            backend::AttentionParams params;
            params.window = window;
            params.scale = 0.3f;
            for (std::int64_t at = 0, n = 0; at < kTokens; at += n) {
              n = std::min<std::int64_t>(at < 70 ? 10 : 1, kTokens - at);
              const TensorView all = rows.view().row_slice(at, n);
              params.first_position = at;
              device.execute([&] {
                ops::kv_append(device, all.column_slice(0, 32).split_heads(2),
                               all.column_slice(32, 32).split_heads(2), at, cache.view());
                ops::attention(device, all.column_slice(32, 64).split_heads(4), nullptr, cache.view(), params,
                               dst.view().row_slice(at, n).split_heads(4));
              });
            }
            ops::kv_copy(device, cache.view(), 0, kTokens, copy.view());
            std::vector<std::byte> slots(static_cast<std::size_t>(5 * ops::kv_slot_bytes(cache.view())));
            ops::kv_read(device, copy.view(), 30, 5, slots);
            ops::kv_write(device, slots, 10, 5, copy.view());
            params.first_position = kTokens - 1;
            device.execute([&] {
              ops::attention(device, rows.view().row_slice(3, 1).column_slice(32, 64).split_heads(4), nullptr,
                             copy.view(), params, dst.view().row_slice(0, 1).split_heads(4));
            });
            return dst.values();
          },
          // Weights, and f32 keys and values too, are rounded to bf16.
          2e-2);
    }
  }
}

TEST_CASE("cuda ops: queries and keys rotated, keys and values appended, in graphs too") {
  BothDevices devices;
  constexpr std::int64_t kHeads = 4, kKvHeads = 2, kDim = 20, kWidth = (kHeads + 2 * kKvHeads) * kDim;
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3}) {
    INFO(dtype_name(dtype));
    devices.compare(
        [&](Backend& device) {
          const Cache cache(device, dtype, kKvHeads, 64, kDim);
          const Matrix rows(device, 9, kWidth, random_values(9 * kWidth, 1)),
              tables(device, 18, 8, random_values(18 * 8, 2));
          const Matrix dst(device, 9, kHeads * kDim, std::vector<float>(9 * kHeads * kDim));
          device.reserve({9, kHeads, kKvHeads, kDim});
          // Tokens of one row each step: the third one and those after it are replayed.
          const Matrix row(device, 1, kWidth, std::vector<float>(kWidth));
          const TensorView q = row.view().column_slice(0, kHeads * kDim),
                           k = row.view().column_slice(kHeads * kDim, kKvHeads * kDim),
                           v = row.view().column_slice((kHeads + kKvHeads) * kDim, kKvHeads * kDim);
          std::vector<float> all;
          for (std::int64_t at = 0; at < 9; ++at) {
            const std::vector<std::int64_t> numbers = {at};
            const backend::KvRows text{&cache.view(), at, 1};
            backend::AttentionParams params;
            params.first_position = at;
            device.execute([&] {
              ops::gather_rows(device, rows.view(), numbers, row.view());
              ops::rope_append(device, q.split_heads(kHeads), k.split_heads(kKvHeads),
                               v.split_heads(kKvHeads),
                               {tables.view().row_slice(3, 1), tables.view().row_slice(12, 1)}, {&text, 1});
              ops::attention(device, q.split_heads(kHeads), nullptr, cache.view(), params,
                             dst.view().row_slice(0, 1).split_heads(kHeads));
            });
            const std::vector<float> step = dst.values();
            all.insert(all.end(), step.begin(), step.begin() + kHeads * kDim);
          }
          return all;
        },
        3e-2);
  }
}

TEST_CASE("cuda ops: chosen tokens are the host's, also in graphs whose choices change") {
  BothDevices devices;
  CHECK_FALSE(devices.cpu.chooses_tokens());
  REQUIRE(devices.cuda.chooses_tokens());
  constexpr std::size_t kVocab = 999;
  for (const std::size_t rows : {1, 3, 2, 3}) {
    generation::Settings settings;
    settings.do_sample = true;
    generation::Sampler host(settings, kVocab), device(settings, kVocab);
    const std::vector<float> values = random_values(rows * kVocab, rows);
    const Matrix logits(devices.cuda, static_cast<std::int64_t>(rows), kVocab, values);
    for (int step = 0; step < 5; ++step) {
      settings.do_sample = step != 3;
      settings.truncation.temperature = 0.1f * static_cast<float>(step + 1);
      settings.truncation.top_p = step % 2 == 0 ? 1 : 0.8f;
      std::vector<backend::TokenChoice> choices;
      std::vector<std::int32_t> expected, ids(rows, -7);
      for (std::size_t row = 0; row < rows; ++row) {
        expected.push_back(host.choose(std::span(values).subspan(row * kVocab, kVocab)));
        choices.push_back(device.next_choice(kVocab));
      }
      devices.cuda.execute([&] { ops::choose(devices.cuda, logits.view(), choices, ids); });
      INFO(rows << " rows, step " << step);
      CHECK(ids == expected);
    }
  }
}

TEST_CASE("cuda ops: saved slots are the same bytes on both devices") {
  BothDevices devices;
  const auto read = [](Backend& device, DType dtype) {
    const Cache cache(device, dtype, 3, 64, 20);
    const Matrix rows(device, 8, 60, random_values(480, 1));
    device.execute([&] {
      ops::kv_append(device, rows.view().split_heads(3), rows.view().split_heads(3), 0, cache.view());
    });
    std::vector<std::byte> slots(static_cast<std::size_t>(8 * ops::kv_slot_bytes(cache.view())));
    ops::kv_read(device, cache.view(), 0, 8, slots);
    return slots;
  };
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3})
    CHECK(read(devices.cpu, dtype) == read(devices.cuda, dtype));
}

TEST_CASE("cuda ops: slots that fill a block, or a part of one, are those that were written") {
  backend::CudaBackend device(0, true);
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3}) {
    const Cache cache(device, dtype, 3, 128, 20);
    std::vector<std::byte> written(static_cast<std::size_t>(100 * ops::kv_slot_bytes(cache.view())));
    for (std::size_t i = 0; i < written.size(); ++i) written[i] = static_cast<std::byte>(i * 37 % 251);
    ops::kv_write(device, written, 0, 100, cache.view());
    std::vector<std::byte> found(written.size());
    ops::kv_read(device, cache.view(), 0, 100, found);
    CHECK(found == written);
  }
}

TEST_CASE("cuda ops: backends and weights that come and go leave no memory behind", "[leaks]") {
  const auto use_one = [] {
    backend::CudaBackend device(0, true);
    const Weight weight(32, 64, WeightFormat::integer);
    const auto linear = device.prepare_linear(weight.linear);
    device.reserve({4, 2, 2, 16});
    for (int i = 0; i < 3; ++i) {
      const Matrix src(device, 1, 64, random_values(64, 1)), dst(device, 1, 32, random_values(32, 2));
      device.execute([&] { ops::linear(device, *linear, src.view(), dst.view(), false); });
    }
  };
  const auto free_memory = [] {
    std::size_t free = 0, total = 0;
    REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
    return free;
  };
  for (int i = 0; i < 20; ++i) use_one();
  const std::size_t before = free_memory();
  for (int i = 0; i < 100; ++i) use_one();
#ifdef TRANSOM_ON_GPU
  constexpr std::size_t kOfDriver = std::size_t{4} << 20;  // which takes pages of 2 MB for itself
#else
  constexpr std::size_t kOfDriver = 0;
#endif
  CHECK(free_memory() + kOfDriver >= before);
}

}  // namespace transom::testing
