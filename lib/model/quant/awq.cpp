// SPDX-License-Identifier: Apache-2.0
// The "gemm" layout of AutoAWQ, 4 bits. With G groups:
//
//   qweight I32 [cols, rows / 8]  eight outputs of one input a word
//   qzeros  I32 [G, rows / 8]     the same; zero points as they are
//   scales  [G, rows]
//
// The outputs of a word lie in the order 0, 2, 4, 6, 1, 3, 5, 7, lowest bits first.
#include <algorithm>

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

constexpr int kShift[8] = {0, 16, 4, 20, 8, 24, 12, 28};  // of each output of a word
constexpr std::int64_t kTileInputs = 64;  // bytes of a destination line that are written in one go

struct AwqReader {
  StoredTensor weight, zeros, scales;
  std::int64_t rows = 0, cols = 0, groups = 0;

  /// Row `row` of a packed matrix at line `line`.
  std::uint8_t field(const StoredTensor& packed, std::int64_t line, std::int64_t row) const {
    return static_cast<std::uint8_t>(
        word_at(packed.bytes.data(), line * (rows / 8) + row / 8) >> kShift[row % 8] & 15u);
  }

  bool zeros_are_central() const {
    for (std::int64_t word = 0; word < groups * (rows / 8); ++word) {
      if (word_at(zeros.bytes.data(), word) != 0x88888888u) return false;
    }
    return true;
  }

  void operator()(std::int64_t first, std::int64_t n, const backend::IntegerTile& tile) const {
    for (std::int64_t input = 0; input < cols; input += kTileInputs) {
      const std::int64_t end = std::min(input + kTileInputs, cols);
      for (std::int64_t row = 0; row < n; ++row) {
        for (std::int64_t i = input; i < end; ++i)
          tile.values[row * cols + i] = field(weight, i, first + row);
      }
    }
    for (std::int64_t row = 0; row < n; ++row) {
      for (std::int64_t g = 0; g < groups; ++g) {
        tile.scales[row * groups + g] = float_at(scales, g * rows + first + row);
        if (tile.zeros != nullptr) tile.zeros[row * groups + g] = field(zeros, g, first + row);
      }
    }
  }
};

}  // namespace

QuantizedModule read_awq(WeightSource& source, const ModulePlace& place, const ModuleScheme& scheme) {
  const auto unsupported = [&](const std::string& what) {
    throw UnsupportedError(message(source.describe(), ": module \"", place.name, "\": ", what));
  };
  if (scheme.bits != 4) unsupported(message("AWQ with ", scheme.bits, " bits is not supported (4 is)"));
  if (place.rows % 8 != 0) unsupported(message("expected a multiple of 8 outputs, found ", place.rows));
  QuantizedModule module;
  module.format = integer_format(source, place, scheme);
  AwqReader reader;
  reader.rows = place.rows;
  reader.cols = place.cols;
  reader.groups = module.format.groups(place.cols);
  reader.weight = require_tensor(source, place.name + ".qweight", {place.cols, place.rows / 8}, {DType::i32});
  reader.zeros =
      require_tensor(source, place.name + ".qzeros", {reader.groups, place.rows / 8}, {DType::i32});
  reader.scales = require_tensor(source, place.name + ".scales", {reader.groups, place.rows},
                                 {DType::f16, DType::bf16, DType::f32});
  check_scales(source, reader.scales);
  module.tensors = {reader.weight, reader.zeros, reader.scales};
  module.format.zero_points = !reader.zeros_are_central();
  module.format.scale_dtype = reader.scales.dtype;
  module.reader = std::move(reader);
  return module;
}

}  // namespace transom::model
