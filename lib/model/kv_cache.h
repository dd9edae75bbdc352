// SPDX-License-Identifier: Apache-2.0
/// Keys and values of one text.
///
/// A layer that keeps all tokens has a slot for each position up to the context. Others have a ring: the
/// sinks, then window - 1 + chunk slots, so that while a chunk of the prompt is being read, its first query
/// still finds its oldest key (a ring of just the window would have been overwritten by the chunk's own
/// tail). With a log stride each level has a ring beside it. Memory is reserved when the cache is made, and
/// becomes resident as slots are first written.
///
/// Copies share their memory until one of them is about to write.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
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
  /// Shares the memory of `other`. No thread may be writing to `other` meanwhile.
  KvCache(const KvCache& other);
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache();

  const backend::KvCacheView& layer(std::size_t index) const { return layers_[index]; }
  std::size_t layers() const { return layers_.size(); }
  std::int64_t bytes() const { return bytes_; }

  /// Before writing: memory that a copy still uses is left to it. @param furthest Positions that were written
  /// so far; their slots are copied.
  void make_own(std::int64_t furthest);

  /// A new text begins where one that reached `furthest` was: its pages stay resident.
  void start_again(std::int64_t furthest);

  /// Takes positions [first, end) of a cache of the same geometry.
  void copy_positions(const KvCache& from, std::int64_t first, std::int64_t end);

  struct Slots {
    std::int64_t first = 0, count = 0;
  };
  /// Slots of a layer that hold what a text at `position` which once reached `furthest` may still see.
  std::vector<Slots> used_slots(std::size_t layer, std::int64_t position, std::int64_t furthest) const;

  /// Memory that this cache keeps resident, whole pages, when its text once reached `furthest`. What earlier
  /// texts touched counts: their pages stay.
  std::int64_t resident_bytes(std::int64_t furthest) const;

  /// The smallest position to which a text that once reached `furthest` can be cut back, so that no layer
  /// would need slots that were overwritten since.
  std::int64_t oldest_restorable(std::int64_t furthest) const;

 private:
  struct Storage;

  void allocate();

  const ModelSpec& spec_;
  backend::Backend& backend_;
  std::vector<backend::KvCacheView> layers_;
  Storage* storage_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace transom::model
