// SPDX-License-Identifier: Apache-2.0
// The layout of AutoGPTQ and GPTQModel. With b bits, G groups:
//
//   qweight I32 [cols * b / 32, rows]  a stream of b-bit integers down each column, input after input
//   qzeros  I32 [G, rows * b / 32]     a stream along each row, output after output
//   scales  [G, rows], g_idx I32 [cols] the group of each input
//
// "gptq" stores zero points less one: subtracted from whole words of 2, 4 and 8 bits, so that a zero point of
// 0 borrows from its neighbour and only adding to the whole word restores both; and from each field of 3 bits
// alone. "gptq_v2" stores them as they are.
#include <algorithm>
#include <cstring>

#include "core/checks.h"
#include "core/count.h"
#include "model/quant/packed_integers.h"
#include "model/quant/quantized_module.h"
#include "model/weights/tensor_checks.h"
#include "transom/error.h"

namespace transom::model {

using core::count;
using core::message;
using io::StoredTensor;

namespace {

constexpr std::int64_t kTileRows = 64;  // outputs whose lines of the destination stay in the first cache

/// A one in every field of a word.
constexpr std::uint32_t ones(int bits) {
  std::uint32_t word = 0;
  for (int shift = 0; shift < 32; shift += bits) word |= 1u << shift;
  return word;
}

struct GptqReader {
  const std::byte* weight = nullptr;
  StoredTensor zeros, scales;
  std::int64_t rows = 0, cols = 0, groups = 0;
  int bits = 0;
  bool plain_zeros = false;
  UnpackRun unpack = nullptr;
  std::vector<std::int32_t> position;  // of each input; empty: as stored

  std::uint8_t zero(std::int64_t group, std::int64_t row) const {
    const std::byte* const words = zeros.bytes.data() + count(group * packed_words(rows, bits)) * 4;
    std::uint32_t field = 0;
    if (plain_zeros || bits == 3) {
      field = packed_integer(words, row, bits) + (plain_zeros ? 0 : 1);
    } else {
      const std::int64_t place = row * bits;
      field = (word_at(words, place / 32) + ones(bits)) >> (place % 32);
    }
    return static_cast<std::uint8_t>(field & ((1u << bits) - 1));
  }

  bool zeros_are_central() const {
    for (std::int64_t g = 0; g < groups; ++g) {
      for (std::int64_t row = 0; row < rows; ++row) {
        if (zero(g, row) != 1 << (bits - 1)) return false;
      }
    }
    return true;
  }

  void operator()(std::int64_t first, std::int64_t n, const backend::IntegerTile& tile) const {
    for (std::int64_t row = 0; row < n; row += kTileRows)
      read_values(first + row, std::min(kTileRows, n - row), tile.values + row * cols);
    for (std::int64_t row = 0; row < n; ++row) {
      for (std::int64_t g = 0; g < groups; ++g) {
        tile.scales[row * groups + g] = float_at(scales, g * rows + first + row);
        if (tile.zeros != nullptr) tile.zeros[row * groups + g] = zero(g, first + row);
      }
    }
  }

  /// At most kTileRows rows; a run of inputs of all of them at a time, because their words are neighbours.
  void read_values(std::int64_t first, std::int64_t n, std::uint8_t* values) const {
    for (std::int64_t input = 0; input < cols; input += kPackedRun) {
      const std::int64_t inputs = std::min(kPackedRun, cols - input), words = packed_words(inputs, bits);
      const std::byte* const column = weight + count(input * bits / 32 * rows + first) * 4;
      for (std::int64_t row = 0; row < n; ++row) {
        std::uint32_t run[8] = {};
        std::uint8_t unpacked[kPackedRun];
        for (std::int64_t word = 0; word < words; ++word) run[word] = word_at(column, word * rows + row);
        unpack(run, unpacked);
        std::uint8_t* const line = values + row * cols;
        if (position.empty()) {
          std::memcpy(line + input, unpacked, count(inputs));
        } else {
          for (std::int64_t i = 0; i < inputs; ++i) line[position[count(input + i)]] = unpacked[i];
        }
      }
    }
  }
};

}  // namespace

QuantizedModule read_gptq(WeightSource& source, const ModulePlace& place, const ModuleScheme& scheme,
                          bool plain_zeros) {
  const int bits = scheme.bits;
  if (place.cols * bits % 32 != 0 || place.rows * bits % 32 != 0) {
    throw UnsupportedError(message(source.describe(), ": module \"", place.name, "\" [", place.rows, ", ",
                                   place.cols, "]: expected sizes that fill whole words with ", bits,
                                   "-bit integers"));
  }
  QuantizedModule module;
  module.format = integer_format(source, place, scheme);
  const std::int64_t groups = module.format.groups(place.cols);
  GptqReader reader;
  const StoredTensor weight =
      require_tensor(source, place.name + ".qweight", {place.cols * bits / 32, place.rows}, {DType::i32});
  reader.zeros =
      require_tensor(source, place.name + ".qzeros", {groups, place.rows * bits / 32}, {DType::i32});
  reader.scales = require_tensor(source, place.name + ".scales", {groups, place.rows},
                                 {DType::f16, DType::bf16, DType::f32});
  check_scales(source, reader.scales);
  module.tensors = {weight, reader.zeros, reader.scales};
  const std::string order = place.name + ".g_idx";
  if ((scheme.act_order && groups > 1) || source.find(order, {place.cols})) {
    const StoredTensor group_of = require_tensor(source, order, {place.cols}, {DType::i32});
    module.input_order = order_by_group(source, group_of, module.format);
    module.tensors.push_back(group_of);
  }
  reader.weight = weight.bytes.data();
  reader.rows = place.rows;
  reader.cols = place.cols;
  reader.groups = groups;
  reader.bits = bits;
  reader.plain_zeros = plain_zeros;
  reader.unpack = unpack_run(bits);
  reader.position.resize(module.input_order.size());
  for (std::size_t i = 0; i < module.input_order.size(); ++i)
    reader.position[count(module.input_order[i])] = static_cast<std::int32_t>(i);
  module.format.zero_points = !reader.zeros_are_central();
  module.format.scale_dtype = reader.scales.dtype;
  module.reader = std::move(reader);
  return module;
}

}  // namespace transom::model
