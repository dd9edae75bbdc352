// SPDX-License-Identifier: Apache-2.0
/// Instruction sets that kernels are written for, and which of them this machine and its system support.
#pragma once

#include <stdint.h>

namespace transom::kernels {

/// In order: each includes the ones before it, but for avx_vnni, which only itself includes.
///   avx2         AVX2, FMA, F16C
///   avx_vnni     + AVX-VNNI (u8 x s8 products of 256 bits), on processors without AVX-512
///   avx512       + AVX-512 F, BW, DQ, VL, CD
///   avx512_vnni  + VNNI (u8 x s8 products)
///   avx512_bf16  + BF16 (bf16 products)
///   amx          + AMX tiles with int8 and bf16 products
enum class Isa : uint8_t { scalar, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16, amx };
inline constexpr int kIsaCount = 7;

/// Whether code for `needed` runs where `isa` is.
constexpr bool includes(Isa isa, Isa needed) {
  return needed == Isa::avx_vnni ? isa == needed : isa >= needed;
}

const char* isa_name(Isa isa);

/// The best set that the processor reports and whose registers the system saves; not avx512_bf16 where
/// vdpbf16ps has half the rate of f32 FMA, as on Intel's processors with AMX, which a virtual machine may
/// hide (2 cores of an Emerald Rapids class Xeon, 2026-11: attention of a chunk to a bf16 cache takes 0.55 of
/// the time without it). Asks the processor each time, and, where it has AMX, the system for leave to use its
/// tiles, which holds for the whole process and for threads that start later.
Isa best_isa();

/// Whether this machine runs a set.
bool has_isa(Isa isa);

/// Finds a set by the name that isa_name gives. False: no such name.
bool isa_from_name(const char* name, Isa* isa);

}  // namespace transom::kernels
