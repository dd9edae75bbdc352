// SPDX-License-Identifier: Apache-2.0
/// The plain loops that every faster kernel is compared to. Sums are f64, results f32. Never optimised,
/// except pack, which loading runs on gigabytes.
#pragma once

#include "kernels/common/attention_args.h"
#include "kernels/common/elementwise_args.h"
#include "kernels/common/linear_args.h"
#include "kernels/common/rms_norm_args.h"
#include "kernels/common/rope_args.h"

namespace transom::kernels::reference {

/// f32 and bf16 weights; nothing is prepared.
void linear(const LinearArgs& args);
/// Integer weights and int8 rows, which linear_integer_prepare makes, an item a row.
void linear_integer(const LinearArgs& args);
size_t linear_integer_prepared_bytes(const PackedWeight& weight, size_t n_rows);
void linear_integer_prepare(const LinearArgs& args, size_t row_begin, size_t row_end);
/// Integer weights and f32 rows; nothing is prepared.
void linear_exact(const LinearArgs& args);

void pack(const PackArgs& args);
void pack_integers(const PackIntegersArgs& args);
void quantize_rows(const QuantizeRowsArgs& args);
void rms_norm(const RmsNormArgs& args);
void rope_table(const RopeTableArgs& args);
void rope(const RopeArgs& args);
void kv_append(const KvAppendArgs& args);
void attention(const AttentionArgs& args);
/// Nothing: the first part of an item has written its results.
void attention_merge(const AttentionArgs& args);
void gated_mul(const GatedMulArgs& args);
void embed(const EmbedArgs& args);
void add(const AddArgs& args);

}  // namespace transom::kernels::reference
