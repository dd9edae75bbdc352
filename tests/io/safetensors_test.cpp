// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "io/safetensors_write.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"

namespace fs = std::filesystem;
using transom::DeviceError;
using transom::FormatError;
using transom::InvalidArgument;
using transom::NotFound;
using transom::UnsupportedError;
using transom::io::behind_links;
using transom::io::Checkpoint;
using transom::io::parse_safetensors;
using transom::io::replace_file;
using transom::io::StoredTensor;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::TemporaryDirectory;

namespace {

/// A file with this header text and so many bytes of tensors.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i)
    file[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  return file + header + std::string(data_bytes, '\x01');
}

std::vector<StoredTensor> parse(const std::string& file) {
  return parse_safetensors({reinterpret_cast<const std::byte*>(file.data()), file.size()}, "x.safetensors");
}

std::string problem_of(const std::string& file) {
  return error_of<FormatError>([&] { parse(file); });
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

}  // namespace

TEST_CASE("safetensors: a plain file") {
  const std::string file =
      file_of("{\"__metadata__\":{\"format\":\"pt\"}," + entry("a", "F32", "[2,3]", "[0,24]") + "," +
                  entry("b", "BF16", "[]", "[24,26]") + "," + entry("c", "I64", "[0,5]", "[26,26]") + "}  ",
              26);
  const auto tensors = parse(file);
  REQUIRE(tensors.size() == 3);
  CHECK(tensors[0].describe() == "F32 [2, 3]");
  CHECK(tensors[0].bytes.size() == 24);
  CHECK(tensors[1].elements() == 1);
  CHECK(tensors[2].elements() == 0);
}

TEST_CASE("safetensors: every dtype of the format that fits ours") {
  for (const char* dtype :
       {"F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64", "U8", "BOOL", "F8_E4M3", "F8_E5M2"}) {
    const std::size_t size = dtype[1] == '8' || dtype == std::string("BOOL") ? 1 : 0;
    INFO(dtype);
    const std::string name = dtype;
    const std::size_t bytes = size == 1 ? 1 : name.ends_with("64") ? 8 : name.ends_with("32") ? 4 : 2;
    const auto tensors = parse(
        file_of("{" + entry("t", name, "[3]", "[0," + std::to_string(3 * bytes) + "]") + "}", 3 * bytes));
    REQUIRE(tensors.size() == 1);
    CHECK(transom::dtype_size(tensors[0].dtype) == bytes);
  }
  CHECK(contains(
      error_of<UnsupportedError>([] { parse(file_of("{" + entry("t", "C64", "[1]", "[0,8]") + "}", 8)); }),
      "C64"));
}

TEST_CASE("safetensors: hostile files get an error that says what and where") {
  const std::string good = entry("a", "F32", "[2]", "[0,8]");
  CHECK(contains(problem_of(""), "at least 8 bytes"));
  CHECK(contains(problem_of(std::string(8, '\xff')), "header length"));
  CHECK(contains(problem_of(file_of("{" + good + "}", 8).substr(0, 20)), "header length"));
  CHECK(contains(problem_of(file_of("[" + good + "]", 8)), "start with '{'"));
  CHECK(contains(problem_of(file_of("{" + good, 8)), "not valid JSON"));
  CHECK(contains(problem_of(file_of("{" + good + "}", 7)), "8 bytes of tensors"));
  CHECK(contains(problem_of(file_of("{" + good + "}", 9)), "the file holds 9"));
  CHECK(contains(problem_of(file_of("{" + good + "," + entry("b", "F32", "[2]", "[0,8]") + "}", 8)),
                 "overlap"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[2]", "[4,12]") + "}", 12)), "hole"));
  CHECK(contains(problem_of(file_of("{" + good + "," + good + "}", 8)), "appears twice"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F33", "[2]", "[0,8]") + "}", 8)), "F33"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[3]", "[0,8]") + "}", 8)), "needs 12 bytes"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[-2]", "[0,8]") + "}", 8)), "unsigned"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[2e0]", "[0,8]") + "}", 8)), "unsigned"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[2.0]", "[0,8]") + "}", 8)), "unsigned"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[4294967296,4294967296,2]", "[0,8]") + "}", 8)),
                 "63 bits"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[2]", "[8,0]") + "}", 8)), "needs 8 bytes"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[2]", "[0,8,9]") + "}", 8)),
                 "expected 2 integers"));
  CHECK(contains(problem_of(file_of("{" + entry("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") + "}", 8)),
                 "dimensions"));
  CHECK(contains(problem_of(file_of("{" + entry(std::string(2000, 'n'), "F32", "[2]", "[0,8]") + "}", 8)),
                 "name of 2000"));
  CHECK(contains(problem_of(file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8)), "data_offsets"));
  CHECK(contains(problem_of(file_of("{\"__metadata__\":{\"k\":1}," + good + "}", 8)), "__metadata__"));
  CHECK(contains(problem_of(file_of("{\"a\":[[[[[[]]]]]]}", 0)), "nested deeper"));
  CHECK(contains(problem_of(file_of("{" + good + "}", 9)), "x.safetensors"));
}

TEST_CASE("safetensors: what is written reads back") {
  const TemporaryDirectory directory;
  const float values[] = {1, 2, 3, 4};
  const std::uint8_t flags[] = {1, 0, 1};
  std::vector<StoredTensor> tensors(2);
  tensors[0] = {"z.flags", transom::DType::boolean, {3}, std::as_bytes(std::span(flags)), nullptr};
  tensors[1] = {"a", transom::DType::f32, {2, 2}, std::as_bytes(std::span(values)), nullptr};
  transom::io::write_safetensors(directory / "model.safetensors", tensors);
  const Checkpoint checkpoint(directory.path());
  const StoredTensor* a = checkpoint.find("a");
  REQUIRE(a != nullptr);
  CHECK(std::memcmp(a->bytes.data(), values, sizeof values) == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(a->bytes.data()) % 4 == 0);
  CHECK(checkpoint.find("z.flags")->shape == std::vector<std::int64_t>{3});
  CHECK(checkpoint.find("nothing") == nullptr);
}

TEST_CASE("a file without a name is refused") {
  CHECK_THROWS_AS(replace_file("", [](std::ostream&) {}), transom::InvalidArgument);
}

TEST_CASE("safetensors: shards") {
  const TemporaryDirectory directory;
  directory.write("one.safetensors", file_of("{" + entry("a", "U8", "[2]", "[0,2]") + "}", 2));
  directory.write("two.safetensors", file_of("{" + entry("b", "U8", "[3]", "[0,3]") + "}", 3));
  const auto index = [&](const std::string& map) {
    directory.write("model.safetensors.index.json",
                    "{\"metadata\":{\"total_size\":99},\"weight_map\":" + map + "}");
  };
  const auto problem = [&] {
    return error_of<FormatError>([&] { Checkpoint checkpoint(directory.path()); });
  };

  index(R"({"a": "one.safetensors", "b": "two.safetensors"})");
  const Checkpoint checkpoint(directory.path());
  CHECK(checkpoint.find("a")->bytes.size() == 2);
  CHECK(checkpoint.find("b")->bytes.size() == 3);
  CHECK(checkpoint.total_bytes() == 5);

  index(R"({"a": "one.safetensors", "b": "one.safetensors"})");
  CHECK(contains(problem(), "\"b\" is not in its shard \"one.safetensors\""));
  index(R"({"a": "three.safetensors"})");
  CHECK(contains(problem(), "\"three.safetensors\" is missing"));
  for (const char* name : {"../one.safetensors", "/etc/passwd", "..", "", "a\\\\b"}) {
    index(std::string(R"({"a": ")") + name + "\"}");
    INFO(name);
    CHECK(contains(problem(), "plain file name"));
  }
  directory.write("three.safetensors", file_of("{" + entry("a", "U8", "[2]", "[0,2]") + "}", 2));
  index(R"({"a": "one.safetensors", "b": "two.safetensors", "a2": "three.safetensors"})");
  CHECK(contains(problem(), "two files") != contains(problem(), "not in its shard"));
}

TEST_CASE("safetensors: a directory without weights") {
  const TemporaryDirectory directory;
  CHECK(contains(error_of<NotFound>([&] { Checkpoint checkpoint(directory.path()); }), "model.safetensors"));
}

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void write_new(std::ostream& out) { out << "new"; }

}  // namespace

TEST_CASE("replacing a file: what is no regular file stays") {
  const TemporaryDirectory directory;
  const fs::path fifo = directory / "fifo", folder = directory / "folder", link = directory / "link";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  fs::create_directory(folder);
  fs::create_symlink("fifo", link);
  CHECK(contains(error_of<InvalidArgument>([&] { replace_file(fifo, write_new); }),
                 fifo.string() + ": expected a file, or none yet, found a FIFO"));
  CHECK(contains(error_of<InvalidArgument>([&] { replace_file(behind_links(link), write_new); }),
                 "found a FIFO"));
  CHECK(contains(error_of<InvalidArgument>([&] { replace_file(folder, write_new); }), "found a directory"));
  CHECK(fs::is_fifo(fs::symlink_status(fifo)));
  CHECK(fs::is_symlink(fs::symlink_status(link)));
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 3);
}

TEST_CASE("replacing a file: a link is replaced, and what it points to stays") {
  const TemporaryDirectory directory;
  directory.write("there/old", "old");
  fs::create_symlink("there/old", directory / "file");
  fs::create_symlink("there", directory / "folder");
  fs::create_symlink("there/none", directory / "dangling");
  fs::create_symlink("loop", directory / "loop");
  for (const char* name : {"file", "folder", "dangling", "loop"}) {
    replace_file(directory / name, write_new);
    CHECK(fs::is_regular_file(fs::symlink_status(directory / name)));
    CHECK(text_of(directory / name) == "new");
  }
  CHECK(text_of(directory / "there" / "old") == "old");
  CHECK(std::distance(fs::directory_iterator(directory / "there"), {}) == 1);
}

TEST_CASE("replacing a file: behind its links, which stay") {
  const TemporaryDirectory directory;
  directory.write("there/old", "old");
  fs::create_symlink("there/old", directory / "relative");
  fs::create_symlink(directory / "relative", directory / "absolute");
  fs::create_symlink("there/none", directory / "dangling");
  fs::create_symlink("loop", directory / "loop");
  for (const char* name : {"absolute", "dangling"}) {
    replace_file(behind_links(directory / name), write_new);
    CHECK(fs::is_symlink(fs::symlink_status(directory / name)));
    CHECK(text_of(directory / name) == "new");
  }
  CHECK(fs::is_symlink(fs::symlink_status(directory / "relative")));
  CHECK(text_of(directory / "there" / "old") == "new");
  CHECK(text_of(directory / "there" / "none") == "new");
  CHECK(contains(error_of<DeviceError>([&] { behind_links(directory / "loop"); }), "too many"));
  // A plain file, named without a folder.
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());
  replace_file(behind_links("plain"), write_new);
  fs::current_path(before);
  CHECK(text_of(directory / "plain") == "new");
}
