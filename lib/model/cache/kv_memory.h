// SPDX-License-Identifier: Apache-2.0
/// Blocks of keys and values, and the memory that they are cut from.
///
/// A block is used by any number of caches on any threads, which read it; one that is its only user may write
/// to it. Users come by way of another user, so that an only user stays the only one. (Counted here and not
/// by std::shared_ptr: use_count() gives no order between the last reader and the next writer.)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"

namespace transom::model {

class KvMemory;

/// Blocks to be, on one device.
struct KvStretch {
  backend::Backend* device = nullptr;
  std::int64_t blocks = 0;
};

struct KvBlock {
  std::byte* keys = nullptr;  // [n_kv_heads, slots of a block] rows
  std::byte* values = nullptr;
  KvMemory* memory = nullptr;
  std::int64_t written = 0;  // slots from here on were never written; of the only user
  std::int32_t stretch = 0;
  std::int32_t kept = 0;  // texts of a prefix cache that use it; of that cache's mutex
  std::atomic<std::int32_t> users{0};

  bool shared() const { return users.load(std::memory_order_acquire) != 1; }
  void add_user() { users.fetch_add(1, std::memory_order_relaxed); }
  /// The pages of a block that nobody uses any more go back to the system.
  void remove_user() noexcept;
};

/// Stretches of blocks. Pages of this process become resident as blocks are written, and those of a block
/// that its last user lets go are given back; a device's memory is there as a whole. All is gone with the
/// owner and the last user of a block.
class KvMemory {
 public:
  /// For its owner, a cache or who gives out its blocks. @throws OutOfMemory.
  KvMemory(std::span<const KvStretch> stretches, std::size_t block_bytes);

  /// A block for its first user, or null while another uses it, or where the stretch is shorter. Only for the
  /// owner.
  KvBlock* take(std::size_t stretch, std::int64_t index);

  /// Whether take() would give this block. Only for the owner.
  bool is_free(std::size_t stretch, std::int64_t index) const;

  /// Moves a stretch that is all in use to huge pages, once. Only for the owner.
  void make_huge(std::size_t stretch);
  bool is_huge(std::size_t stretch) const { return stretches_[stretch].huge; }

  /// Whether memory that was not written yet costs nothing.
  bool grows_as_written(const KvBlock& block) const {
    return stretches_[static_cast<std::size_t>(block.stretch)].of_this_process;
  }

  /// The owner, and blocks that have users.
  std::int64_t holds() const { return holds_.load(std::memory_order_acquire); }

 private:
  friend struct KvBlock;
  friend struct KvMemoryDrop;
  void drop() noexcept {
    if (holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  struct Stretch {
    backend::Buffer keys, values;
    KvBlock* blocks = nullptr;
    std::int64_t count = 0;
    std::int64_t made = 0;  // records; those behind are untouched memory
    bool of_this_process = true;
    bool huge = false;
  };

  std::size_t block_bytes_;
  std::vector<Stretch> stretches_;
  backend::Buffer records_;
  std::atomic<std::int64_t> holds_{1};
};

/// The owner goes.
struct KvMemoryDrop {
  void operator()(KvMemory* memory) const noexcept { memory->drop(); }
};
using KvMemoryOwner = std::unique_ptr<KvMemory, KvMemoryDrop>;

}  // namespace transom::model
