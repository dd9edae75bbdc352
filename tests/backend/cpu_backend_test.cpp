// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/cpu_backend.h"

#include <vector>

#include "backend/ops.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "transom/error.h"

namespace transom::testing {
namespace {

using backend::CpuBackend;
using backend::KvRows;
using core::TensorView;
namespace ops = backend::ops;

constexpr std::int64_t kHeads = 4, kKvHeads = 2, kDim = 20, kRotary = 16, kCapacity = 100, kBlock = 64;
constexpr std::int64_t kWidth = (kHeads + 2 * kKvHeads) * kDim;

std::vector<float> random_values(std::int64_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = random.next();
  return values;
}

/// A cache of one layer, a ring of two blocks.
class Cache {
 public:
  explicit Cache(DType dtype) {
    view_.keys = view_.values = TensorView::dense(nullptr, dtype, {kKvHeads, kCapacity, kDim});
    view_.block_slots = kBlock;
    view_.sinks = 3;
    const std::int64_t bytes = kKvHeads * kBlock * backend::kv_row_bytes(dtype, kDim);
    for (int i = 0; i < 4; ++i)
      blocks_.push_back(buffers_.emplace_back(static_cast<std::size_t>(bytes), "a test").data());
    view_.key_blocks = blocks_.data();
    view_.value_blocks = blocks_.data() + 2;
  }

  const backend::KvCacheView& view() const { return view_; }
  std::vector<std::byte> bytes(CpuBackend& device) const {
    std::vector<std::byte> all(static_cast<std::size_t>(kCapacity * ops::kv_slot_bytes(view_)));
    ops::kv_read(device, view_, 0, kCapacity, all);
    return all;
  }

 private:
  backend::KvCacheView view_;
  std::vector<core::Buffer> buffers_;
  std::vector<void*> blocks_;
};

/// Rows of texts, which stand at different places, and the caches that they go to.
struct Texts {
  Texts(DType dtype, const std::vector<std::int64_t>& rows_of_texts) {
    for (std::size_t i = 0; i < rows_of_texts.size(); ++i) caches.emplace_back(dtype);
    for (std::size_t i = 0; i < rows_of_texts.size(); ++i) {
      texts.push_back({&caches[i].view(), 37 * static_cast<std::int64_t>(i), rows_of_texts[i]});
      rows += rows_of_texts[i];
    }
    values = random_values(rows * kWidth, 1);
    angles = random_values(rows * kRotary, 2);
  }

  TensorView heads(std::int64_t column, std::int64_t n) {
    return TensorView::dense(values.data(), DType::f32, {rows, kWidth})
        .column_slice(column * kDim, n * kDim)
        .split_heads(n);
  }
  TensorView q() { return heads(0, kHeads); }
  TensorView k() { return heads(kHeads, kKvHeads); }
  TensorView v() { return heads(kHeads + kKvHeads, kKvHeads); }
  backend::RopeTables tables() {
    return {TensorView::dense(angles.data(), DType::f32, {rows, kRotary / 2}),
            TensorView::dense(angles.data() + rows * kRotary / 2, DType::f32, {rows, kRotary / 2})};
  }

  std::vector<Cache> caches;
  std::vector<KvRows> texts;
  std::int64_t rows = 0;
  std::vector<float> values, angles;
};

}  // namespace

TEST_CASE("cpu backend: rows of many texts, rotated and appended together, are those of each text alone") {
  const std::vector<std::vector<std::int64_t>> cases = {{1}, {23}, {1, 1, 1, 1, 1, 1, 1}, {5, 0, 1, 9, 2}};
  for (const int threads : {1, 2, 3, 8}) {
    CpuBackend device(threads, false);
    for (const DType dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3}) {
      for (const std::vector<std::int64_t>& rows : cases) {
        INFO(threads << " threads, " << dtype_name(dtype) << ", " << rows.size() << " texts");
        Texts alone(dtype, rows), together(dtype, rows);
        device.execute([&] {
          std::int64_t row = 0;
          for (const KvRows& text : alone.texts) {
            const auto here = [&](const TensorView& all) { return all.row_slice(row, text.rows); };
            ops::rope(device, here(alone.q()), alone.tables().rows(row, text.rows));
            ops::rope(device, here(alone.k()), alone.tables().rows(row, text.rows));
            ops::kv_append(device, here(alone.k()), here(alone.v()), text.first_position, *text.cache);
            row += text.rows;
          }
          ops::rope_append(device, together.q(), together.k(), together.v(), together.tables(),
                           together.texts);
        });
        CHECK(together.values == alone.values);
        for (std::size_t i = 0; i < rows.size(); ++i)
          CHECK(together.caches[i].bytes(device) == alone.caches[i].bytes(device));
      }
    }
  }
}

TEST_CASE("cpu backend: texts must have the rows that there are") {
  CpuBackend device(1, false);
  for (const std::int64_t off : {-1, 1}) {
    Texts texts(DType::f32, {2, 3});
    texts.texts.back().rows += off;
    CHECK_THROWS_AS(ops::rope_append(device, texts.q(), texts.k(), texts.v(), texts.tables(), texts.texts),
                    InvalidArgument);
  }
}

}  // namespace transom::testing
