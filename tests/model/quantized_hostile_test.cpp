// SPDX-License-Identifier: Apache-2.0
// Damaged checkpoints of each quantised layout: every one is refused with a typed error that names a file, or
// loads and computes.
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "io/json.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

namespace transom::testing {
namespace {

namespace fs = std::filesystem;

struct Damage {
  std::string file, what, bytes;
  bool must_fail = false;
};

std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  const auto at = bytes.find(from);
  REQUIRE(at != bytes.npos);
  return bytes.replace(at, from.size(), to);
}

std::size_t header_end(const std::string& weights) {
  std::uint64_t length = 0;
  std::memcpy(&length, weights.data(), sizeof length);
  return 8 + static_cast<std::size_t>(length);
}

void damage_weights(const std::string& weights, std::vector<Damage>& all) {
  const char* const file = "model.safetensors";
  std::mt19937 random(static_cast<std::uint32_t>(weights.size()));
  const std::size_t end = header_end(weights);
  for (int i = 0; i < 60; ++i) {
    std::string bytes = weights;
    bytes[random() % end] ^= static_cast<char>(1 + random() % 255);
    all.push_back({file, "header flip " + std::to_string(i), bytes, false});
  }
  for (int i = 0; i < 60; ++i) {  // integers, zero points, scales, group indices: some say the impossible
    std::string bytes = weights;
    for (int k = 0; k < 40; ++k) bytes[end + random() % (bytes.size() - end)] = static_cast<char>(random());
    all.push_back({file, "data flips " + std::to_string(i), bytes, false});
  }
  for (std::size_t i = 0; i < 20; ++i)
    all.push_back({file, "truncated " + std::to_string(i), weights.substr(0, weights.size() * i / 20), true});
  // Each tensor of the first layer under another name, which leaves the module without it.
  const std::string header = weights.substr(8, end - 8);
  for (const char* ending : {".qweight\"", ".qzeros\"", ".scales\"", ".weight_packed\"", ".weight_scale\"",
                             ".weight_zero_point\"", "k_proj.weight\""}) {
    const std::string name = std::string(ending);
    if (header.find("k_proj" + name) == header.npos && header.find(name) == header.npos) continue;
    std::string other = name;
    other[other.size() - 2] = '_';
    all.push_back({file, "without " + name, replaced(weights, name, other), true});
  }
  const std::pair<std::string, std::string> types[] = {
      {"\"I32\"", "\"F32\""}, {"\"F16\"", "\"I16\""}, {"\"I8\"", "\"U8\""}, {"\"I64\"", "\"F64\""}};
  for (const auto& [from, to] : types) {
    if (header.find(from) != header.npos)
      all.push_back({file, from + " retyped", replaced(weights, from, to), false});
  }
}

void damage_config(const std::string& config, std::vector<Damage>& all) {
  std::mt19937 random(static_cast<std::uint32_t>(config.size()));
  const std::size_t from = config.find("\"quantization_config\"");
  REQUIRE(from != config.npos);
  for (int i = 0; i < 60; ++i) {
    std::string bytes = config;
    bytes[from + random() % (bytes.size() - from)] ^= static_cast<char>(1 + random() % 255);
    all.push_back({"config.json", "flip " + std::to_string(i), bytes, false});
  }
  const auto change = [&](const std::string& key, const std::vector<std::string>& values) {
    const auto at = config.find("\"" + key + "\":", from);
    if (at == config.npos) return;
    const std::size_t begin = at + key.size() + 3, end = config.find_first_of(",\n}", begin);
    for (const std::string& value : values)
      all.push_back({"config.json", key + " " + value,
                     config.substr(0, begin) + " " + value + config.substr(end), false});
  };
  const std::vector<std::string> odd{
      "0",    "-1",    "3",    "5",  "7",  "16",  "64", "1000000007", "-9223372036854775808",
      "1e99", "\"x\"", "null", "[]", "{}", "true"};
  for (const char* key : {"bits", "group_size", "desc_act", "sym", "checkpoint_format", "quant_method",
                          "version", "num_bits", "strategy", "symmetric", "format", "zero_point"})
    change(key, odd);
}

}  // namespace

TEST_CASE("hostile: damaged quantised checkpoints are refused by name, or load and compute") {
  const fs::path golden = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden" / "quant";
  std::size_t refused = 0, loaded = 0;
  for (const char* name :
       {"gptq-w4-g32", "gptq-w3-g64", "awq-w4-g32", "compressed-w4a16-g32-asym", "compressed-w8a8"}) {
    const std::string config = read_file(golden / name / "config.json");
    std::vector<Damage> all;
    damage_weights(read_file(golden / name / "model.safetensors"), all);
    damage_config(config, all);
    CHECK(all.size() >= 200);
    for (const Damage& damage : all) {
      INFO(name << ", " << damage.file << ": " << damage.what);
      const TemporaryDirectory directory;
      for (const char* file : {"config.json", "model.safetensors"}) {
        if (file == damage.file) {
          directory.write(file, damage.bytes);
        } else {
          fs::create_symlink(golden / name / file, directory / file);
        }
      }
      try {
        const Model model =
            AutoModel::from_pretrained(directory.path().string(), {.threads = 1, .pin_threads = false});
        CHECK_FALSE(damage.must_fail);
        const std::vector<TokenId> ids{1, 2, 3};
        CHECK(model.new_session().forward(ids).values.size() == 128);
        ++loaded;
      } catch (const Error& error) {
        ++refused;
        INFO(error.what());
        const bool named = contains(error.what(), "config.json") ||
                           contains(error.what(), "model.safetensors") ||
                           contains(error.what(), directory.path().filename().string());
        CHECK(named);
        CHECK(error.code() != ErrorCode::device);
      }
    }
  }
  CHECK(refused > 300);
  CHECK(loaded > 100);
}

}  // namespace transom::testing
