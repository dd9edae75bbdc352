// SPDX-License-Identifier: Apache-2.0
/// Keys and values of one text, those of each layer on the layer's device.
///
/// A layer that keeps all tokens has a slot for each position up to the context. Others have a ring: the
/// sinks, then window - 1 + chunk slots, so that while a chunk of the prompt is being read, its first query
/// still finds its oldest key (a ring of just the window would have been overwritten by the chunk's own
/// tail). With a log stride each level has a ring beside it.
///
/// Slots lie in blocks, which caches share. A block that is about to be written while another cache uses it
/// is copied, rows and all; any other is written where it lies. Memory of this process is reserved for all
/// blocks of a new cache, and becomes resident as they are first written: writing allocates nothing then. A
/// device's memory would be gone with the reservation, so blocks there come as the text grows, those of all
/// layers at once, and so do those of a cache that began as a copy.
///
/// One thread at a time; caches that share blocks on any threads.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "model/cache/kv_layout.h"
#include "model/cache/kv_memory.h"
#include "model/placement.h"
#include "model/spec.h"

namespace transom::model {

class KvCache {
 public:
  /// @param context Positions that the text can reach. @param chunk Tokens that are appended at once, at
  /// most. @throws OutOfMemory.
  KvCache(const ModelSpec& spec, DType dtype, std::int64_t context, std::int64_t chunk,
          const Placement& placement);
  /// Shares what `other` holds of a text that once reached `furthest`. No thread may be writing to `other`
  /// meanwhile.
  KvCache(const KvCache& other, std::int64_t furthest);
  KvCache(KvCache&& other) noexcept = default;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache();

  const backend::KvCacheView& layer(std::size_t index) const { return layers_[index].view; }
  std::size_t layers() const { return layers_.size(); }
  backend::Backend& device_of(std::size_t layer) const { return *devices_[layers_[layer].device]; }
  std::int64_t bytes() const { return bytes_; }

  /// Of a new cache. @throws OutOfMemory where a device has less memory free than the longest text would take.
  void check_room() const;

  /// Before positions [first, end) are written: gives the cache blocks of its own for their slots.
  /// @throws OutOfMemory, and nothing has changed.
  void make_writable(std::int64_t first, std::int64_t end);

  /// Takes over the blocks of a cache of the same geometry whose text once reached `furthest`. No thread may
  /// be writing to `from` meanwhile.
  void share(const KvCache& from, std::int64_t furthest) noexcept;

  /// A new text begins: blocks that other caches use are left to them, all others stay, resident as they are.
  void start_again() noexcept;

  /// Copies the rows of positions [first, end) of a cache of the same geometry. @throws as make_writable().
  void copy_positions(const KvCache& from, std::int64_t first, std::int64_t end);

  struct Slots {
    std::int64_t first = 0, count = 0;
  };
  /// Slots of a layer that hold what a text at `position` which once reached `furthest` may still see.
  std::vector<Slots> used_slots(std::size_t layer, std::int64_t position, std::int64_t furthest) const;

  /// Calls use(block) for each block that the cache holds, none of them twice.
  template <typename Use>
  void for_each_block(const Use& use) const {
    for (const Layer& layer : layers_) {
      for (std::int64_t i = 0; i < layer.end; ++i) {
        if (layer.blocks[i] != nullptr) use(*layer.blocks[i]);
      }
    }
  }
  /// Memory that a block of this cache keeps resident, in whole pages. What earlier texts touched counts.
  std::int64_t resident_bytes(const KvBlock& block) const;
  std::int64_t resident_bytes() const;

  /// The smallest position to which a text that once reached `furthest` can be cut back, so that no layer
  /// would need slots that were overwritten since.
  std::int64_t oldest_restorable(std::int64_t furthest) const;
  /// Where the positions end that a text needs which stands at `position` and once reached `furthest`: where
  /// no ring has come round, what is behind the position is not needed.
  std::int64_t needed_end(std::int64_t position, std::int64_t furthest) const {
    return oldest_restorable(furthest) == 0 ? position : furthest;
  }

 private:
  struct Layer {
    backend::KvCacheView view;
    void** keys = nullptr;  // the tables of the view
    void** values = nullptr;
    KvBlock** blocks = nullptr;
    std::int64_t end = 0;    // blocks from here on are null
    std::size_t device = 0;  // index into devices_
  };

  /// Tables without blocks.
  void make_tables();
  std::int64_t block_slots() const { return layers_.front().view.block_slots; }
  /// Of keys or values.
  std::int64_t block_bytes() const { return kv_block_bytes(layers_.front().view); }

  /// Calls use(index of a layer, index of a block, slots from its first on that will have been written) for
  /// each block that positions [first, end) touch; a block may come twice.
  template <typename Use>
  void for_each_touched(std::int64_t first, std::int64_t end, const Use& use) const;
  /// Whether writing needs another block in place of this one, or of none.
  static bool is_missing(const KvBlock* block) { return block == nullptr || block->shared(); }
  /// Memory for blocks that writing needs and the reservation does not have, and for a few more: a stretch
  /// for each device, or null where none is needed.
  KvMemoryOwner allocate_missing(std::int64_t first, std::int64_t end) const;
  void set_block(std::size_t layer, std::int64_t index, KvBlock* block) noexcept;
  /// Puts `block` in the place of one that others use, with what that one holds.
  void replace_block(std::size_t layer, std::int64_t index, KvBlock* block);
  void use_huge_pages(std::int64_t position);

  const ModelSpec& spec_;
  std::vector<backend::Backend*> devices_;
  std::vector<Layer> layers_;
  core::Buffer tables_;
  KvMemoryOwner reserved_;  // a stretch for each layer, empty where a device has it; null in a copy
  std::int64_t bytes_ = 0;
};

}  // namespace transom::model
