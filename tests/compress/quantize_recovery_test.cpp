// SPDX-License-Identifier: Apache-2.0
//
// Runs that were killed, unfinished folders that were damaged, and models of every shape of checkpoint.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <list>
#include <map>
#include <random>

#include "io/safetensors.h"
#include "io/safetensors_write.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/quantize.h"
#include "transom/transom.h"

extern char** environ;

namespace transom {
namespace {

namespace fs = std::filesystem;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::read_file;
using transom::testing::TemporaryDirectory;
using transom::testing::tinystories;

constexpr const char* kOutputVariable = "TRANSOM_TEST_QUANTIZE_OUTPUT";
constexpr std::int64_t kKilledAfter = 9;  // of 14 matrices: in the second layer

QuantizeOptions small() {
  QuantizeOptions options;
  options.group_size = 32;
  options.samples = 6;
  options.sequence_length = 64;
  options.threads = 2;
  return options;
}

std::map<std::string, std::string> files_of(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory))
    files[entry.path().filename()] = read_file(entry.path());
  return files;
}

/// What a run leaves that stopped after the first layer.
void leave_unfinished(const fs::path& output) {
  QuantizeOptions options = small();
  options.on_progress = [](const QuantizationProgress& progress) { return progress.done < kKilledAfter; };
  REQUIRE_FALSE(quantize(tinystories().string(), output, options).finished);
}

std::vector<float> exact_logits(const fs::path& directory, std::int64_t vocab) {
  Config config = AutoConfig::from_pretrained(directory.string());
  config.update({{"dtype", "f32"}, {"activation_dtype", "f32"}, {"kv_cache_dtype", "f32"}});
  const Model model = AutoModel::from_pretrained(directory.string(), config);
  std::vector<TokenId> ids;
  for (TokenId id = 1; id < 12; ++id) ids.push_back(static_cast<TokenId>(id * 7 % vocab));
  return model.new_session().forward(ids, LogitsFor::all).values;
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double error = 0, square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i] - b[i]), 2);
    square += std::pow(static_cast<double>(a[i]), 2);
  }
  return std::sqrt(error / square);
}

/// A seeded model with biases, in shards, with the tokenizer of the stories.
void write_qwen2(const fs::path& directory, bool tied) {
  constexpr std::int64_t kHidden = 64, kInner = 96, kHeads = 4, kKvHeads = 2, kDim = 16, kVocab = 2048;
  fs::create_directories(directory);
  std::ofstream(directory / "config.json")
      << R"({"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
  "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 2048, "max_position_embeddings": 512,
  "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": )"
      << (tied ? "true}" : "false}");
  fs::copy_file(tinystories() / "tokenizer.json", directory / "tokenizer.json");
  std::mt19937 random(5);
  std::list<std::vector<float>> storage;
  std::vector<io::StoredTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, float mean,
                       float deviation) {
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float>& values = storage.emplace_back();
    const std::int64_t size = shape[0] * (shape.size() == 2 ? shape[1] : 1);
    for (std::int64_t i = 0; i < size; ++i) values.push_back(normal(random));
    tensors.push_back({name, DType::f32, std::move(shape), std::as_bytes(std::span(values)), nullptr});
  };
  add("model.embed_tokens.weight", {kVocab, kHidden}, 0, 1);
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
      add(at + norm + ".weight", {kHidden}, 1, 0.1f);
    const auto projection = [&](const char* name, std::int64_t rows, std::int64_t cols, bool bias) {
      add(at + name + ".weight", {rows, cols}, 0, 0.2f);
      if (bias) add(at + name + ".bias", {rows}, 0, 0.5f);
    };
    projection("self_attn.q_proj", kHeads * kDim, kHidden, true);
    projection("self_attn.k_proj", kKvHeads * kDim, kHidden, true);
    projection("self_attn.v_proj", kKvHeads * kDim, kHidden, true);
    projection("self_attn.o_proj", kHidden, kHeads * kDim, false);
    projection("mlp.gate_proj", kInner, kHidden, false);
    projection("mlp.up_proj", kInner, kHidden, false);
    projection("mlp.down_proj", kHidden, kInner, false);
  }
  add("model.norm.weight", {kHidden}, 1, 0.1f);
  if (!tied) add("lm_head.weight", {kVocab, kHidden}, 0, 0.2f);
  io::write_checkpoint(directory, tensors, 200000);
}

}  // namespace

// Not a test of its own: the process that the next one starts, and that kills itself in the middle.
TEST_CASE("child: quantises until it is killed", "[.]") {
  const char* const output = std::getenv(kOutputVariable);
  REQUIRE(output != nullptr);
  QuantizeOptions options = small();
  options.on_progress = [](const QuantizationProgress& progress) {
    if (progress.done == kKilledAfter) ::raise(SIGKILL);
    return true;
  };
  quantize(tinystories().string(), output, options);
}

TEST_CASE("a killed process leaves no output, and its run resumes to the same bytes") {
  const TemporaryDirectory folder;
  const fs::path output = folder / "killed";
  ::setenv(kOutputVariable, output.c_str(), 1);
  std::string program = fs::read_symlink("/proc/self/exe"), name = "child: quantises until it is killed";
  char* const arguments[] = {program.data(), name.data(), nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ::unsetenv(kOutputVariable);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK_FALSE(fs::exists(output));
  CHECK(fs::exists(output.string() + ".partial/layer-0.json"));  // the first layer is kept
  QuantizeOptions options = small();
  options.resume = true;
  CHECK(quantize(tinystories().string(), output, options).finished);
  quantize(tinystories().string(), folder / "whole", small());
  CHECK(files_of(output) == files_of(folder / "whole"));
}

TEST_CASE("an unfinished folder that was damaged is an error that names the file, never another model") {
  QuantizeOptions resumed = small();
  resumed.resume = true;
  const auto problem = [&](const char* file, auto damage) {
    const TemporaryDirectory folder;
    leave_unfinished(folder / "out");
    const std::string path = std::string("out.partial/") + file;
    REQUIRE(fs::exists(folder / path));
    folder.write(path, damage(read_file(folder / path)));
    const std::string text =
        error_of<Error>([&] { quantize(tinystories().string(), folder / "out", resumed); });
    CHECK_FALSE(fs::exists(folder / "out"));
    // The way out that messages do not have to explain: begin anew.
    CHECK(quantize(tinystories().string(), folder / "out", small()).finished);
    return text;
  };
  const auto half = [](const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); };
  const auto garbage = [](const std::string&) { return std::string("\xff\x01{"); };
  CHECK(contains(problem("layer-0.safetensors", half), "layer-0.safetensors"));
  CHECK(contains(problem("layer-0.safetensors", garbage), "layer-0.safetensors"));
  CHECK(contains(problem("layer-0.json", half), "layer-0.json"));
  CHECK(contains(problem("manifest.json", garbage), "manifest.json"));
  // Without its description a layer counts as not begun.
  const TemporaryDirectory folder;
  leave_unfinished(folder / "out");
  fs::remove(folder / "out.partial/layer-0.json");
  CHECK(quantize(tinystories().string(), folder / "out", resumed).finished);
}

TEST_CASE("the output head is quantised where that is asked for, also one that shared the embedding") {
  const TemporaryDirectory folder;
  QuantizeOptions options = small();
  options.bits = 8;
  options.lm_head = true;
  const QuantizeResult result = quantize(tinystories().string(), folder / "out", options);
  CHECK(result.matrices.size() == 15);
  CHECK(result.matrices.back().name == "lm_head");
  const io::Checkpoint written(folder / "out");
  CHECK(written.find("lm_head.qweight") != nullptr);
  CHECK(written.find("model.embed_tokens.weight") != nullptr);
  CHECK(relative_distance(exact_logits(tinystories(), 2048), exact_logits(folder / "out", 2048)) < 0.02);
}

TEST_CASE("biases, shards, shared and separate heads come through") {
  for (const bool tied : {false, true}) {
    for (const bool lm_head : {false, true}) {
      for (const auto method : {QuantizationMethod::gptq, QuantizationMethod::rtn}) {
        INFO((tied ? "tied" : "untied") << (lm_head ? ", with its head, " : ", ")
                                        << (method == QuantizationMethod::gptq ? "gptq" : "rtn"));
        const TemporaryDirectory folder;
        write_qwen2(folder / "model", tied);
        CHECK(fs::exists(folder / "model/model.safetensors.index.json"));
        QuantizeOptions options = small();
        options.bits = 8;
        options.lm_head = lm_head;
        options.method = method;
        CHECK(quantize((folder / "model").string(), folder / "out", options).finished);
        CHECK((io::Checkpoint(folder / "out").find("lm_head.qweight") != nullptr) == lm_head);
        const double moved =
            relative_distance(exact_logits(folder / "model", 2048), exact_logits(folder / "out", 2048));
        CHECK(moved > 0);
        CHECK(moved < 0.03);  // f16 scales of random weights, the head among them
      }
    }
  }
}

}  // namespace transom
