// SPDX-License-Identifier: Apache-2.0
#include "compress/gptq_file.h"

#include <cstring>

#include "core/checks.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "io/json_write.h"
#include "transom/error.h"
#include "transom/version.h"

namespace transom::compress {

using core::count;
using core::message;

namespace {

constexpr std::int64_t kWordBits = 32;

/// Places of unsigned integers of a few bits in a stream of 32-bit words, lowest bits first.
struct BitPlace {
  std::size_t word;
  unsigned shift;
  unsigned bits;

  BitPlace(std::int64_t index, int width)
      : word(count(index * width / kWordBits)),
        shift(static_cast<unsigned>(index * width % kWordBits)),
        bits(static_cast<unsigned>(width)) {}
  bool crosses() const { return shift + bits > kWordBits; }

  /// Word w of the stream is words[w * step].
  void put(std::uint32_t value, std::uint32_t* words, std::size_t step) const {
    words[word * step] |= value << shift;
    if (crosses()) words[(word + 1) * step] |= value >> (kWordBits - shift);
  }
  std::uint32_t get(const std::uint32_t* words, std::size_t step) const {
    std::uint32_t value = words[word * step] >> shift;
    if (crosses()) value |= words[(word + 1) * step] << (kWordBits - shift);
    return value & ((1u << bits) - 1);
  }
};

/// What "gptq" takes off zero points.
unsigned zero_offset(const core::GridOptions& grid) { return grid.zero_points ? 0 : 1; }

template <typename T>
OwnedTensor owned(std::string name, DType dtype, std::vector<std::int64_t> shape,
                  const std::vector<T>& values) {
  OwnedTensor result;
  result.bytes.resize(values.size() * sizeof(T));
  std::memcpy(result.bytes.data(), values.data(), result.bytes.size());
  result.tensor = {std::move(name), dtype, std::move(shape), result.bytes, nullptr};
  return result;
}

template <typename T>
std::vector<T> copied(const io::StoredTensor& tensor, std::int64_t elements) {
  if (tensor.bytes.size() != count(elements) * sizeof(T)) {
    throw FormatError(message("tensor \"", tensor.name, "\": expected ", elements, " elements of ", sizeof(T),
                              " bytes, found ", tensor.describe()));
  }
  std::vector<T> values(count(elements));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

}  // namespace

void check_packable(const std::string& name, std::int64_t rows, std::int64_t cols) {
  if (rows % kWordBits == 0 && cols % kWordBits == 0) return;
  throw UnsupportedError(message(name, " [", rows, ", ", cols, "]: expected multiples of ", kWordBits,
                                 ", which the format packs into whole words"));
}

std::vector<OwnedTensor> pack_part(const QuantizedPart& part, const core::GridOptions& grid) {
  const QuantizedMatrix& matrix = part.matrix;
  const std::int64_t rows = matrix.rows, cols = matrix.cols, groups = matrix.groups, bits = grid.bits;
  std::vector<std::uint32_t> weight(count(cols * bits / kWordBits * rows)),
      zeros(count(groups * rows * bits / kWordBits));
  std::vector<std::uint16_t> scales(count(groups * rows));
  for (std::int64_t i = 0; i < cols; ++i) {
    const BitPlace place(i, grid.bits);
    for (std::int64_t o = 0; o < rows; ++o)
      place.put(matrix.values[count(o * cols + i)], &weight[count(o)], count(rows));
  }
  for (std::int64_t o = 0; o < rows; ++o) {
    const BitPlace place(o, grid.bits);
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::size_t at = count(o * groups + g);
      place.put(matrix.zeros[at] - zero_offset(grid), &zeros[count(g * rows * bits / kWordBits)], 1);
      scales[count(g * rows + o)] = core::f16_bits(matrix.scales[at]);
    }
  }
  std::vector<OwnedTensor> tensors;
  tensors.push_back(owned(part.name + ".qweight", DType::i32, {cols * bits / kWordBits, rows}, weight));
  tensors.push_back(owned(part.name + ".qzeros", DType::i32, {groups, rows * bits / kWordBits}, zeros));
  tensors.push_back(owned(part.name + ".scales", DType::f16, {groups, rows}, scales));
  tensors.push_back(owned(part.name + ".g_idx", DType::i32, {cols}, matrix.group_of));
  return tensors;
}

QuantizedMatrix unpack_part(std::span<const io::StoredTensor> tensors, std::int64_t rows, std::int64_t cols,
                            const MatrixOptions& options) {
  const core::GridOptions& grid = options.grid;
  const std::int64_t groups = options.groups(cols), bits = grid.bits;
  const auto weight = copied<std::uint32_t>(tensors[0], cols * bits / kWordBits * rows);
  const auto zeros = copied<std::uint32_t>(tensors[1], groups * rows * bits / kWordBits);
  const auto scales = copied<std::uint16_t>(tensors[2], groups * rows);
  QuantizedMatrix matrix(rows, cols, groups);
  matrix.group_of = copied<std::int32_t>(tensors[3], cols);
  for (const std::int32_t group : matrix.group_of) {
    if (group < 0 || group >= groups)
      throw FormatError(
          message("tensor \"", tensors[3].name, "\": expected groups below ", groups, ", found ", group));
  }
  for (std::int64_t i = 0; i < cols; ++i) {
    const BitPlace place(i, grid.bits);
    for (std::int64_t o = 0; o < rows; ++o)
      matrix.values[count(o * cols + i)] =
          static_cast<std::uint8_t>(place.get(&weight[count(o)], count(rows)));
  }
  for (std::int64_t o = 0; o < rows; ++o) {
    const BitPlace place(o, grid.bits);
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::uint32_t zero = place.get(&zeros[count(g * rows * bits / kWordBits)], 1) + zero_offset(grid);
      const float scale = core::small_float(scales[count(g * rows + o)], 5, 10, false);
      matrix.set_grid(o, g, {scale, static_cast<int>(zero)});
    }
  }
  return matrix;
}

std::string quantization_config(const ModelQuantizerOptions& options) {
  const MatrixOptions& matrix = options.matrix;
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  const char* const format = matrix.grid.zero_points ? "gptq_v2" : "gptq";
  return message("{\"bits\": ", matrix.grid.bits, ", \"group_size\": ", matrix.group_size,
                 ", \"desc_act\": ", flag(matrix.act_order), ", \"sym\": ", flag(!matrix.grid.zero_points),
                 ", \"lm_head\": ", flag(options.head), ", \"method\": \"gptq\", \"quant_method\": \"gptq\"",
                 ", \"format\": \"", format, "\", \"checkpoint_format\": \"", format,
                 "\", \"pack_dtype\": \"int32\", \"meta\": {\"quantizer\": [\"transom:", version(),
                 "\"], \"damp_percent\": ", io::json_number(matrix.damping),
                 ", \"damp_auto_increment\": 0.01, \"static_groups\": ", flag(matrix.static_groups),
                 ", \"true_sequential\": true, \"mse\": ", io::json_number(matrix.grid.search_norm),
                 ", \"act_group_aware\": false}}");
}

}  // namespace transom::compress
