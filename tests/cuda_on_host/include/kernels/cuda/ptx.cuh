// SPDX-License-Identifier: Apache-2.0
/// Stands in for kernels/cuda/ptx.cuh where kernels run on the host: the same names with the same meaning,
/// which is told there. A name that is added there is added here, and gets its test in tests/cuda_on_host.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "kernels/common/bf16.h"
#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/engine/warp_operations.h"

namespace transom::kernels::cuda {

using cuda_on_host::Place;
using cuda_on_host::Use;

constexpr int kWarpLanes = 32;

// ---- threads of a block, lanes of a warp

inline void block_sync(Place place = Place::here()) { cuda_on_host::meet_block(place); }
inline void warp_sync(Place place = Place::here()) {
  cuda_on_host::meet_warp("warp_sync", place, nullptr,
                          [](void* const*) { cuda_on_host::order_warp_memory(); });
}

template <class T>
T shuffle(T value, int from_lane, Place place = Place::here()) {
  return cuda_on_host::exchange_lanes(value, from_lane & 31, "shuffle", place);
}
template <class T>
T shuffle_xor(T value, int lane_mask, Place place = Place::here()) {
  const int from = static_cast<int>(cuda_on_host::lane_index()) ^ lane_mask;
  return cuda_on_host::exchange_lanes(value, from & 31, "shuffle_xor", place);
}
template <class T>
T shuffle_down(T value, int lanes, Place place = Place::here()) {
  const int self = static_cast<int>(cuda_on_host::lane_index()), from = self + lanes;
  return cuda_on_host::exchange_lanes(value, from < 32 ? from : self, "shuffle_down", place);
}
inline unsigned ballot(bool value, Place place = Place::here()) {
  return cuda_on_host::ballot_lanes(value, place);
}
inline bool any_lane(bool value, Place place = Place::here()) {
  return cuda_on_host::ballot_lanes(value, place) != 0;
}

// ---- memory

template <class Layout>
Layout& block_shared(Place place = Place::here()) {
  static_assert(std::is_trivially_default_constructible_v<Layout> && alignof(Layout) <= 128);
  return *static_cast<Layout*>(cuda_on_host::shared_memory(sizeof(Layout), place));
}

template <class T>
T load_as(const T* from) {
  static_assert(std::has_single_bit(sizeof(T)) && sizeof(T) <= 16 && std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(static_cast<void*>(&value), from, sizeof value);
  return value;
}
template <class T>
T load_shared(const T* from, Place place = Place::here()) {
  cuda_on_host::access_shared(from, sizeof(T), Use::load_shared, place);
  return load_as(from);
}
template <class T>
void store_shared(T* to, T value, Place place = Place::here()) {
  cuda_on_host::access_shared(to, sizeof(T), Use::store_shared, place);
  std::memcpy(static_cast<void*>(to), &value, sizeof value);
}
template <class T>
T load_global(const T* from, Place place = Place::here()) {
  cuda_on_host::access_global(from, sizeof(T), Use::load_global, place);
  return load_as(from);
}
template <class T>
void store_global(T* to, T value, Place place = Place::here()) {
  cuda_on_host::access_global(to, sizeof(T), Use::store_global, place);
  std::memcpy(static_cast<void*>(to), &value, sizeof value);
}
template <class T>
T load_streamed(const T* from, Place place = Place::here()) {
  static_assert(std::is_same_v<T, uint4> || std::is_same_v<T, uint2> || std::is_same_v<T, uint32_t>);
  cuda_on_host::access_global(from, sizeof(T), Use::load_streamed, place);
  return load_as(from);
}

inline void cp_async_16(void* shared, const void* global, bool valid = true, Place place = Place::here()) {
  cuda_on_host::begin_copy(shared, global, 16, valid, place);
}
inline void cp_async_4(void* shared, const void* global, bool valid = true, Place place = Place::here()) {
  cuda_on_host::begin_copy(shared, global, 4, valid, place);
}
inline void cp_async_commit() { cuda_on_host::commit_copies(); }
template <int kGroups>
void cp_async_wait(Place place = Place::here()) {
  static_assert(kGroups >= 0);
  cuda_on_host::wait_copies(static_cast<std::size_t>(kGroups), place);
}

inline void ldmatrix_x4(uint32_t (&matrices)[4], const void* row, Place place = Place::here()) {
  cuda_on_host::load_matrices(matrices, row, false, place);
}
inline void ldmatrix_x4_transposed(uint32_t (&matrices)[4], const void* row, Place place = Place::here()) {
  cuda_on_host::load_matrices(matrices, row, true, place);
}

inline unsigned count_arrival(unsigned* counter, unsigned last, Place place = Place::here()) {
  const unsigned before = load_global(counter, place);
  store_global(counter, before >= last ? 0u : before + 1, place);
  return before;
}

// ---- products of a warp

inline void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                              Place place = Place::here()) {
  cuda_on_host::multiply_bf16(d, a, b, place);
}
inline void mma_m16n8k16_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                             Place place = Place::here()) {
  cuda_on_host::multiply_f16(d, a, b, place);
}
inline void mma_m16n8k32_s8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                            Place place = Place::here()) {
  cuda_on_host::multiply_s8(d, a, b, place);
}

// ---- words

inline uint32_t pack_bf16x2(float low, float high) {
  return f32_to_bf16(low) | static_cast<uint32_t>(f32_to_bf16(high)) << 16;
}
inline uint32_t pack_f16x2(float low, float high) {
  return f32_to_f16(low) | static_cast<uint32_t>(f32_to_f16(high)) << 16;
}
inline uint32_t subtract_f16x2(uint32_t a, uint32_t b) {
  return pack_f16x2(f16_to_f32(static_cast<uint16_t>(a)) - f16_to_f32(static_cast<uint16_t>(b)),
                    f16_to_f32(static_cast<uint16_t>(a >> 16)) - f16_to_f32(static_cast<uint16_t>(b >> 16)));
}
inline uint32_t add_bf16x2(uint32_t a, uint32_t b) {
  const auto sum = [&](int half) {
    return f32_to_bf16(bf16_to_f32(static_cast<uint16_t>(a >> half)) + bf16_to_f32(static_cast<uint16_t>(b >> half)));
  };
  return sum(0) | static_cast<uint32_t>(sum(16)) << 16;
}
inline uint32_t multiply_bf16x2(uint32_t a, uint32_t b) {
  const auto product = [&](int half) {
    return f32_to_bf16(bf16_to_f32(static_cast<uint16_t>(a >> half)) * bf16_to_f32(static_cast<uint16_t>(b >> half)));
  };
  return product(0) | static_cast<uint32_t>(product(16)) << 16;
}
inline float bits_as_float(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t float_as_bits(float value) { return std::bit_cast<uint32_t>(value); }
inline float bf16_low(uint32_t word) { return bits_as_float(word << 16); }
inline float bf16_high(uint32_t word) { return bits_as_float(word & 0xffff0000u); }
inline float f16_low(uint32_t word) { return f16_to_f32(static_cast<uint16_t>(word)); }
inline uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  return cuda_on_host::byte_permute(low, high, selector);
}
inline uint32_t and_or(uint32_t word, uint32_t mask, uint32_t bits) { return (word & mask) | bits; }
inline int32_t dot4_s8(uint32_t a, uint32_t b, int32_t sum) { return cuda_on_host::dot4_s8(a, b, sum); }
inline int32_t round_to_int(float value) { return cuda_on_host::round_to_int(value); }

template <class T>
T in_this_turn(T value) {
  return value;
}

// ---- functions

inline float exp2_fast(float x) { return exp2f(x); }
inline float reciprocal_fast(float x) { return 1.0f / x; }

}  // namespace transom::kernels::cuda
