// SPDX-License-Identifier: Apache-2.0
// The eight tile registers of AMX as all kernels use them: 0 to 3 sums of 16 x 16 words, the others factors.
// Textual.
//
// The compiler does not see that loads and stores of tiles touch memory, hence the barriers.
//
// Source: Intel Architecture Instruction Set Extensions, LDTILECFG, TDPBSUD, TDPBF16PS.

constexpr size_t kTile = 16;       // rows of a tile
constexpr size_t kTileBytes = 64;  // of a row

TRANSOM_INLINE void memory_barrier() { asm volatile("" ::: "memory"); }

/// Registers 4 and 5 hold left factors, 16 rows of row_bytes; 6 and 7 right factors, row_bytes / 4 rows of
/// words. Where row_bytes is kTileBytes all eight are equal.
struct alignas(64) TileShapes {
  explicit TileShapes(size_t left_row_bytes) {
    for (size_t i = 0; i < 8; ++i) {
      const bool is_left = i == 4 || i == 5, is_right = i == 6 || i == 7;
      row_bytes[i] = static_cast<uint16_t>(is_left ? left_row_bytes : kTileBytes);
      rows[i] = static_cast<uint8_t>(is_right ? left_row_bytes / 4 : kTile);
    }
  }

  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

/// All sums, zero.
TRANSOM_INLINE void zero_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/// All sums side by side, [kTile][4 * kTile] words at `to`, whose rows are row_bytes apart.
TRANSOM_INLINE void store_sums(float* to, size_t row_bytes) {
  _tile_stored(0, to, row_bytes);
  _tile_stored(1, to + kTile, row_bytes);
  _tile_stored(2, to + 2 * kTile, row_bytes);
  _tile_stored(3, to + 3 * kTile, row_bytes);
}

/// The thread's tile registers are in use while this lives, and cost a switch of threads nothing afterwards.
struct TilesInUse {
  explicit TilesInUse(const TileShapes& shapes) {
    memory_barrier();
    _tile_loadconfig(&shapes);
  }
  ~TilesInUse() { _tile_release(); }
  TilesInUse(const TilesInUse&) = delete;
  TilesInUse& operator=(const TilesInUse&) = delete;
};
