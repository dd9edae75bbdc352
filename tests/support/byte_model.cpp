// SPDX-License-Identifier: Apache-2.0
#include "tests/support/byte_model.h"

#include <random>
#include <string>
#include <vector>

#include "io/safetensors_write.h"
#include "text/byte_alphabet.h"

namespace transom::testing {

namespace {

constexpr std::int64_t kVocab = 258, kHidden = 32, kInner = 48, kLayers = 2;

/// Random tensors that live as long as the object.
class Tensors {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, float mean, float deviation) {
    std::int64_t elements = 1;
    for (const std::int64_t n : shape) elements *= n;
    std::vector<float>& values = storage_.emplace_back();
    std::normal_distribution<float> normal(mean, deviation);
    for (std::int64_t i = 0; i < elements; ++i) values.push_back(normal(random_));
    tensors_.push_back({name, DType::f32, std::move(shape), {}, nullptr});
  }
  void write(const std::filesystem::path& path) {
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      tensors_[i].bytes = std::as_bytes(std::span(storage_[i]));
    io::write_safetensors(path, tensors_);
  }

 private:
  std::mt19937 random_{17};
  std::vector<std::vector<float>> storage_;
  std::vector<io::StoredTensor> tensors_;
};

std::string tokenizer_json() {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelled;
    const char c = static_cast<char>(byte);
    text::append_byte_characters({&c, 1}, spelled);
    if (spelled == "\"" || spelled == "\\") spelled.insert(0, "\\");
    vocab += (byte == 0 ? "\"" : ",\"") + spelled + "\":" + std::to_string(byte);
  }
  const auto special = [](int id, const char* name) {
    return R"({"id":)" + std::to_string(id) + R"(,"content":")" + name +
           R"(","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true})";
  };
  return R"({"version":"1.0","added_tokens":[)" + special(256, "<s>") + "," + special(kByteModelEos, "</s>") +
         R"(],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
            "post_processor":null,"decoder":{"type":"ByteLevel"},
            "model":{"type":"BPE","vocab":{)" +
         vocab + R"(},"merges":[]}})";
}

}  // namespace

void write_byte_model(const TemporaryDirectory& directory, std::string_view extra) {
  directory.write("config.json",
                  R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 258,
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "max_position_embeddings": 1024, "tie_word_embeddings": true, )" +
                      std::string(extra) + R"("bos_token_id": 256, "eos_token_id": 257})");
  directory.write("tokenizer.json", tokenizer_json());
  Tensors tensors;
  tensors.add("model.embed_tokens.weight", {kVocab, kHidden}, 0, 0.4f);
  tensors.add("model.norm.weight", {kHidden}, 1, 0.1f);
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string name = "model.layers." + std::to_string(layer) + ".";
    const std::int64_t kv = kHidden / 2;
    tensors.add(name + "input_layernorm.weight", {kHidden}, 1, 0.1f);
    tensors.add(name + "post_attention_layernorm.weight", {kHidden}, 1, 0.1f);
    tensors.add(name + "self_attn.q_proj.weight", {kHidden, kHidden}, 0, 0.2f);
    tensors.add(name + "self_attn.k_proj.weight", {kv, kHidden}, 0, 0.2f);
    tensors.add(name + "self_attn.v_proj.weight", {kv, kHidden}, 0, 0.2f);
    tensors.add(name + "self_attn.o_proj.weight", {kHidden, kHidden}, 0, 0.2f);
    tensors.add(name + "mlp.gate_proj.weight", {kInner, kHidden}, 0, 0.2f);
    tensors.add(name + "mlp.up_proj.weight", {kInner, kHidden}, 0, 0.2f);
    tensors.add(name + "mlp.down_proj.weight", {kHidden, kInner}, 0, 0.2f);
  }
  tensors.write(directory / "model.safetensors");
}

}  // namespace transom::testing
