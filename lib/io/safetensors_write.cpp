// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_write.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "core/checks.h"
#include "io/json_write.h"
#include "transom/error.h"

namespace transom::io {

using core::message;
namespace fs = std::filesystem;

namespace {

std::string_view kind_of(fs::file_type type) {
  switch (type) {
    case fs::file_type::directory:
      return "a directory";
    case fs::file_type::fifo:
      return "a FIFO";
    case fs::file_type::socket:
      return "a socket";
    case fs::file_type::block:
    case fs::file_type::character:
      return "a device";
    default:
      return "something else";
  }
}

/// @throws InvalidArgument for what a file must not take the place of.
void check_replaceable(const fs::path& path) {
  if (path.empty()) throw InvalidArgument("expected the name of a file to write, found an empty one");
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_symlink(status)) {
    throw InvalidArgument(
        message(path.string(), ": expected a file, or none yet, found ", kind_of(status.type())));
  }
}

}  // namespace

// canonical() wants the end to exist, and weakly_canonical() stops at a dangling link.
fs::path behind_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux follows
  std::error_code error;
  fs::path end = path;
  for (int links = 0; fs::is_symlink(fs::symlink_status(end, error)); ++links) {
    const fs::path next = fs::read_symlink(end, error);
    if (error) throw DeviceError(message(path.string(), ": cannot follow the link: ", error.message()));
    if (links == kMostLinks) throw DeviceError(message(path.string(), ": too many symbolic links"));
    end = end.parent_path() / next;
  }
  return end;
}

void replace_file(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  static std::atomic<unsigned> counter{0};  // several threads may save at once
  check_replaceable(path);
  const fs::path temporary = message(path.string(), ".", ::getpid(), ".", ++counter, ".tmp");
  try {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    if (!out)
      throw DeviceError(
          message(temporary.string(), ": cannot create: ", std::generic_category().message(errno)));
    write(out);
    out.close();
    if (!out) throw DeviceError(message(temporary.string(), ": cannot write (is the disk full?)"));
    fs::rename(temporary, path);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw DeviceError(message(path.string(), ": cannot replace: ", error.what()));
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    const auto size_a = dtype_size(a->dtype), size_b = dtype_size(b->dtype);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::size_t offset = 0;
  for (const StoredTensor* tensor : order) {
    std::string shape;
    for (const std::int64_t extent : tensor->shape)
      shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    header +=
        message(",", json_string(tensor->name), ":{\"dtype\":\"", dtype_name(tensor->dtype), "\",\"shape\":[",
                shape, "],\"data_offsets\":[", offset, ",", offset + tensor->bytes.size(), "]}");
    offset += tensor->bytes.size();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  replace_file(path, [&](std::ostream& out) {
    char length[8];
    for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
    out.write(length, sizeof length);
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
    for (const StoredTensor* tensor : order) {
      out.write(reinterpret_cast<const char*>(tensor->bytes.data()),
                static_cast<std::streamsize>(tensor->bytes.size()));
    }
  });
}

void write_checkpoint(const std::filesystem::path& directory, std::span<const StoredTensor> tensors,
                      std::size_t shard_bytes) {
  std::vector<std::vector<StoredTensor>> shards(1);
  std::size_t filled = 0, total = 0;
  for (const StoredTensor& tensor : tensors) {
    if (filled > 0 && filled + tensor.bytes.size() > shard_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(tensor);
    filled += tensor.bytes.size();
    total += tensor.bytes.size();
  }
  if (shards.size() == 1) return write_safetensors(directory / "model.safetensors", tensors);
  const auto number = [](std::size_t n) {
    const std::string digits = std::to_string(n);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  std::string map;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = "model-" + number(i + 1) + "-of-" + number(shards.size()) + ".safetensors";
    write_safetensors(directory / name, shards[i]);
    for (const StoredTensor& tensor : shards[i])
      map += message(map.empty() ? "" : ",", "\n    ", json_string(tensor.name), ": \"", name, "\"");
  }
  replace_file(directory / "model.safetensors.index.json", [&](std::ostream& out) {
    out << "{\n  \"metadata\": {\"total_size\": " << total << "},\n  \"weight_map\": {" << map
        << "\n  }\n}\n";
  });
}

}  // namespace transom::io
