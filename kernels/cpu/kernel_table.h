// SPDX-License-Identifier: Apache-2.0
/// Which variant of each op runs on this machine.
///
/// Tables are immutable after their first use; every function here may be called from any thread.
#pragma once

#include "kernels/common/attention_args.h"
#include "kernels/common/elementwise_args.h"
#include "kernels/common/linear_args.h"
#include "kernels/common/rms_norm_args.h"
#include "kernels/common/rope_args.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/linear_kernel.h"

namespace transom::kernels {

/// One op in one variant. `variant` names what really runs: "scalar", "avx2", ...
template <typename Args>
struct Kernel {
  void (*run)(const Args&) = nullptr;
  Isa variant = Isa::scalar;
};

/// One row: the best variant of every op that needs no more than `isa`.
/// Work is split by the caller: linear and pack by panels, attention by items, the others by rows
/// (token and pointer ranges). Only attention and linear use scratch: attention_scratch_bytes,
/// LinearKernel::scratch_bytes.
struct KernelTable {
  Isa isa = Isa::scalar;
  Kernel<PackArgs> pack;
  Kernel<PackIntegersArgs> pack_integers;
  Kernel<QuantizeRowsArgs> quantize_rows;
  Kernel<RmsNormArgs> rms_norm;
  Kernel<RopeTableArgs> rope_table;
  Kernel<RopeArgs> rope;
  Kernel<KvAppendArgs> kv_append;
  Kernel<AttentionArgs> attention;
  Kernel<AttentionArgs> attention_merge;  // the end of attention in parts, once
  Kernel<GatedMulArgs> gated_mul;
  Kernel<AddArgs> add;
  Kernel<EmbedArgs> embed;
};

/// The row of one instruction set, whether or not this machine can run it.
const KernelTable& kernel_table(Isa isa);

/// Candidates for `linear` up to `isa`; see LinearCandidates.
LinearCandidates linear_candidates(Isa isa, WeightType type, LinearUse use);

struct KernelSelection {
  Isa isa = Isa::scalar;
  /// Null, or why `wanted` cannot be had, in static words. Then isa is the best set, for the message.
  const char* error = nullptr;
};

/// wanted: a name of isa_name, or null or "" for the best set of this machine.
KernelSelection select_isa(const char* wanted);

/// select_isa of the environment variable TRANSOM_CPU_ISA, read at every call.
KernelSelection select_isa_from_environment();

}  // namespace transom::kernels
