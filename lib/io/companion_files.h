// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace transom::io {

/// Copies what makes weights and config.json usable elsewhere: tokenizer files, chat templates, generation
/// settings; those that are there. @throws DeviceError when the system refuses.
void copy_companion_files(const std::filesystem::path& from, const std::filesystem::path& to);

/// Copies one file in one step, replacing what is there. @throws DeviceError when the system refuses.
void copy_whole_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes a directory and those above it. @throws DeviceError when the system refuses.
void make_directory(const std::filesystem::path& path);

}  // namespace transom::io
