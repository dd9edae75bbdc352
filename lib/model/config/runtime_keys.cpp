// SPDX-License-Identifier: Apache-2.0
#include "model/config/runtime_keys.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/checks.h"
#include "model/config/attention_keys.h"

namespace transom::model {

using core::message;

namespace {

// Keys of the config.json files of the supported families.
constexpr std::string_view kConfigKeys[] = {"architectures",
                                            "attention_bias",
                                            "attention_dropout",
                                            "bos_token_id",
                                            "dtype",
                                            "eos_token_id",
                                            "head_dim",
                                            "hidden_act",
                                            "hidden_size",
                                            "initializer_range",
                                            "intermediate_size",
                                            "layer_types",
                                            "max_position_embeddings",
                                            "max_window_layers",
                                            "mlp_bias",
                                            "model_type",
                                            "num_attention_heads",
                                            "num_hidden_layers",
                                            "num_key_value_heads",
                                            "original_max_position_embeddings",
                                            "pad_token_id",
                                            "partial_rotary_factor",
                                            "pretraining_tp",
                                            "rms_norm_eps",
                                            "rope_parameters",
                                            "rope_scaling",
                                            "rope_theta",
                                            "sliding_window",
                                            "tie_word_embeddings",
                                            "torch_dtype",
                                            "transformers_version",
                                            "use_cache",
                                            "use_sliding_window",
                                            "vocab_size"};

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

/// One of several words, by position; fails on others.
template <std::size_t N>
std::size_t read_choice(const ConfigReader& reader, std::string_view key,
                        const std::array<std::string_view, N>& words) {
  const std::string word = reader.text(key, words[0]);
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    reader.fail(key, message("expected one of ", quoted(words), ", found \"", word, "\""));
  return static_cast<std::size_t>(found - words.begin());
}

Quantization read_quantization(const ConfigReader& reader) {
  constexpr std::array<std::string_view, 5> kNames{"none", "int8", "int4", "int3", "int2"};
  constexpr std::array<int, 5> kBits{0, 8, 4, 3, 2};
  Quantization quantization;
  quantization.bits = kBits[read_choice(reader, "quantization", kNames)];
  quantization.method =
      static_cast<QuantizationMethod>(read_choice<2>(reader, "quantization_method", {"rtn", "gptq"}));
  quantization.group_size = reader.integer("quantization_group_size", 0, -1, 1 << 20);
  if (quantization.group_size > 0 && quantization.group_size % 32 != 0) {
    reader.fail("quantization_group_size",
                message("expected a multiple of 32, 0 (as suits the bits) or -1 (whole "
                        "rows), found ",
                        quantization.group_size));
  }
  return quantization;
}

/// `dtype` is also a key of transformers 5 files, where it says how the weights are stored; so words that
/// only name a storage type ask for nothing.
WeightDType read_dtype(const ConfigReader& reader) {
  const std::string word = reader.text("dtype", "auto");
  if (word == "f32") return WeightDType::f32;
  if (word == "bf16") return WeightDType::bf16;
  for (const std::string_view stored :
       {"auto", "float32", "bfloat16", "float16", "torch.float32", "torch.bfloat16", "torch.float16"}) {
    if (word == stored) return WeightDType::automatic;
  }
  reader.fail("dtype", message("expected \"auto\", \"f32\" or \"bf16\", found \"", word, "\""));
}

KvDType read_kv_dtype(const ConfigReader& reader) {
  constexpr std::array<std::string_view, 6> kNames{"auto", "f32", "bf16", "int8", "fp8", "fp8_e4m3"};
  switch (read_choice(reader, "kv_cache_dtype", kNames)) {
    case 1:
      return KvDType::f32;
    case 2:
      return KvDType::bf16;
    case 3:
      return KvDType::int8;
    case 4:
    case 5:
      return KvDType::fp8;
    default:
      return KvDType::automatic;
  }
}

}  // namespace

std::span<const RuntimeKey> runtime_keys() {
  static const std::array<RuntimeKey, 14> keys{{{"attention_window", 0},
                                                {"attention_sinks", 0},
                                                {"attention_pattern", "window"},
                                                {"max_context", 0},
                                                {"quantization", "none"},
                                                {"quantization_method", "rtn"},
                                                {"quantization_group_size", 0},
                                                {"activation_dtype", "auto"},
                                                {"kv_cache_dtype", "auto"},
                                                {"dtype", "auto"},
                                                {"device", "cpu"},
                                                {"gpu_layers", -1},
                                                {"cuda_graphs", true},
                                                {"threads", 0}}};
  return keys;
}

void check_runtime_keys(const ConfigReader& reader) {
  ModelSpec scratch;
  apply_runtime_keys(reader, scratch);
  reader.integer("threads", 0, 0, 1024);
  reader.text("device", "cpu");
  reader.integer("gpu_layers", -1, -1, std::numeric_limits<std::int32_t>::max());
  reader.boolean("cuda_graphs", true);
}

void apply_runtime_keys(const ConfigReader& reader, ModelSpec& spec) {
  apply_attention_keys(reader, spec);
  spec.max_context = reader.integer("max_context", 0, 0, kMostTokens);
  spec.quantization = read_quantization(reader);
  spec.activations = static_cast<backend::ActivationFormat>(
      read_choice<3>(reader, "activation_dtype", {"auto", "int8", "f32"}));
  spec.dtype = read_dtype(reader);
  spec.kv_dtype = read_kv_dtype(reader);
}

bool is_known_config_key(std::string_view key) {
  return std::find(std::begin(kConfigKeys), std::end(kConfigKeys), key) != std::end(kConfigKeys);
}

std::string_view nearest_known_key(std::string_view key) {
  std::string_view best;
  std::size_t best_distance = static_cast<std::size_t>(-1);
  const auto consider = [&](std::string_view known) {
    const std::size_t distance = edit_distance(key, known);
    if (distance < best_distance) {
      best = known;
      best_distance = distance;
    }
  };
  for (const RuntimeKey& known : runtime_keys()) consider(known.name);
  for (const std::string_view known : kConfigKeys) consider(known);
  return best;
}

}  // namespace transom::model
