// SPDX-License-Identifier: Apache-2.0
/// Quantised matrices in the form in which AutoGPTQ and GPTQModel store them.
///
/// A matrix [outputs, inputs] of b bits becomes: qweight I32 [inputs * b / 32, outputs], a stream of bits,
/// lowest first, down each column; qzeros I32 [groups, outputs * b / 32], the same along each row; scales F16
/// [groups, outputs]; g_idx I32 [inputs], the group of each input. Format "gptq" stores zero points less one,
/// "gptq_v2" as they are; here symmetric matrices are in the first, others in the second, because a zero
/// point of 0 less one would need a bit more than there is.
#pragma once

#include <string>
#include <vector>

#include "compress/model_quantizer.h"
#include "io/safetensors.h"

namespace transom::compress {

/// A tensor with its bytes.
struct OwnedTensor {
  io::StoredTensor tensor;  // its bytes are those below
  std::vector<std::byte> bytes;
};

/// @throws UnsupportedError for a part whose size does not fill words of 32 bits.
void check_packable(const std::string& name, std::int64_t rows, std::int64_t cols);

/// The four tensors of a part.
std::vector<OwnedTensor> pack_part(const QuantizedPart& part, const core::GridOptions& grid);
/// The reverse. `tensors` are the four in the same order. @throws FormatError when their sizes are not those.
QuantizedMatrix unpack_part(std::span<const io::StoredTensor> tensors, std::int64_t rows, std::int64_t cols,
                            const MatrixOptions& options);

/// The member quantization_config of config.json, and the content of quantize_config.json.
std::string quantization_config(const ModelQuantizerOptions& options);

}  // namespace transom::compress
