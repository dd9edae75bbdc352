// SPDX-License-Identifier: Apache-2.0
// Two layouts of compressed-tensors. With b bits, G groups:
//
//   pack-quantized: weight_packed I32 [rows, ceil(cols * b / 32)], a stream along each row of signed integers
//   plus
//     2^(b - 1); weight_zero_point I32 [ceil(rows * b / 32), G], the same down each column, where zero points
//     exist; weight_shape I64 [2]; weight_g_idx I32 [cols], the group of each input, where it is not their
//     order
//   int-quantized: weight I8 [rows, cols], weight_zero_point I8 [rows, G]
//
// and in both weight_scale [rows, G], or one element for the whole tensor. What they say about activations is
// not read: how activations are rounded is the application's choice. Source:
// compressors/{pack_quantized,naive_quantized} of compressed-tensors.
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

/// What both layouts share: scales, and zero points as unsigned integers.
struct Grids {
  StoredTensor scales;
  std::optional<StoredTensor> zeros;
  std::int64_t groups = 0;
  bool one_scale = false;

  template <typename Zero>
  void read(std::int64_t first, std::int64_t n, const backend::IntegerTile& tile, const Zero& zero) const {
    for (std::int64_t row = 0; row < n; ++row) {
      for (std::int64_t g = 0; g < groups; ++g) {
        tile.scales[row * groups + g] = float_at(scales, one_scale ? 0 : (first + row) * groups + g);
        if (tile.zeros != nullptr) tile.zeros[row * groups + g] = zero(first + row, g);
      }
    }
  }

  /// The zero points of a tensor without zero points, or whose zero points are all in the middle.
  template <typename Zero>
  bool central(std::int64_t rows, std::uint8_t middle, const Zero& zero) const {
    for (std::int64_t row = 0; zeros && row < rows; ++row) {
      for (std::int64_t g = 0; g < groups; ++g) {
        if (zero(row, g) != middle) return false;
      }
    }
    return true;
  }
};

struct PackedReader {
  StoredTensor weight;
  Grids grids;
  std::int64_t cols = 0;
  int bits = 0;
  UnpackRun unpack = nullptr;
  std::vector<std::int32_t> order;  // as in QuantizedModule

  /// Down the columns of [words, groups]: not a stream of neighbours.
  std::uint8_t zero(std::int64_t row, std::int64_t group) const {
    const std::byte* const words = grids.zeros->bytes.data();
    const std::int64_t place = row * bits, word = place / 32;
    const auto shift = static_cast<int>(place % 32);
    std::uint32_t field = word_at(words, word * grids.groups + group) >> shift;
    if (shift + bits > 32) field |= word_at(words, (word + 1) * grids.groups + group) << (32 - shift);
    return static_cast<std::uint8_t>(field & ((1u << bits) - 1));
  }

  void operator()(std::int64_t first, std::int64_t n, const backend::IntegerTile& tile) const {
    std::vector<std::uint8_t> stored(order.empty() ? 0 : count(cols));
    for (std::int64_t row = 0; row < n; ++row) {
      std::uint8_t* const line = tile.values + row * cols;
      read_row(first + row, order.empty() ? line : stored.data());
      for (std::size_t i = 0; i < order.size(); ++i) line[i] = stored[count(order[i])];
    }
    grids.read(first, n, tile, [this](std::int64_t row, std::int64_t g) { return zero(row, g); });
  }

  void read_row(std::int64_t row, std::uint8_t* values) const {
    const std::byte* const words = weight.bytes.data() + count(row * packed_words(cols, bits)) * 4;
    for (std::int64_t input = 0; input < cols; input += kPackedRun) {
      const std::int64_t inputs = std::min(kPackedRun, cols - input);
      std::uint32_t run[8] = {};
      std::uint8_t unpacked[kPackedRun];
      for (std::int64_t word = 0; word < packed_words(inputs, bits); ++word)
        run[word] = word_at(words, input * bits / 32 + word);
      unpack(run, unpacked);
      std::memcpy(values + input, unpacked, count(inputs));
    }
  }
};

struct Int8Reader {
  StoredTensor weight;
  Grids grids;
  std::int64_t cols = 0;

  /// A signed byte plus 128.
  static std::uint8_t raised(std::byte value) {
    return std::to_integer<std::uint8_t>(value ^ std::byte{0x80});
  }
  std::uint8_t zero(std::int64_t row, std::int64_t group) const {
    return raised(grids.zeros->bytes[count(row * grids.groups + group)]);
  }

  void operator()(std::int64_t first, std::int64_t n, const backend::IntegerTile& tile) const {
    const auto values = weight.bytes.subspan(count(first * cols), count(n * cols));
    std::transform(values.begin(), values.end(), tile.values, raised);
    grids.read(first, n, tile, [this](std::int64_t row, std::int64_t g) { return zero(row, g); });
  }
};

/// Scales and zero points, the latter of this shape and dtype where there are any.
Grids read_grids(WeightSource& source, const ModulePlace& place, const ModuleScheme& scheme,
                 QuantizedModule& module, const Shape& zero_shape, DType zero_dtype) {
  Grids grids;
  grids.groups = module.format.groups(place.cols);
  const std::string name = place.name + ".weight_scale";
  const Shape shape{place.rows, grids.groups};
  const auto found = source.find(name, shape);
  grids.one_scale = found && grids.groups == 1 && found->elements() == 1;
  grids.scales = require_tensor(source, name, grids.one_scale ? found->shape : shape,
                                {DType::f16, DType::bf16, DType::f32});
  check_scales(source, grids.scales);
  module.format.scale_dtype = grids.scales.dtype;
  module.tensors.push_back(grids.scales);
  const std::string zeros = place.name + ".weight_zero_point";
  if (scheme.zero_points || source.find(zeros, zero_shape)) {
    grids.zeros = require_tensor(source, zeros, zero_shape, {zero_dtype});
    module.tensors.push_back(*grids.zeros);
  }
  return grids;
}

void check_stored_shape(WeightSource& source, const ModulePlace& place, QuantizedModule& module) {
  const std::string name = place.name + ".weight_shape";
  if (!source.find(name, {2})) return;
  const StoredTensor shape = require_tensor(source, name, {2}, {DType::i64, DType::i32});
  std::int64_t found[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::byte* const at = shape.bytes.data() + i * dtype_size(shape.dtype);
    found[i] = shape.dtype == DType::i64 ? core::load_unaligned<std::int64_t>(at)
                                         : core::load_unaligned<std::int32_t>(at);
  }
  if (found[0] != place.rows || found[1] != place.cols) {
    refuse_tensor(source, shape,
                  message(shape_text({place.rows, place.cols}), ", found [", found[0], ", ", found[1], "]"));
  }
  module.tensors.push_back(shape);
}

/// Groups of inputs in another order than their own. A file that names no order fills the tensor with -1.
void read_order(WeightSource& source, const ModulePlace& place, QuantizedModule& module) {
  const std::string name = place.name + ".weight_g_idx";
  if (!source.find(name, {place.cols})) return;
  const StoredTensor group_of = require_tensor(source, name, {place.cols}, {DType::i32});
  module.tensors.push_back(group_of);
  bool unset = true;
  for (std::int64_t i = 0; unset && i < place.cols; ++i)
    unset = core::load_unaligned<std::int32_t>(group_of.bytes.data() + 4 * i) == -1;
  if (!unset) module.input_order = order_by_group(source, group_of, module.format);
}

}  // namespace

QuantizedModule read_compressed_packed(WeightSource& source, const ModulePlace& place,
                                       const ModuleScheme& scheme) {
  QuantizedModule module;
  module.format = integer_format(source, place, scheme);
  PackedReader reader;
  reader.weight = require_tensor(source, place.name + ".weight_packed",
                                 {place.rows, packed_words(place.cols, scheme.bits)}, {DType::i32});
  module.tensors.push_back(reader.weight);
  const Shape zero_shape{packed_words(place.rows, scheme.bits), module.format.groups(place.cols)};
  reader.grids = read_grids(source, place, scheme, module, zero_shape, DType::i32);
  check_stored_shape(source, place, module);
  read_order(source, place, module);
  reader.order = module.input_order;
  reader.cols = place.cols;
  reader.bits = scheme.bits;
  reader.unpack = unpack_run(scheme.bits);
  const auto middle = static_cast<std::uint8_t>(1 << (scheme.bits - 1));
  module.format.zero_points = !reader.grids.central(
      place.rows, middle, [&](std::int64_t row, std::int64_t g) { return reader.zero(row, g); });
  module.reader = std::move(reader);
  return module;
}

QuantizedModule read_compressed_int8(WeightSource& source, const ModulePlace& place,
                                     const ModuleScheme& scheme) {
  QuantizedModule module;
  module.format = integer_format(source, place, scheme);
  module.format.bits = 8;  // fewer are stored in a byte each
  Int8Reader reader;
  reader.cols = place.cols;
  reader.weight = require_tensor(source, place.name + ".weight", {place.rows, place.cols}, {DType::i8});
  module.tensors.push_back(reader.weight);
  reader.grids =
      read_grids(source, place, scheme, module, {place.rows, module.format.groups(place.cols)}, DType::i8);
  module.format.zero_points = !reader.grids.central(
      place.rows, 128, [&](std::int64_t row, std::int64_t g) { return reader.zero(row, g); });
  module.reader = std::move(reader);
  return module;
}

}  // namespace transom::model
