// SPDX-License-Identifier: Apache-2.0
// The hardware's own instructions, one named function each: all that a kernel does beyond plain C++ goes
// through these names. Fragment layouts are those of the PTX manual, section 9.7.15 (mma), named at each
// function with g = lane / 4 and t = lane % 4. tests/cuda_on_host has a file of this name for CPUs.
//
// Loads and stores of shared memory and of weights go through named functions as well, so that there their
// bank conflicts and their sectors can be counted; here they are what a dereference would be.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

namespace transom::kernels::cuda {

constexpr int kWarpLanes = 32;

// ---- threads of a block, lanes of a warp

/// Waits for all threads of the block; their writes to shared and global memory are then seen by each other.
__device__ __forceinline__ void block_sync() { __syncthreads(); }
/// The same for the lanes of a warp.
__device__ __forceinline__ void warp_sync() { __syncwarp(); }

/// What all lanes of a warp exchange. T: 4 bytes.
template <class T>
__device__ __forceinline__ T shuffle(T value, int from_lane) {
  return __shfl_sync(0xffffffffu, value, from_lane);
}
template <class T>
__device__ __forceinline__ T shuffle_xor(T value, int lane_mask) {
  return __shfl_xor_sync(0xffffffffu, value, lane_mask);
}
template <class T>
__device__ __forceinline__ T shuffle_down(T value, int lanes) {
  return __shfl_down_sync(0xffffffffu, value, lanes);
}
__device__ __forceinline__ bool any_lane(bool value) { return __any_sync(0xffffffffu, value) != 0; }
__device__ __forceinline__ unsigned ballot(bool value) { return __ballot_sync(0xffffffffu, value); }

// ---- memory

/// The block's shared memory as a struct, whose size is given at the launch; its bytes are undefined at
/// first.
template <class Layout>
__device__ __forceinline__ Layout& block_shared() {
  extern __shared__ __align__(128) unsigned char shared_bytes[];
  return *reinterpret_cast<Layout*>(shared_bytes);
}

/// T: a plain type of 1, 2, 4, 8 or 16 bytes, aligned to its size.
template <class T>
__device__ __forceinline__ T load_shared(const T* from) {
  return *from;
}
template <class T>
__device__ __forceinline__ void store_shared(T* to, T value) {
  *to = value;
}
template <class T>
__device__ __forceinline__ T load_global(const T* from) {
  return *from;
}
template <class T>
__device__ __forceinline__ void store_global(T* to, T value) {
  *to = value;
}

/// 16 bytes that no one else will read soon and that no one writes: weights, past the L1 cache.
__device__ __forceinline__ uint4 load_streamed(const uint4* from) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from));
  return value;
}
/// The same of 8 and of 4 bytes.
__device__ __forceinline__ uint2 load_streamed(const uint2* from) {
  uint2 value;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0, %1}, [%2];"
               : "=r"(value.x), "=r"(value.y)
               : "l"(from));
  return value;
}
__device__ __forceinline__ uint32_t load_streamed(const uint32_t* from) {
  uint32_t value;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.u32 %0, [%1];" : "=r"(value) : "l"(from));
  return value;
}

/// 16 bytes from global to shared memory, both 16-byte aligned, which are there after cp_async_wait and a
/// barrier. valid false: zeros are written and nothing is read.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, bool valid = true) {
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
}
/// The same of 4 bytes, which come through the L1 cache.
__device__ __forceinline__ void cp_async_4(void* shared, const void* global, bool valid = true) {
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(valid ? 4 : 0)
               : "memory");
}
/// Closes a group of copies.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most kGroups of this thread's groups are under way.
template <int kGroups>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}

/// Four 8x8 matrices of 16-bit elements: lane i gives the address of row i % 8 of matrix i / 8 (16 bytes,
/// aligned) and receives elements (g, 2t) and (g, 2t + 1) of each.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&matrices)[4], const void* row) {
  const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(from)
               : "memory");
}
/// The same of each matrix transposed: elements (2t, g) and (2t + 1, g).
__device__ __forceinline__ void ldmatrix_x4_transposed(uint32_t (&matrices)[4], const void* row) {
  const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(from)
               : "memory");
}

/// Adds one to a counter that all blocks share and returns what it was; after `last` it begins at 0 again.
/// What the thread wrote before is seen by whoever sees the count.
__device__ __forceinline__ unsigned count_arrival(unsigned* counter, unsigned last) {
  __threadfence();
  const unsigned before = atomicInc(counter, last);
  __threadfence();
  return before;
}

// ---- products of a warp: d [16, 8] += a [16, k] b [k, 8]

/// bf16, k = 16, sums in f32.
///   a[0] (g, 2t .. 2t+1)  a[1] (g+8, 2t ..)  a[2] (g, 2t+8 ..)  a[3] (g+8, 2t+8 ..)
///   b[0] (2t .. 2t+1, g)  b[1] (2t+8 .., g)  d[0..1] (g, 2t ..)  d[2..3] (g+8, 2t ..)
__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4],
                                                  const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// The same of f16.
__device__ __forceinline__ void mma_m16n8k16_f16(float (&d)[4], const uint32_t (&a)[4],
                                                 const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Signed bytes, k = 32, exact sums.
///   a[0] (g, 4t .. 4t+3)  a[1] (g+8, 4t ..)  a[2] (g, 4t+16 ..)  a[3] (g+8, 4t+16 ..)
///   b[0] (4t .. 4t+3, g)  b[1] (4t+16 .., g)  d as above
__device__ __forceinline__ void mma_m16n8k32_s8(int32_t (&d)[4], const uint32_t (&a)[4],
                                                const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// ---- words

/// bf16 of two floats, rounded to nearest even: low in bits 0 .. 15.
__device__ __forceinline__ uint32_t pack_bf16x2(float low, float high) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
/// f16 of two floats, rounded to nearest even: low in bits 0 .. 15.
__device__ __forceinline__ uint32_t pack_f16x2(float low, float high) {
  uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
/// a - b of both halves, f16, rounded to nearest even.
__device__ __forceinline__ uint32_t subtract_f16x2(uint32_t a, uint32_t b) {
  uint32_t word;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(word) : "r"(a), "r"(b));
  return word;
}
/// Sums of the halves of two words as bf16, rounded to nearest even.
__device__ __forceinline__ uint32_t add_bf16x2(uint32_t a, uint32_t b) {
  uint32_t sum;
  asm("{ .reg .b32 one; mov.b32 one, 0x3f803f80; fma.rn.bf16x2 %0, %1, one, %2; }"
      : "=r"(sum)
      : "r"(a), "r"(b));
  return sum;
}
/// Products of the halves of two words as bf16, rounded to nearest even.
__device__ __forceinline__ uint32_t multiply_bf16x2(uint32_t a, uint32_t b) {
  uint32_t product;
  asm("{ .reg .b32 zero; mov.b32 zero, 0x80008000; fma.rn.bf16x2 %0, %1, %2, zero; }"
      : "=r"(product)
      : "r"(a), "r"(b));
  return product;
}
__device__ __forceinline__ float bits_as_float(uint32_t bits) { return __uint_as_float(bits); }
__device__ __forceinline__ uint32_t float_as_bits(float value) { return __float_as_uint(value); }
__device__ __forceinline__ float bf16_low(uint32_t word) { return __uint_as_float(word << 16); }
__device__ __forceinline__ float bf16_high(uint32_t word) { return __uint_as_float(word & 0xffff0000u); }
/// f16 of the low half of a word.
__device__ __forceinline__ float f16_low(uint32_t word) {
  float value;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, low; }" : "=f"(value) : "r"(word));
  return value;
}
/// Byte i of the result is byte (selector >> 4 i) & 7 of the eight bytes high : low.
__device__ __forceinline__ uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  return __byte_perm(low, high, selector);
}
/// word & mask | bits, one instruction also when both are constants.
__device__ __forceinline__ uint32_t and_or(uint32_t word, uint32_t mask, uint32_t bits) {
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(word), "r"(mask), "r"(bits));
  return result;
}
/// sum + the four products of signed bytes.
__device__ __forceinline__ int32_t dot4_s8(uint32_t a, uint32_t b, int32_t sum) {
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}
/// The nearest integer, ties to even.
__device__ __forceinline__ int32_t round_to_int(float value) { return __float2int_rn(value); }

/// The same value, of which the compiler does not know that it is the same in every turn of a loop: what is
/// computed from it is computed there, and holds no registers across the loop.
template <class T>
__device__ __forceinline__ T in_this_turn(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

// ---- functions. The fast ones are within a few units of the last place, 0 and infinity where the exact ones
// are.

__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ __forceinline__ float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace transom::kernels::cuda
