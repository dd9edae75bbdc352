// SPDX-License-Identifier: Apache-2.0
// 200 ways to damage a model directory. None may end the process; each that is refused gets a typed error
// that names the damaged file, and each that still loads must still generate.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

struct Damage {
  std::string file, what;
  std::string bytes;  // the file's new content
  bool must_fail = false;
};

std::string flipped(std::string bytes, std::mt19937& random, std::size_t limit) {
  const std::size_t at = random() % std::min(limit, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 + random() % 255));
  return bytes;
}

std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  const auto at = bytes.find(from);
  REQUIRE(at != bytes.npos);
  return bytes.replace(at, from.size(), to);
}

void damage_any(const std::string& file, const std::string& bytes, std::vector<Damage>& all) {
  std::mt19937 random(static_cast<std::uint32_t>(bytes.size()));
  const std::size_t header = file == "model.safetensors" ? 2000 : bytes.size();
  for (int i = 0; i < 30; ++i) {
    all.push_back({file, "flip " + std::to_string(i), flipped(bytes, random, header), false});
  }
  for (std::size_t i = 0; i < 30; ++i) {
    const std::size_t n = bytes.size() * i / 30;
    all.push_back({file, "truncated to " + std::to_string(n), bytes.substr(0, n), true});
  }
  // A control character is legal nowhere in JSON, and in the weights an inserted byte leaves one too many.
  for (std::size_t i = 0; i < 14; ++i) {
    std::string longer = bytes;
    longer.insert(bytes.size() * i / 14, 1, '\x01');
    all.push_back({file, "a control character in part " + std::to_string(i), longer, true});
  }
  all.push_back({file, "binary", std::string(300, '\xff'), true});
  all.push_back({file, "nested", std::string(5000, '['), true});
  all.push_back({file, "an array", "[1, 2, 3]", true});
  all.push_back({file, "zeros", std::string(bytes.size(), '\0'), true});
}

void damage_config(const std::string& bytes, std::vector<Damage>& all) {
  const auto add = [&](const std::string& from, const std::string& to) {
    all.push_back({"config.json", to, replaced(bytes, from, to), true});
  };
  add("\"hidden_size\": 128", "\"hidden_size\": 0");
  add("\"hidden_size\": 128", "\"hidden_size\": 9223372036854775807");
  add("\"hidden_size\": 128", "\"hidden_size\": \"128\"");
  add("\"hidden_size\": 128", "\"hidden_size\": 1e308");
  add("\"num_attention_heads\": 8", "\"num_attention_heads\": -8");
  add("\"num_attention_heads\": 8", "\"num_attention_heads\": 7");
  add("\"num_key_value_heads\": 4", "\"num_key_value_heads\": 3");
  add("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
  add("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000000");
  add("\"vocab_size\": 2048", "\"vocab_size\": 2147483647");
  add("\"vocab_size\": 2048", "\"vocab_size\": 2047");
  add("\"intermediate_size\": 384", "\"intermediate_size\": [384]");
  add("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": -1}");
  add("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": [1]}");
  add("\"rope_theta\": 10000.0", "\"rope_theta\": 0");
  add("\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": -1");
  add("\"model_type\": \"llama\"", "\"model_type\": \"\"");
  add("\"model_type\": \"llama\"", "\"model_type\": {}");
  add("\"max_position_embeddings\": 512", "\"max_position_embeddings\": -1");
}

void damage_weights(const std::string& bytes, std::vector<Damage>& all) {
  const auto add = [&](const std::string& from, const std::string& to, const std::string& what) {
    REQUIRE(from.size() == to.size());
    all.push_back({"model.safetensors", what, replaced(bytes, from, to), true});
  };
  add("\"F32\"", "\"I32\"", "another dtype");
  add("\"F32\"", "\"F31\"", "unknown dtype");
  add("model.norm.weight", "model.norm.wieght", "a renamed tensor");
  add("[128]", "[127]", "another shape");
  add("data_offsets\":[", "data_offsets\":{", "broken JSON");
  all.push_back({"model.safetensors", "extra bytes", bytes + "tail", true});
  std::string longer = bytes;
  longer[7] = '\x7f';
  all.push_back({"model.safetensors", "a header beyond the file", longer, true});
}

std::vector<Damage> all_damage() {
  std::vector<Damage> all;
  const auto read = [](const char* name) { return testing::read_file(testing::tinystories() / name); };
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"}) {
    damage_any(name, read(name), all);
  }
  damage_config(read("config.json"), all);
  damage_weights(read("model.safetensors"), all);
  return all;
}

}  // namespace

TEST_CASE("hostile: no damage to a model directory ends the process, and errors name the file") {
  const auto all = all_damage();
  CHECK(std::count_if(all.begin(), all.end(), [](const Damage& d) { return d.must_fail; }) >= 200);
  int refused = 0, loaded = 0;
  for (const Damage& damage : all) {
    const TemporaryDirectory directory;
    for (const auto& entry : fs::directory_iterator(testing::tinystories())) {
      const std::string name = entry.path().filename().string();
      if (name == damage.file) {
        directory.write(name, damage.bytes);
      } else {
        fs::create_symlink(entry.path(), directory / name);
      }
    }
    INFO(damage.file << ": " << damage.what);
    try {
      const Model model =
          AutoModel::from_pretrained(directory.path().string(), {.threads = 1, .pin_threads = false});
      CHECK_FALSE(damage.must_fail);
      model.generate(std::vector<TokenId>{1, 80}, {.max_new_tokens = 2});
      ++loaded;
    } catch (const Error& error) {
      ++refused;
      INFO(error.what());
      // Wrong sizes in a configuration show up as tensors that do not fit: then the weights are named.
      const bool named =
          testing::contains(error.what(), damage.file) ||
          (damage.file == "config.json" && testing::contains(error.what(), "model.safetensors"));
      CHECK(named);
      CHECK(error.code() != ErrorCode::device);
    }
  }
  CHECK(refused > 100);
  INFO(loaded << " loaded");
}
