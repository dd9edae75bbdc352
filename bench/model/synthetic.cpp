// SPDX-License-Identifier: Apache-2.0
#include "bench/model/synthetic.h"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::bench {

namespace {

struct Shape {
  std::string_view name, config;
};

constexpr Shape kShapes[] = {
    {"deepseek-llm-7b",
     R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 30,
         "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 102400, "max_position_embeddings": 32768,
         "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false})"},
    {"r1-distill-qwen-1.5b",
     R"({"model_type": "qwen2", "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
         "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false})"},
    {"r1-distill-llama-8b",
     R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": false,
         "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                          "original_max_position_embeddings": 8192}})"},
    {"mistral-7b",
     R"({"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false})"},
};

/// splitmix64 (Steele et al. 2014): fast, and good enough for numbers that nobody looks at.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// Uniform values of standard deviation 0.02, eight from one random word: loading 1.8 billion of them must
/// not take longer than loading a file.
void fill_random(Random& random, DType dtype, std::vector<std::byte>& bytes) {
  // A byte over 256 is uniform over a range of 1, whose standard deviation is 1 / sqrt(12).
  constexpr float kScale = 0.02f * 3.4641016f / 256.0f;
  const std::size_t step = dtype_size(dtype);
  for (std::size_t i = 0; i < bytes.size();) {
    std::uint64_t word = random.next();
    for (int lane = 0; lane < 8 && i < bytes.size(); ++lane, word >>= 8, i += step) {
      const float value = (static_cast<float>(word & 0xff) - 127.5f) * kScale;
      if (dtype == DType::f32) {
        std::memcpy(&bytes[i], &value, sizeof value);
      } else {
        const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
        std::memcpy(&bytes[i], &bits, sizeof bits);
      }
    }
  }
}

void fill_constant(float value, std::vector<std::byte>& bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof value) std::memcpy(&bytes[i], &value, sizeof value);
}

}  // namespace

std::string synthetic_config(std::string_view name) {
  std::string names;
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return std::string(shape.config);
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  throw InvalidArgument(core::message("no synthetic model \"", name, "\"; there are ", names));
}

std::optional<io::StoredTensor> SyntheticSource::find(const std::string& name,
                                                      const std::vector<std::int64_t>& shape) {
  io::StoredTensor tensor;
  tensor.name = name;
  tensor.shape = shape;
  const bool matrix = shape.size() > 1;
  tensor.dtype = matrix ? dtype_ : DType::f32;
  const auto size = static_cast<std::size_t>(tensor.elements()) * dtype_size(tensor.dtype);
  if (name.ends_with("embed_tokens.weight")) {
    tensor.file = &embedding(name, size);
    tensor.bytes = tensor.file->bytes();
    return tensor;
  }
  std::vector<std::byte>& bytes = storage_[name];
  bytes.resize(size);
  if (matrix) {
    Random random(std::hash<std::string>{}(name));
    fill_random(random, tensor.dtype, bytes);
  } else {
    fill_constant(name.ends_with(".bias") ? 0.0f : 1.0f, bytes);
  }
  tensor.bytes = bytes;
  return tensor;
}

const io::MappedFile& SyntheticSource::embedding(const std::string& name, std::size_t bytes) {
  if (embedding_ != nullptr) return *embedding_;
  const auto path = std::filesystem::temp_directory_path() / core::message("transom-bench-", ::getpid());
  std::ofstream file(path, std::ios::binary);
  Random random(std::hash<std::string>{}(name));
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (std::size_t written = 0; written < bytes; written += piece.size()) {
    if (bytes - written < piece.size()) piece.resize(bytes - written);
    fill_random(random, dtype_, piece);
    file.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
  }
  file.close();
  if (!file) throw DeviceError(core::message(path.string(), ": cannot write"));
  embedding_ = std::make_unique<io::MappedFile>(path);
  std::filesystem::remove(path);  // the mapping keeps its bytes
  return *embedding_;
}

}  // namespace transom::bench
