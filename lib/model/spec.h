// SPDX-License-Identifier: Apache-2.0
/// What a transformer is, in numbers: the result of reading a configuration, the same for every family.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace transom::model {

/// The most tokens that a configuration may speak of: lengths of texts, windows, contexts. Far beyond use,
/// and far inside 63 bits.
inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;

enum class RopeType { standard, linear, dynamic, llama3, yarn, longrope };

/// Rotary embedding of one kind of layer. Field meanings as in transformers' rope_parameters.
struct RopeSpec {
  RopeType type = RopeType::standard;
  std::int64_t rotary_dim = 0;  // dimensions of a head that rotate; even
  double theta = 10000;
  double factor = 1;
  std::int64_t max_position = 0;                     // max_position_embeddings
  std::int64_t original_max_position = 0;            // before the context was stretched
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  bool truncate = true;                              // yarn
  double magnitude = 1;                              // factor on cos and sin (yarn, longrope)
  std::vector<double> short_factor, long_factor;     // longrope, [rotary_dim / 2]

  friend bool operator==(const RopeSpec&, const RopeSpec&) = default;
};

/// What a layer with a window sees beyond it, see kernels::AttentionArgs: nothing; ever fewer tokens, so that
/// what is dropped stays dropped; or the tokens 2^k back.
enum class AttentionPattern { window, log_stride, log_stride_exact };
inline constexpr std::string_view kAttentionPatternNames[] = {"window", "log_stride", "log_stride_exact"};
constexpr std::string_view pattern_name(AttentionPattern pattern) {
  return kAttentionPatternNames[static_cast<std::size_t>(pattern)];
}

struct LayerSpec {
  std::int64_t window = 0;  // tokens visible, the own one included; 0 = all
  std::size_t rope = 0;     // index into ModelSpec::ropes
  std::int64_t sinks = 0;   // first tokens that stay visible beyond the window; 0 without one
  AttentionPattern pattern = AttentionPattern::window;

  /// Whether every token may be seen again: its cache grows with the text.
  bool keeps_all() const { return window == 0 || pattern == AttentionPattern::log_stride_exact; }
};

enum class QuantizationMethod { rtn, gptq };
/// How weights that are stored as floats become integers while they are loaded.
struct Quantization {
  int bits = 0;                 // 0 = they stay floats; 8, 4, 3, 2
  std::int64_t group_size = 0;  // inputs that share a scale; 0 = as suits the bits, -1 = all of a row
  QuantizationMethod method = QuantizationMethod::rtn;

  friend bool operator==(const Quantization&, const Quantization&) = default;
};
enum class WeightDType { automatic, f32, bf16 };
enum class KvDType { automatic, f32, bf16, int8, fp8 };

struct ModelSpec {
  std::string family;  // model_type
  std::int64_t vocab = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_position = 0;
  double norm_epsilon = 1e-6;
  bool tie_embeddings = false;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;
  bool qk_norm = false;  // RMSNorm of each query and key head before RoPE
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  // Runtime choices.
  std::int64_t max_context = 0;  // 0 = what the ropes are meant for
  Quantization quantization;
  backend::ActivationFormat activations = backend::ActivationFormat::automatic;  // of products of integers
  WeightDType dtype = WeightDType::automatic;
  KvDType kv_dtype = KvDType::automatic;

  /// True when some layer keeps all tokens: the text then ends with the context.
  bool any_keeps_all() const;
  /// True when some layer has sinks.
  bool any_sinks() const;
  /// Columns of the fused query, key and value projection.
  std::int64_t qkv_columns() const { return (n_heads + 2 * n_kv_heads) * head_dim; }
};

}  // namespace transom::model
