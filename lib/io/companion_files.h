// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace transom::io {

/// Copies what makes weights and config.json usable elsewhere: tokenizer files, chat templates, generation
/// settings; those that are there. Symbolic links in `to` are replaced, not written through.
/// @throws DeviceError when the system refuses.
void copy_companion_files(const std::filesystem::path& from, const std::filesystem::path& to);

/// Copies one file in one step, replacing what is there, as replace_file(). @throws as replace_file().
void copy_whole_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes a directory and those above it. @throws DeviceError when the system refuses.
void make_directory(const std::filesystem::path& path);

}  // namespace transom::io
