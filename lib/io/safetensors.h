// SPDX-License-Identifier: Apache-2.0
/// Reading safetensors files, single and sharded, without trusting them.
///
/// A file is 8 bytes of header length N (little endian), N bytes of JSON, then the tensor bytes. Every rule
/// of the format is checked before the first tensor is handed out: known dtypes, shapes that multiply without
/// overflow, ranges that cover the buffer without overlap, hole or rest. Errors are FormatError naming file,
/// tensor, expected and found. Source: the safetensors format description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/file.h"
#include "transom/dtype.h"

namespace transom::io {

/// One stored tensor. The bytes live as long as the Checkpoint (or the mapping) they came from, and may stand
/// at any alignment.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  const MappedFile* file = nullptr;

  std::int64_t elements() const;
  /// "BF16 [4096, 11008]"
  std::string describe() const;
};

/// Parses the bytes of one file. @param where names it in messages.
std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> bytes, const std::string& where);

/// All tensors of a model directory: model.safetensors, or the shards that model.safetensors.index.json
/// names. Immutable after construction; safe to read from any thread.
class Checkpoint {
 public:
  /// @throws NotFound when the directory holds neither; FormatError for corrupt files; UnsupportedError for a
  ///   legal dtype that this version can not hold.
  explicit Checkpoint(const std::filesystem::path& directory);

  /// nullptr when there is no such tensor.
  const StoredTensor* find(std::string_view name) const;
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const std::filesystem::path& directory() const { return directory_; }
  /// Base names of the weight files, the index included.
  const std::vector<std::string>& file_names() const { return file_names_; }
  std::int64_t total_bytes() const { return total_bytes_; }

 private:
  void add_file(const std::string& name);
  void load_sharded(const std::filesystem::path& index);

  std::filesystem::path directory_;
  std::vector<std::string> file_names_;
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::vector<StoredTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::int64_t total_bytes_ = 0;
};

}  // namespace transom::io
