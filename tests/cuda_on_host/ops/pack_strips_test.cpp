// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/pack_strips.h"

#include <set>
#include <vector>

#include "tests/kernels/support.h"
#include "tests/support/catch.h"

namespace transom::cuda_on_host {
namespace {

using kernels::TilePlace;
using kernels::WeightType;

constexpr WeightType kIntegers[] = {WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2};

/// The bits of an element, by the rules of tile_layout.h.
unsigned element(WeightType type, const std::vector<std::uint32_t>& strip, std::size_t output,
                 std::size_t input) {
  const TilePlace at = kernels::tile_place(type, output, input);
  const std::uint32_t* tile = strip.data() + input / 64 * kernels::tile_bytes(type) / 4;
  if (type == WeightType::i3 && at.bit % 16 == 15) {  // a bit in each word
    unsigned q = 0;
    for (std::size_t bit = 0; bit < 3; ++bit)
      q |= (tile[kernels::tile_word_index(type, bit, at.lane)] >> at.bit & 1u) << bit;
    return q;
  }
  const std::size_t bits = kernels::weight_bits(type);
  return tile[kernels::tile_word_index(type, at.word, at.lane)] >> at.bit & ((1u << bits) - 1);
}

}  // namespace

TEST_CASE("words of a tile lie in places of their own, lanes side by side") {
  for (const WeightType type : kIntegers) {
    std::set<std::size_t> places;
    for (std::size_t word = 0; word < kernels::weight_bits(type); ++word)
      for (std::size_t lane = 0; lane < 32; ++lane) places.insert(kernels::tile_word_index(type, word, lane));
    CHECK(places.size() == kernels::tile_bytes(type) / 4);
    CHECK(*places.rbegin() == kernels::tile_bytes(type) / 4 - 1);
  }
  CHECK(kernels::tile_word_index(WeightType::i8, 5, 3) == 128 + 3 * 4 + 1);
  CHECK(kernels::tile_word_index(WeightType::i3, 1, 3) == 3 * 2 + 1);
  CHECK(kernels::tile_word_index(WeightType::i3, 2, 3) == 64 + 3);
}

TEST_CASE("strips hold every integer, and zeros beside them") {
  testing::Random random(3);
  for (const WeightType type : kIntegers) {
    for (const std::size_t k : {1, 8, 31, 64, 65, 200}) {
      for (const std::size_t rows : {1, 7, 9, 16}) {
        std::vector<std::uint8_t> values(rows * k);
        const float steps = float(1 << kernels::weight_bits(type));
        for (auto& q : values) q = static_cast<std::uint8_t>((random.next() * 0.5f + 0.5f) * steps);
        std::vector<std::uint32_t> strip(kernels::tiled_bytes(type, 16, k) / 4, 0xffffffffu);
        kernels::cuda::pack_strip({values.data(), rows, k, type, strip.data()});
        std::size_t wrong = 0;
        for (std::size_t output = 0; output < 16; ++output) {
          for (std::size_t input = 0; input < kernels::tile_count(k) * 64; ++input) {
            const unsigned expected = output < rows && input < k ? values[output * k + input] : 0u;
            if (element(type, strip, output, input) != expected) ++wrong;
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("scales of outputs g and g + 8 are neighbours") {
  std::set<std::size_t> places;
  for (std::size_t output = 0; output < 40; ++output)
    for (std::size_t group = 0; group < 3; ++group)
      places.insert(kernels::tiled_scale_index(3, output, group));
  CHECK(places.size() == 120);
  CHECK(kernels::tiled_scale_count(40, 3) == 144);
  CHECK(kernels::tiled_scale_index(3, 16 + 2, 1) == 48 + 16 + 4);
  CHECK(kernels::tiled_scale_index(3, 16 + 10, 1) == 48 + 16 + 5);
}

}  // namespace transom::cuda_on_host
