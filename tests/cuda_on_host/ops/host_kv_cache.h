// SPDX-License-Identifier: Apache-2.0
/// What appends leave on the CPU, beside which the rows of a DeviceKvCache are held.
#pragma once

#include <vector>

#include "kernels/common/attention_args.h"
#include "tests/kernels/kv_blocks.h"

namespace transom::cuda_on_host {

using kernels::KvView;

/// The keys and values of a layer in memory of the host, with the rows of a DeviceKvCache.
class HostKvCache {
 public:
  explicit HostKvCache(KvView shape)
      : shape_(shape), keys_(bytes(shape), blocks(shape), 5), values_(bytes(shape), blocks(shape), 6) {
    shape_.scales_apart = false;
    shape_.keys = keys_.table();
    shape_.values = values_.table();
  }
  const KvView& view() const { return shape_; }
  std::vector<char> rows() const {
    const std::size_t bytes = kernels::kv_row_bytes(shape_.type, shape_.head_dim);
    std::vector<char> all;
    for (void* const* half : {shape_.keys, shape_.values})
      for (std::size_t head = 0; head < shape_.n_kv_heads; ++head)
        for (std::size_t slot = 0; slot < shape_.capacity; ++slot) {
          const char* row = kv_row(shape_, half, head, slot);
          all.insert(all.end(), row, row + bytes);
        }
    return all;
  }

 private:
  static std::size_t bytes(const KvView& shape) { return testing::block_bytes(shape); }
  static std::size_t blocks(const KvView& shape) { return testing::block_count(shape); }

  KvView shape_;
  testing::KvBlocks keys_, values_;
};

}  // namespace transom::cuda_on_host
