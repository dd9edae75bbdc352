// SPDX-License-Identifier: Apache-2.0
/// The keys and values of a layer in device memory, as a backend may have them: blocks anywhere, in any
/// order.
#pragma once

#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/common/attention_args.h"
#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/support.h"

namespace transom::cuda_on_host {

class DeviceKvCache {
 public:
  /// shape: a view without blocks. What was never written, and what follows a block, has all bits set.
  explicit DeviceKvCache(const kernels::KvView& shape)
      : shape_(shape),
        blocks_((shape.capacity + shape.block_slots - 1) / shape.block_slots),
        block_bytes_(shape.n_kv_heads * kv_head_bytes(shape)),
        stride_((block_bytes_ + 2 * kGap - 1) / kGap * kGap),
        memory_{DeviceArray<char>(blocks_ * stride_), DeviceArray<char>(blocks_ * stride_)},
        tables_{DeviceArray<void*>(blocks_), DeviceArray<void*>(blocks_)} {
    places_.resize(blocks_);
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    testing::Random random(blocks_);
    for (std::size_t i = blocks_; i > 1; --i)
      std::swap(places_[i - 1], places_[static_cast<std::size_t>((random.next() + 1) / 2 * float(i)) % i]);
    if (blocks_ > 1 && places_[0] < places_[1]) std::swap(places_[0], places_[1]);  // never in order
    for (int half = 0; half < 2; ++half) {
      std::vector<void*> table;
      for (const std::size_t place : places_) table.push_back(memory_[half].data() + place * stride_);
      tables_[half].upload(table);
    }
  }

  kernels::KvView view() const {
    kernels::KvView kv = shape_;
    kv.keys = tables_[0].data();
    kv.values = tables_[1].data();
    return kv;
  }

  /// All rows, [keys | values][heads][capacity], as kv_row_bytes bytes each, a row with its scale behind
  /// it.
  std::vector<char> rows() const {
    const std::size_t bytes = kernels::kv_row_bytes(shape_.type, shape_.head_dim);
    const bool scales = kernels::kv_has_scales(shape_.type);
    std::vector<char> all;
    for (int half = 0; half < 2; ++half) {
      std::vector<char> memory = memory_[half].download();
      const std::vector<void*> table = host_table(memory);
      for (std::size_t head = 0; head < shape_.n_kv_heads; ++head) {
        for (std::size_t slot = 0; slot < shape_.capacity; ++slot) {
          const char* row = kv_row(shape_, table.data(), head, slot);
          all.insert(all.end(), row, row + bytes - (scales ? sizeof(float) : 0));
          const char* scale = kv_scale(shape_, table.data(), head, slot);
          if (scales) all.insert(all.end(), scale, scale + sizeof(float));
        }
      }
    }
    return all;
  }

  /// Whether nothing was written between blocks.
  bool gaps_untouched() const {
    for (const DeviceArray<char>& half : memory_) {
      const std::vector<char> memory = half.download();
      for (std::size_t i = 0; i < memory.size(); ++i)
        if (i % stride_ >= block_bytes_ && memory[i] != char(0xff)) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGap = 64;

  std::vector<void*> host_table(std::vector<char>& memory) const {
    std::vector<void*> table;
    for (const std::size_t place : places_) table.push_back(memory.data() + place * stride_);
    return table;
  }

  kernels::KvView shape_;
  std::size_t blocks_, block_bytes_, stride_;
  DeviceArray<char> memory_[2];  // keys, values
  DeviceArray<void*> tables_[2];
  std::vector<std::size_t> places_;
};

}  // namespace transom::cuda_on_host
