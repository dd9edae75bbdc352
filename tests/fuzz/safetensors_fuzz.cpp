// SPDX-License-Identifier: Apache-2.0
/// Arbitrary bytes as a safetensors file, and as the header of one that is framed rightly: most random
/// lengths would be refused before the header is looked at.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "tests/fuzz/require.h"
#include "transom/error.h"

namespace {

using transom::fuzz::require;

void parse(std::span<const std::byte> file) {
  std::vector<transom::io::StoredTensor> tensors;
  try {
    tensors = transom::io::parse_safetensors(file, "fuzz");
  } catch (const transom::Error&) {
    return;
  }
  std::size_t bytes = 0;
  unsigned sum = 0;
  for (const transom::io::StoredTensor& tensor : tensors) {
    for (const std::int64_t extent : tensor.shape) require(extent >= 0);
    require(static_cast<std::size_t>(tensor.elements()) * transom::dtype_size(tensor.dtype) ==
            tensor.bytes.size());
    require(!tensor.describe().empty());
    // Read, so that the sanitizer sees a range outside the file.
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
    bytes += tensor.bytes.size();
  }
  require(bytes <= file.size());
  require(sum <= 255u * file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  // Copies of the exact size: a byte too far is an error of the sanitizer.
  {
    std::vector<std::uint8_t> file(input.begin(), input.end());
    parse(std::as_bytes(std::span(file)));
  }
  if (input.empty()) return 0;
  // The last byte says how many bytes of tensors follow the header.
  const std::uint64_t header = size - 1;
  std::vector<std::uint8_t> framed(8 + size - 1 + input.back(), 1);
  for (int i = 0; i < 8; ++i)
    framed[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(header >> (8 * i));
  if (header > 0) std::memcpy(framed.data() + 8, data, size - 1);
  parse(std::as_bytes(std::span(framed)));
  return 0;
}
