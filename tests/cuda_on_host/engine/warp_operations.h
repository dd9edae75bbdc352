// SPDX-License-Identifier: Apache-2.0
/// What the lanes of a warp do together, by the PTX manual's definitions.
#pragma once

#include <cstdint>
#include <cstring>

#include "tests/cuda_on_host/engine/execution.h"

namespace transom::cuda_on_host {

struct Exchanged {
  std::uint32_t value;
  int from_lane;
};
void exchange_words(Exchanged& word, const char* what, const Place& place);

/// The value of another lane. T: 4 bytes.
template <class T>
T exchange_lanes(T value, int from_lane, const char* what, const Place& place) {
  static_assert(sizeof(T) == 4);
  Exchanged word{0, from_lane};
  std::memcpy(&word.value, &value, sizeof value);
  exchange_words(word, what, place);
  std::memcpy(&value, &word.value, sizeof value);
  return value;
}
unsigned ballot_lanes(bool value, const Place& place);

void load_matrices(std::uint32_t (&matrices)[4], const void* row, bool transposed, const Place& place);

/// The sum of the 16 exact products in f64, which is exact but for extreme exponents, added to d and rounded
/// once to f32. (A device rounds, or cuts off, more often.)
void multiply_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                   const Place& place);
void multiply_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  const Place& place);
void multiply_s8(std::int32_t (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                 const Place& place);

std::uint32_t byte_permute(std::uint32_t low, std::uint32_t high, std::uint32_t selector);
std::int32_t dot4_s8(std::uint32_t a, std::uint32_t b, std::int32_t sum);
std::int32_t round_to_int(float value);

}  // namespace transom::cuda_on_host
