// SPDX-License-Identifier: Apache-2.0
#include "io/weight_sample.h"

#include <string>
#include <vector>

#include "io/safetensors_write.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using transom::DType;
using transom::io::Checkpoint;
using transom::io::StoredTensor;
using transom::testing::TemporaryDirectory;

namespace {

/// The sample of a checkpoint of a large tensor and a small one.
std::uint64_t sample(const std::vector<float>& large, const std::vector<float>& small,
                     const std::string& name = "b", std::vector<std::int64_t> shape = {100, 100}) {
  const TemporaryDirectory files;
  const std::vector<StoredTensor> tensors{
      {"a", DType::f32, {10}, std::as_bytes(std::span(small)), nullptr},
      {name, DType::f32, std::move(shape), std::as_bytes(std::span(large)), nullptr}};
  transom::io::write_safetensors(files / "model.safetensors", tensors);
  return transom::io::sample_weights(Checkpoint(files.path()));
}

}  // namespace

TEST_CASE("weight sample: other values, names and shapes give another number") {
  const std::vector<float> large(10000, 1.0f), small(10, 2.0f);
  const std::uint64_t whole = sample(large, small);
  CHECK(sample(large, small) == whole);
  CHECK(sample(std::vector<float>(10000, 1.001f), small) != whole);
  for (std::size_t i = 0; i < small.size(); ++i) {  // small tensors count as a whole
    auto other = small;
    other[i] = 3;
    CHECK(sample(large, other) != whole);
  }
  for (const std::size_t i : {0, 9999}) {
    auto other = large;
    other[i] = 3;
    CHECK(sample(other, small) != whole);
  }
  CHECK(sample(large, small, "c") != whole);
  CHECK(sample(large, small, "b", {200, 50}) != whole);
}

TEST_CASE("weight sample: the same for one file and for shards") {
  const std::vector<float> large(10000, 1.0f), small(10, 2.0f);
  const TemporaryDirectory files;
  const StoredTensor a{"a", DType::f32, {10}, std::as_bytes(std::span(small)), nullptr};
  const StoredTensor b{"b", DType::f32, {100, 100}, std::as_bytes(std::span(large)), nullptr};
  transom::io::write_safetensors(files / "1.safetensors", {&b, 1});
  transom::io::write_safetensors(files / "2.safetensors", {&a, 1});
  files.write("model.safetensors.index.json",
              R"({"weight_map": {"b": "1.safetensors", "a": "2.safetensors"}})");
  CHECK(transom::io::sample_weights(Checkpoint(files.path())) == sample(large, small));
}
