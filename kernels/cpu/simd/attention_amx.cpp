// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/common/attention_keys.h"
#include "kernels/common/bf16.h"
#include "kernels/common/e4m3.h"
#include "kernels/common/linear_args.h"
#include "kernels/cpu/simd/ops.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(amx)
namespace transom::kernels::amx {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
// ---
#include "kernels/cpu/simd/vec_math-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/elementwise-inl.h"
// ---
#include "kernels/cpu/simd/attention_tile-inl.h"
// ---
constexpr bool kFetchesNear = true;
#include "kernels/cpu/simd/attention_few-inl.h"
// --- in place of linear_integer_policies-inl.h
#include "kernels/cpu/simd/vec_avx512_vnni-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_i8-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows-inl.h"
// ---
#include "kernels/cpu/simd/attention_products-inl.h"
// ---
#include "kernels/cpu/simd/tiles_amx-inl.h"

/// Pairs, by matrix tiles: queries and weights are rounded to bf16 as well, as the linear products round
/// their inputs.
struct Bf16Products {
  static constexpr size_t kInputs = 2;
};
// ---
#include "kernels/cpu/simd/attention_gemm-inl.h"
// ---
#include "kernels/cpu/simd/attention_tiles_amx-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_amx-inl.h"
// ---
#include "kernels/cpu/simd/attention_row_values_amx-inl.h"
// ---
#include "kernels/cpu/simd/attention-inl.h"
}  // namespace

void attention(const AttentionArgs& args) {
  const bool tiled_rows = TiledRows::takes(args);
  if (!tiled_rows && !takes_bf16(args)) return attend_items(args);
  const TileShapes shapes(kTileBytes);
  const TilesInUse tiles(shapes);
  tiled_rows ? attend_items<TiledRows>(args) : attend_items(args);
}

}  // namespace transom::kernels::amx
TRANSOM_ISA_END
