// SPDX-License-Identifier: Apache-2.0
/// Regions of a file that are compiled for an instruction set beyond the baseline.
///
/// Open the region after the last #include of a header with inline functions, include only `-inl.h` bodies
/// inside, and stay in the namespace of that set: a function of a shared header would be compiled wide as
/// well, and the linker may keep that copy for everyone.
///
///   TRANSOM_ISA_BEGIN(avx2)
///   namespace transom::kernels::avx2 { ... }
///   TRANSOM_ISA_END
#pragma once

#define TRANSOM_TARGET_avx2 "avx2,fma,f16c"
#define TRANSOM_TARGET_avx_vnni "avx2,fma,f16c,avxvnni"
#define TRANSOM_TARGET_avx512 "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512cd"
#define TRANSOM_TARGET_avx512_vnni "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni"
#define TRANSOM_TARGET_avx512_bf16 \
  "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni,avx512bf16"

#define TRANSOM_TARGET_amx                                                                                 \
  "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni,avx512bf16,amx-tile,amx-int8,amx-" \
  "bf16"

#define TRANSOM_PRAGMA(tokens) _Pragma(#tokens)
#if defined(__clang__)
#define TRANSOM_TARGET_PUSH(names) \
  TRANSOM_PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
#define TRANSOM_ISA_END TRANSOM_PRAGMA(clang attribute pop)
#else
#define TRANSOM_TARGET_PUSH(names) TRANSOM_PRAGMA(GCC push_options) TRANSOM_PRAGMA(GCC target(names))
#define TRANSOM_ISA_END TRANSOM_PRAGMA(GCC pop_options)
#endif
#define TRANSOM_ISA_BEGIN(isa) TRANSOM_TARGET_PUSH(TRANSOM_TARGET_##isa)

/// For helpers that keep vectors in registers only as part of their caller.
#define TRANSOM_INLINE inline __attribute__((always_inline))

/// Complete unrolling of a short loop over an array of vectors, without which the array lives in memory.
#if defined(__clang__)
#define TRANSOM_UNROLL TRANSOM_PRAGMA(clang loop unroll(full))
#else
#define TRANSOM_UNROLL TRANSOM_PRAGMA(GCC unroll 32)
#endif
