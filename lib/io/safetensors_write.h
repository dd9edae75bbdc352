// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace transom::io {

/// Writes one safetensors file (aligned, sorted as the format's own writer does).
/// @throws DeviceError when the system refuses.
void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors);

/// Writes the weight files of a model directory: model.safetensors, or shards of at most `shard_bytes` of
/// tensors (a larger tensor has a shard for itself) and their index. The tensors' bytes are copied from where
/// they are, which may be a mapped file, so that nothing is held in memory twice.
/// @throws DeviceError when the system refuses.
void write_checkpoint(const std::filesystem::path& directory, std::span<const StoredTensor> tensors,
                      std::size_t shard_bytes);

/// Gives a file its final content in one step: `write` fills a temporary file beside it, which is then
/// renamed. A reader, or a process that has the old file mapped, never sees half a file. A symbolic link is
/// replaced like a file, and what it points to stays.
/// @throws InvalidArgument for what is neither (a directory, device, FIFO or socket stays); DeviceError when
///   the system refuses.
void replace_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// What a path means behind its symbolic links; it need not exist. @throws DeviceError for links in a circle.
std::filesystem::path behind_links(const std::filesystem::path& path);

}  // namespace transom::io
