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

/// i8 reads args.prepared: quantised rows, see linear_prepared_bytes. f32 and bf16 read args.src.
void linear(const LinearArgs& args);
/// i8: row scales [n_rows rounded up to 16] f32, then the integers [n_rows, k]. Else 0.
size_t linear_prepared_bytes(WeightType type, size_t k, size_t n_rows);
/// Fills rows [row_begin, row_end) of args.prepared.
void linear_prepare(const LinearArgs& args, size_t row_begin, size_t row_end);

void pack(const PackArgs& args);
void quantize_rows(const QuantizeRowsArgs& args);
void rms_norm(const RmsNormArgs& args);
void rope_table(const RopeTableArgs& args);
void rope(const RopeArgs& args);
void kv_append(const KvAppendArgs& args);
void attention(const AttentionArgs& args);
void gated_mul(const GatedMulArgs& args);
void embed(const EmbedArgs& args);
void add(const AddArgs& args);

}  // namespace transom::kernels::reference
