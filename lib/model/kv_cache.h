// SPDX-License-Identifier: Apache-2.0
/// Keys and values of one text.
///
/// A layer without a window has a slot for each position up to the context. A layer with one has a ring: the
/// sinks, then window - 1 + chunk slots, so that while a chunk of the prompt is being read, its first query
/// still finds its oldest key (a ring of just the window would have been overwritten by the chunk's own
/// tail). Memory is reserved when the cache is made, and becomes resident as slots are first written.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "model/spec.h"

namespace transom::model {

class KvCache {
 public:
  /// @param context Positions that the text can reach. @param chunk Tokens that are appended at once, at
  /// most.
  KvCache(const ModelSpec& spec, DType dtype, std::int64_t context, std::int64_t chunk,
          backend::Backend& backend);

  const backend::KvCacheView& layer(std::size_t index) const { return layers_[index]; }
  std::int64_t bytes() const { return bytes_; }

  /// The smallest position to which a text that once reached `furthest` can be cut back, so that no layer
  /// would need slots that were overwritten since.
  std::int64_t oldest_restorable(std::int64_t furthest) const;

 private:
  const ModelSpec& spec_;
  std::vector<backend::KvCacheView> layers_;
  std::vector<backend::Buffer> buffers_;
  std::int64_t bytes_ = 0;
};

}  // namespace transom::model
