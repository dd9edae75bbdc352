// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/checks.h"
#include "io/json.h"
#include "transom/error.h"

namespace transom::io {

using core::message;

namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxTensors = 1'000'000;
constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kMaxNameBytes = 1024;

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(DType::f8_e5m2); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dtype_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

DType read_dtype(const Json& value, const std::string& path) {
  const std::string& name = value.as_string(path);
  if (const auto dtype = dtype_from_name(name)) return *dtype;
  static constexpr std::string_view kOthers[] = {
      "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "U16", "U32", "U64", "C64"};
  if (std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers)) {
    throw UnsupportedError(message(path, ": dtype ", name, " is not supported"));
  }
  throw FormatError(message(path, ": expected a safetensors dtype, found \"", name, "\""));
}

std::uint64_t read_unsigned(const Json& value, const std::string& path) {
  if (!value.is_integer()) {
    throw FormatError(message(path, ": expected an unsigned integer, found ", Json::kind_name(value.kind())));
  }
  const std::int64_t number = value.as_int(path);
  if (number < 0) throw FormatError(message(path, ": expected an unsigned integer, found ", number));
  return static_cast<std::uint64_t>(number);
}

std::uint64_t checked_product(std::uint64_t a, std::uint64_t b, const std::string& path) {
  if (a != 0 && b > std::numeric_limits<std::int64_t>::max() / a) {
    throw FormatError(message(path, ": the shape's product does not fit 63 bits"));
  }
  return a * b;
}

struct Range {
  std::uint64_t begin = 0, end = 0;
};

struct Entry {
  StoredTensor tensor;
  Range range;
};

Entry read_entry(const std::string& name, const Json& value, const std::string& where) {
  const std::string path = message(where, ": tensor \"", name, "\"");
  if (name.size() > kMaxNameBytes) {
    throw FormatError(
        message(where, ": a tensor name of ", name.size(), " bytes, expected at most ", kMaxNameBytes));
  }
  Entry entry;
  entry.tensor.name = name;
  entry.tensor.dtype = read_dtype(value.at("dtype", path), path + ": dtype");
  const auto& shape = value.at("shape", path).as_array(path + ": shape");
  if (shape.size() > kMaxRank) {
    throw FormatError(message(path, ": expected at most ", kMaxRank, " dimensions, found ", shape.size()));
  }
  std::uint64_t elements = 1;
  for (const Json& extent : shape) {
    const std::uint64_t n = read_unsigned(extent, path + ": shape");
    elements = checked_product(elements, n, path);
    entry.tensor.shape.push_back(static_cast<std::int64_t>(n));
  }
  const auto& offsets = value.at("data_offsets", path).as_array(path + ": data_offsets");
  if (offsets.size() != 2) {
    throw FormatError(message(path, ": data_offsets: expected 2 integers, found ", offsets.size()));
  }
  entry.range = {read_unsigned(offsets[0], path + ": data_offsets"),
                 read_unsigned(offsets[1], path + ": data_offsets")};
  const std::uint64_t bytes = checked_product(elements, dtype_size(entry.tensor.dtype), path);
  if (entry.range.end < entry.range.begin || entry.range.end - entry.range.begin != bytes) {
    throw FormatError(message(path, ": ", entry.tensor.describe(), " needs ", bytes,
                              " bytes, data_offsets are [", entry.range.begin, ", ", entry.range.end, ")"));
  }
  return entry;
}

void check_metadata(const Json& value, const std::string& where) {
  for (const Json::Member& member : value.as_object(where + ": __metadata__")) {
    member.second.as_string(where + ": __metadata__." + member.first);
  }
}

/// The header's text; also checks that it fits the file.
std::string_view header_text(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < 8) {
    throw FormatError(
        message(where, ": expected a safetensors file of at least 8 bytes, found ", bytes.size()));
  }
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | std::to_integer<std::uint64_t>(bytes[static_cast<std::size_t>(i)]);
  if (length > kMaxHeaderBytes || length > bytes.size() - 8) {
    throw FormatError(message(where, ": header length ", length, " does not fit the file of ", bytes.size(),
                              " bytes (and may be at most ", kMaxHeaderBytes,
                              "): truncated, or no safetensors file"));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + 8),
                              static_cast<std::size_t>(length));
  if (text.empty() || text.front() != '{') {
    throw FormatError(message(where, ": expected the header to start with '{'"));
  }
  return text;
}

/// No overlap, no hole, no rest.
void check_coverage(std::vector<Entry>& entries, std::uint64_t buffer_bytes, const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
  });
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.range.begin != expected) {
      throw FormatError(message(where, ": tensor \"", entry.tensor.name,
                                "\": expected its bytes to begin at ", expected, ", found ",
                                entry.range.begin, entry.range.begin < expected ? " (overlap)" : " (hole)"));
    }
    expected = entry.range.end;
  }
  if (expected != buffer_bytes) {
    const std::string last =
        entries.empty() ? "" : message(" (last tensor \"", entries.back().tensor.name, "\")");
    throw FormatError(message(where, ": the header describes ", expected, " bytes of tensors", last,
                              ", the file holds ", buffer_bytes));
  }
}

/// A shard's name comes from untrusted JSON: only a plain file name in the same directory is accepted.
void check_base_name(const std::string& name, const std::string& path) {
  const bool plain = !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == name.npos &&
                     name.find('\0') == name.npos;
  if (!plain) throw FormatError(message(path, ": expected a plain file name, found \"", name, "\""));
}

}  // namespace

std::int64_t StoredTensor::elements() const {
  std::int64_t n = 1;
  for (const std::int64_t extent : shape) n *= extent;
  return n;
}

std::string StoredTensor::describe() const {
  std::string text = std::string(dtype_name(dtype)) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text = header_text(bytes, where);
  const Json header = Json::parse(text, where + " (header)", {.max_depth = 4, .max_bytes = kMaxHeaderBytes});
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.as_object(where)) {
    if (name == "__metadata__") {
      check_metadata(value, where);
      continue;
    }
    if (entries.size() == kMaxTensors)
      throw FormatError(message(where, ": more than ", kMaxTensors, " tensors"));
    entries.push_back(read_entry(name, value, where));
  }
  const std::span<const std::byte> buffer = bytes.subspan(8 + text.size());
  check_coverage(entries, buffer.size(), where);
  std::vector<StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    entry.tensor.bytes = buffer.subspan(static_cast<std::size_t>(entry.range.begin),
                                        static_cast<std::size_t>(entry.range.end - entry.range.begin));
    tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

Checkpoint::Checkpoint(const std::filesystem::path& directory) : directory_(directory) {
  const auto single = directory / "model.safetensors";
  const auto index = directory / "model.safetensors.index.json";
  if (std::filesystem::exists(single)) {
    add_file("model.safetensors");
  } else if (std::filesystem::exists(index)) {
    load_sharded(index);
  } else {
    throw NotFound(message(directory.string(),
                           ": no weights: expected model.safetensors or model.safetensors.index.json"));
  }
  by_name_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const StoredTensor& tensor = tensors_[i];
    if (!by_name_.emplace(tensor.name, i).second) {
      throw FormatError(
          message(tensor.file->path().string(), ": tensor \"", tensor.name, "\" stands in two files"));
    }
    total_bytes_ += static_cast<std::int64_t>(tensor.bytes.size());
  }
}

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

void Checkpoint::add_file(const std::string& name) {
  files_.push_back(std::make_unique<MappedFile>(directory_ / name));
  const MappedFile& file = *files_.back();
  for (StoredTensor& tensor : parse_safetensors(file.bytes(), file.path().string())) {
    tensor.file = &file;
    tensors_.push_back(std::move(tensor));
  }
  file_names_.push_back(name);
}

void Checkpoint::load_sharded(const std::filesystem::path& index) {
  const std::string where = index.string();
  const Json json = Json::parse_file(index);
  std::unordered_map<std::string, std::string> file_of;
  for (const auto& [tensor, file] : json.at("weight_map", where).as_object(where + ": weight_map")) {
    const std::string path = where + ": weight_map." + tensor;
    const std::string& name = file.as_string(path);
    check_base_name(name, path);
    if (std::find(file_names_.begin(), file_names_.end(), name) == file_names_.end()) {
      if (!std::filesystem::exists(directory_ / name)) {
        throw FormatError(message(path, ": the shard \"", name, "\" is missing"));
      }
      add_file(name);
    }
    file_of.emplace(tensor, name);
  }
  for (const StoredTensor& tensor : tensors_) {
    const auto found = file_of.find(tensor.name);
    if (found != file_of.end() && tensor.file->path().filename().string() == found->second)
      file_of.erase(found);
  }
  if (!file_of.empty()) {
    const auto& [tensor, file] = *file_of.begin();
    throw FormatError(message(where, ": tensor \"", tensor, "\" is not in its shard \"", file, "\""));
  }
  file_names_.push_back("model.safetensors.index.json");
}

}  // namespace transom::io
