// SPDX-License-Identifier: Apache-2.0
/// Arbitrary bytes as a session file: as they are, and as a file without the description of its model (after
/// the numbers of the header, see session_file.h), which is then put in, with both checksums made right. Only
/// typed errors may come out. A session that is accepted saves to the same bytes and can go on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "io/checksum.h"
#include "tests/fuzz/require.h"
#include "tests/support/byte_model.h"
#include "tests/support/temporary_directory.h"
#include "transom/transom.h"

namespace {

using transom::fuzz::require;

constexpr std::size_t kLayers = 56, kDescriptionBytes = 64, kNumbers = 72;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::uint64_t number_at(std::string_view file, std::size_t offset) {
  std::uint64_t value = 0;
  std::memcpy(&value, file.data() + offset, sizeof(value));
  return value;
}

/// A model with rings, so small that they are soon full, and a folder for files.
struct Bench {
  Bench() {
    transom::testing::write_byte_model(files / "model");
    auto config = transom::AutoConfig::from_pretrained((files / "model").string());
    config.update({{"attention_window", 4}, {"attention_sinks", 1}});
    model = transom::AutoModel::from_pretrained((files / "model").string(), config, {.threads = 1});
    model.new_session().save(files / "empty");
    const std::string empty = read_file(files / "empty");
    description = empty.substr(kNumbers, number_at(empty, kDescriptionBytes));
  }
  transom::testing::TemporaryDirectory files;
  transom::Model model;
  std::string description;
};

void put_checksum(std::string& file, std::size_t end) {
  transom::io::Checksum sum;
  sum.add(std::as_bytes(std::span(file.data(), end)));
  const std::uint64_t value = sum.value();
  std::memcpy(file.data() + end, &value, sizeof(value));
}

std::string completed(std::string_view input, const std::string& description) {
  std::string file(input.substr(0, kNumbers));
  const std::uint64_t size = description.size();
  std::memcpy(file.data() + kDescriptionBytes, &size, sizeof(size));
  file.append(description).append(input.substr(kNumbers));
  const std::uint64_t layers = number_at(file, kLayers), room = input.size() - kNumbers;
  if (layers <= room / 16 && layers * 16 + 8 <= room)
    put_checksum(file, kNumbers + description.size() + static_cast<std::size_t>(layers) * 16);
  put_checksum(file, file.size() - 8);
  return file;
}

void restore(const Bench& bench, std::string_view bytes) {
  const auto path = bench.files.write("input", bytes);
  try {
    auto session = transom::Session::restore(bench.model, path);
    session.save(bench.files / "again");
    require(read_file(bench.files / "again") == bytes);
    const auto position = session.position();
    const transom::TokenId next[] = {65, 66};
    require(session.forward(next).rows == 1);
    require(session.position() == position + 2);
  } catch (const transom::Error& error) {
    // A typed error is a right answer to a wrong file, and to a text that is full.
    require(!std::string_view(error.what()).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bench bench;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  restore(bench, input);
  if (size >= kNumbers) restore(bench, completed(input, bench.description));
  return 0;
}
