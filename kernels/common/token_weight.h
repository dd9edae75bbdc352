// SPDX-License-Identifier: Apache-2.0
/// How probable tokens are, in numbers that every device computes bit by bit alike, so that the same draw is
/// the same token on each.
///
/// exp() of a library differs in the last bit from that of another, and a sum of floats with the order of its
/// terms. So exp is computed here: single operations whose rounding IEEE 754 fixes, none that a compiler
/// could contract, and integers. And what is summed are integers: the probability relative to the best token,
/// in units of 2^-40, cut off. A token of less than 2^-40 of the best one's probability is never drawn. Sums
/// of up to 2^23 tokens fit.
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels/common/host_device.h"

namespace transom::kernels {

/// exp(x) for x <= 0, as close as f32 comes; 0 below -87, where f32 ends.
TRANSOM_HOST_DEVICE inline float exp_of_negative(float x) {
  if (!(x > -87.0f)) return 0;
  // -x log2(e) = n + f, in units of 2^-32.
  const uint64_t exponent = static_cast<uint64_t>(static_cast<double>(-x) * 6196328018.7194805);
  const uint64_t f = exponent & 0xffffffffu;
  // 2^-f by a polynomial through 2^-f - 1 at seven Chebyshev nodes and at 0: within 1.6e-9.
  uint64_t sum = 48550;
  sum = 639488u - (f * sum >> 32);
  sum = 5712048u - (f * sum >> 32);
  sum = 41304489u - (f * sum >> 32);
  sum = 238387495u - (f * sum >> 32);
  sum = 1031764939u - (f * sum >> 32);
  sum = 2977044471u - (f * sum >> 32);
  sum = (uint64_t{1} << 32) - (f * sum >> 32);
  // Times 2^-(32 + n): n is 125 at the most, and the sum at least 2^31.
  const float rounded = static_cast<float>(sum);
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  bits -= (32 + static_cast<uint32_t>(exponent >> 32)) << 23;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

/// Probability of a token at `temperature`, relative to that of the best one. Logits are not -infinity; where
/// the best is infinite, only its equals are possible.
TRANSOM_HOST_DEVICE inline float relative_probability(float logit, float best, float temperature) {
  return logit == best ? 1.0f : exp_of_negative((logit - best) / temperature);
}

/// The same in units of 2^-40.
TRANSOM_HOST_DEVICE inline uint64_t token_weight(float relative_probability) {
  return static_cast<uint64_t>(relative_probability * 1099511627776.0f);
}

/// The upper half of a product of 128 bits.
TRANSOM_HOST_DEVICE inline uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a_low = a & 0xffffffffu, a_high = a >> 32, b_low = b & 0xffffffffu, b_high = b >> 32;
  const uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
  const uint64_t other = a_low * b_high + (middle & 0xffffffffu);
  return a_high * b_high + (middle >> 32) + (other >> 32);
}

/// A share in [0, 1) in units of 2^-64, cut off.
inline uint64_t share_in_units(float share) {
  return static_cast<uint64_t>(static_cast<double>(share) * 18446744073709551616.0);
}
/// The least sum of weights that is at least this share, in units of 2^-64, of `total`.
TRANSOM_HOST_DEVICE inline uint64_t weight_of_share(uint64_t share, uint64_t total) {
  return multiply_high(share, total) + (share * total != 0 ? 1 : 0);
}
/// What a draw of 64 random bits points at: a number in [0, total). The token is the first, by id, with which
/// the sum of weights exceeds it.
TRANSOM_HOST_DEVICE inline uint64_t drawn_weight(uint64_t random, uint64_t total) {
  return multiply_high(random, total);
}

}  // namespace transom::kernels
