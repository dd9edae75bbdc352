// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/warp_operations.h"

#include <bit>
#include <cmath>

#include "kernels/common/bf16.h"

namespace transom::cuda_on_host {
namespace {

constexpr int kLanes = 32;

/// Lane of a fragment: row g, and the columns or rows that t stands for.
struct LanePlace {
  explicit LanePlace(int lane) : g(lane / 4), t(lane % 4) {}
  int g, t;
};

float bf16_of(std::uint32_t word, int half) {
  return std::bit_cast<float>(half == 0 ? word << 16 : word & 0xffff0000u);
}
float f16_of(std::uint32_t word, int half) {
  return kernels::f16_to_f32(static_cast<std::uint16_t>(half == 0 ? word : word >> 16));
}
int byte_of(std::uint32_t word, int i) { return static_cast<std::int8_t>(word >> (8 * i)); }

/// Operands of d [16, 8] += a [16, k] b [k, 8].
template <class Sum>
struct Product {
  Sum* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

/// a and b of a warp as plain matrices, b by columns. kPerWord: elements in a 32-bit register; k = 8
/// kPerWord.
template <int kPerWord, class Element, class Sum, class ElementOf>
void gather(void* const* operands, Element (&a)[16][8 * kPerWord], Element (&b)[8][8 * kPerWord],
            ElementOf element_of) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const LanePlace at(lane);
    const auto& product = *static_cast<const Product<Sum>*>(operands[lane]);
    for (int i = 0; i < kPerWord; ++i) {
      const int column = at.t * kPerWord + i;
      for (int word = 0; word < 4; ++word)
        a[at.g + word % 2 * 8][column + word / 2 * 4 * kPerWord] = element_of(product.a[word], i);
      for (int word = 0; word < 2; ++word)
        b[at.g][column + word * 4 * kPerWord] = element_of(product.b[word], i);
    }
  }
}

template <float (*element_of)(std::uint32_t, int)>
void combine_halves(void* const* operands) {
  double a[16][16], b[8][16];
  gather<2, double, float>(operands, a, b,
                           [](std::uint32_t word, int i) { return double{element_of(word, i)}; });
  for (int lane = 0; lane < kLanes; ++lane) {
    const LanePlace at(lane);
    float* d = static_cast<const Product<float>*>(operands[lane])->d;
    for (int i = 0; i < 4; ++i) {
      double sum = 0;
      for (int k = 0; k < 16; ++k) sum += a[at.g + i / 2 * 8][k] * b[at.t * 2 + i % 2][k];
      d[i] = static_cast<float>(double{d[i]} + sum);
    }
  }
}

void combine_s8(void* const* operands) {
  int a[16][32], b[8][32];
  gather<4, int, std::int32_t>(operands, a, b, byte_of);
  for (int lane = 0; lane < kLanes; ++lane) {
    const LanePlace at(lane);
    std::int32_t* d = static_cast<const Product<std::int32_t>*>(operands[lane])->d;
    for (int i = 0; i < 4; ++i) {
      int sum = 0;
      for (int k = 0; k < 32; ++k) sum += a[at.g + i / 2 * 8][k] * b[at.t * 2 + i % 2][k];
      d[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(d[i]) + static_cast<std::uint32_t>(sum));
    }
  }
}

struct Matrices {
  const std::uint16_t* row;
  std::uint32_t* loaded;
  bool transposed;
};

void combine_matrices(void* const* operands) {
  std::uint16_t elements[4][8][8];
  for (int lane = 0; lane < kLanes; ++lane)
    std::memcpy(elements[lane / 8][lane % 8], static_cast<const Matrices*>(operands[lane])->row, 16);
  for (int lane = 0; lane < kLanes; ++lane) {
    const LanePlace at(lane);
    const auto& matrices = *static_cast<const Matrices*>(operands[lane]);
    for (int m = 0; m < 4; ++m) {
      const auto element = [&](int t) -> std::uint32_t {
        return matrices.transposed ? elements[m][t][at.g] : elements[m][at.g][t];
      };
      matrices.loaded[m] = element(2 * at.t) | element(2 * at.t + 1) << 16;
    }
  }
}

}  // namespace

void exchange_words(Exchanged& word, const char* what, const Place& place) {
  meet_warp(what, place, &word, [](void* const* operands) {
    std::uint32_t values[kLanes];
    for (int lane = 0; lane < kLanes; ++lane)
      values[lane] = static_cast<const Exchanged*>(operands[lane])->value;
    for (int lane = 0; lane < kLanes; ++lane) {
      Exchanged& mine = *static_cast<Exchanged*>(operands[lane]);
      mine.value = values[mine.from_lane];
    }
  });
}

unsigned ballot_lanes(bool value, const Place& place) {
  std::uint32_t word = value;
  meet_warp("ballot", place, &word, [](void* const* operands) {
    std::uint32_t bits = 0;
    for (int lane = 0; lane < kLanes; ++lane)
      bits |= *static_cast<const std::uint32_t*>(operands[lane]) << lane;
    for (int lane = 0; lane < kLanes; ++lane) *static_cast<std::uint32_t*>(operands[lane]) = bits;
  });
  return word;
}

void load_matrices(std::uint32_t (&matrices)[4], const void* row, bool transposed, const Place& place) {
  access_shared(row, 16, Use::ldmatrix, place);
  Matrices mine{static_cast<const std::uint16_t*>(row), matrices, transposed};
  meet_warp("ldmatrix", place, &mine, combine_matrices);
}

void multiply_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                   const Place& place) {
  Product<float> mine{d, a, b};
  meet_warp("mma", place, &mine, combine_halves<bf16_of>);
}

void multiply_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  const Place& place) {
  Product<float> mine{d, a, b};
  meet_warp("mma", place, &mine, combine_halves<f16_of>);
}

void multiply_s8(std::int32_t (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                 const Place& place) {
  Product<std::int32_t> mine{d, a, b};
  meet_warp("mma", place, &mine, combine_s8);
}

std::uint32_t byte_permute(std::uint32_t low, std::uint32_t high, std::uint32_t selector) {
  const std::uint64_t bytes = low | std::uint64_t{high} << 32;
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned nibble = selector >> (4 * i) & 15u;
    std::uint32_t byte = static_cast<std::uint8_t>(bytes >> (8 * (nibble & 7u)));
    if ((nibble & 8u) != 0) byte = (byte & 0x80u) != 0 ? 0xffu : 0u;  // its sign
    word |= byte << (8 * i);
  }
  return word;
}

std::int32_t dot4_s8(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  int products = 0;
  for (int i = 0; i < 4; ++i) products += byte_of(a, i) * byte_of(b, i);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(products));
}

std::int32_t round_to_int(float value) {
  if (std::isnan(value)) return 0;
  const float rounded = std::nearbyintf(value);
  if (rounded >= 0x1p31f) return INT32_MAX;
  if (rounded < -0x1p31f) return INT32_MIN;
  return static_cast<std::int32_t>(rounded);
}

}  // namespace transom::cuda_on_host
