// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "tests/support/catch.h"

namespace transom::testing {

/// The folders of a folder that hold an expected.safetensors, by name.
inline std::vector<std::string> golden_cases(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (std::filesystem::exists(entry.path() / "expected.safetensors"))
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// expected.safetensors of one case, or another file of its folder.
class Expected {
 public:
  explicit Expected(const std::filesystem::path& directory, const char* file = "expected.safetensors")
      : file_(directory / file) {
    tensors_ = io::parse_safetensors(file_.bytes(), file_.path().string());
  }

  /// The tensors by name.
  const std::vector<io::StoredTensor>& tensors() const { return tensors_; }

  template <typename T>
  std::vector<T> get(const std::string& name) const {
    for (const auto& tensor : tensors_) {
      if (tensor.name != name) continue;
      REQUIRE(dtype_size(tensor.dtype) == sizeof(T));
      std::vector<T> values(static_cast<std::size_t>(tensor.elements()));
      std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
      return values;
    }
    return {};
  }

 private:
  io::MappedFile file_;
  std::vector<io::StoredTensor> tensors_;
};

}  // namespace transom::testing
