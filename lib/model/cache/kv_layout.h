// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "model/spec.h"

namespace transom::model {

/// The cache of each layer without its blocks: its slots, and the slots of a block.
/// @param context Positions that the text can reach. @param chunk Tokens that are appended at once, at most.
/// @throws OutOfMemory for sizes that no machine has.
std::vector<backend::KvCacheView> kv_layouts(const ModelSpec& spec, DType dtype, std::int64_t context,
                                             std::int64_t chunk);

/// Of the keys, or the values, of one block.
inline std::int64_t kv_block_bytes(const backend::KvCacheView& layer) {
  return layer.keys.extent[0] * layer.block_slots *
         backend::kv_row_bytes(layer.keys.dtype, layer.keys.extent[2]);
}

}  // namespace transom::model
