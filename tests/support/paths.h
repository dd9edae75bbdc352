// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace transom::testing {

inline std::filesystem::path source_directory() { return TRANSOM_SOURCE_DIR; }
inline std::filesystem::path tinystories() {
  return source_directory() / "examples" / "models" / "tinystories-656k";
}

/// Test data that is not part of the project: TRANSOM_SHARED_DATA, else ../shared/data beside the project,
/// where there is such a folder.
inline std::optional<std::filesystem::path> shared_data() {
  const char* variable = std::getenv("TRANSOM_SHARED_DATA");
  const std::filesystem::path path = variable != nullptr
                                         ? std::filesystem::path(variable)
                                         : source_directory().parent_path() / "shared" / "data";
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return std::nullopt;
  return path;
}

}  // namespace transom::testing
