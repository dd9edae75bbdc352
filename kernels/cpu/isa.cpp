// SPDX-License-Identifier: Apache-2.0
/// Source of the bit numbers: Intel SDM volume 2A, CPUID, and volume 1 section 13.3 (XCR0). Leave to use
/// tiles: Linux, Documentation/arch/x86/xstate.rst.
#include "kernels/cpu/isa.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace transom::kernels {
namespace {

constexpr const char* kNames[kIsaCount] = {"scalar",      "avx2",        "avx_vnni", "avx512",
                                           "avx512_vnni", "avx512_bf16", "amx"};

#if defined(__x86_64__)
struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
  return r;
}

constexpr bool has(uint32_t word, int bit) { return ((word >> bit) & 1u) != 0; }

/// State components that the system saves at a context switch.
uint32_t saved_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

constexpr uint32_t kYmmState = 0x06;  // xmm and upper halves of ymm
constexpr uint32_t kZmmState = 0xe6;  // + mask registers, upper halves of zmm, zmm16 .. zmm31

bool detect_avx_vnni() {
  if (cpuid(0, 0).a < 7 || cpuid(7, 0).a < 1) return false;
  return has(cpuid(7, 1).a, 4);
}

/// Golden Cove and later (Sapphire Rapids on): the processors of Intel that have 16-bit floats.
bool has_slow_bf16_products() {
  const Registers vendor = cpuid(0, 0);
  const bool intel = vendor.b == 0x756e6547u && vendor.d == 0x49656e69u && vendor.c == 0x6c65746eu;
  return intel && has(cpuid(7, 0).d, 23);
}

constexpr uint32_t kTileState = 0x60000;  // tile configuration and data

/// Leave for this process to use the state of tiles, which is large and therefore asked for.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, of state component 18
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool detect_amx() {
  const uint32_t features = cpuid(7, 0).d;
  const bool bf16 = has(features, 22), tile = has(features, 24), int8 = has(features, 25);
  return bf16 && tile && int8 && (saved_state() & kTileState) == kTileState && may_use_tiles();
}

Isa detect() {
  const uint32_t last_leaf = cpuid(0, 0).a;
  if (last_leaf < 7) return Isa::scalar;
  const Registers basic = cpuid(1, 0);
  const bool has_xgetbv = has(basic.c, 27);
  const bool fma = has(basic.c, 12), avx = has(basic.c, 28), f16c = has(basic.c, 29);
  if (!has_xgetbv || !fma || !avx || !f16c) return Isa::scalar;
  const uint32_t state = saved_state();
  const Registers extended = cpuid(7, 0);
  if ((state & kYmmState) != kYmmState || !has(extended.b, 5)) return Isa::scalar;
  const bool f = has(extended.b, 16), dq = has(extended.b, 17), cd = has(extended.b, 28),
             bw = has(extended.b, 30), vl = has(extended.b, 31);
  if ((state & kZmmState) != kZmmState || !f || !dq || !cd || !bw || !vl)
    return detect_avx_vnni() ? Isa::avx_vnni : Isa::avx2;
  if (!has(extended.c, 11)) return Isa::avx512;
  const bool bf16 = extended.a >= 1 && has(cpuid(7, 1).a, 5);
  if (!bf16) return Isa::avx512_vnni;
  return detect_amx() ? Isa::amx : Isa::avx512_bf16;
}
#else
bool detect_avx_vnni() { return false; }
bool has_slow_bf16_products() { return false; }
Isa detect() { return Isa::scalar; }
#endif

}  // namespace

const char* isa_name(Isa isa) { return kNames[static_cast<int>(isa)]; }

Isa best_isa() {
  const Isa isa = detect();
  return isa == Isa::avx512_bf16 && has_slow_bf16_products() ? Isa::avx512_vnni : isa;
}

bool has_isa(Isa isa) {
  const Isa best = detect();
  return isa == Isa::avx_vnni ? best >= Isa::avx2 && detect_avx_vnni() : isa <= best;
}

bool isa_from_name(const char* name, Isa* isa) {
  for (int i = 0; i < kIsaCount; ++i) {
    if (strcmp(name, kNames[i]) == 0) {
      *isa = static_cast<Isa>(i);
      return true;
    }
  }
  return false;
}

}  // namespace transom::kernels
