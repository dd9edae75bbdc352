// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transom/export.h"
#include "transom/value.h"

namespace transom {

/// The configuration of a model: the keys of its config.json, as Hugging Face writes them, and Transom's
/// runtime keys. A value type: copies are independent; distinct objects may be used from distinct threads.
///
/// Runtime keys:
/// - attention_window (int or list): 0 = as the model says (default); -1 = full attention; n = every layer
///   sees n tokens, the current one included, and the KV cache stays that small.
/// - attention_sinks (int or list): first tokens that stay visible beyond the window (StreamingLLM); default
///   0.
/// - attention_pattern (string or list): "window" (default); "log_stride": beyond its window a layer also
///   sees every second token of the next octave of distances, every fourth of the one after, and so on, 16
///   million tokens back at most, in a cache that grows with the logarithm of the text; "log_stride_exact":
///   beyond its window a layer also sees the tokens 2^k back, few to compute with, but its cache keeps all.
///   A list of these three is cycled over the layers: {2048, -1} gives every other layer full attention; as
///   many entries as layers name each. One pattern for all leaves layers without a window alone.
/// - max_context (int): tokens a session can hold; 0 (default) = max_position_embeddings, times the factor of
///   a linear or dynamic rope_scaling; with yarn the factor times original_max_position_embeddings, if that
///   is more (vLLM's rule; transformers checks no length).
/// - quantization (string): "none" (default), "int8", "int4", "int3" or "int2": weights are quantised while
///   loading.
/// - quantization_method (string): "rtn" (default): round to nearest; "gptq": keep what each layer computes
///   on a calibration text, which takes minutes (transom/quantize.h does it once, into a directory).
/// - quantization_group_size (int): neighbouring inputs that share a scale, a multiple of 32; -1 = all of a
///   row; 0 (default) = as suits the bits: 64 for int8, 32 for fewer.
/// - activation_dtype (string): what activations are rounded to before they meet quantised weights. "int8";
///   "f32": nothing (slower, for comparing numbers; a GPU rounds to 11 bits); "auto" (default): int8 on the
///   CPU, 11 bits on a GPU.
/// - kv_cache_dtype (string): "auto" (default: bf16 for weights of 16 bits or fewer, else f32), "f32", "bf16",
///   "int8" or "fp8" ("fp8_e4m3" is the same), both with a scale for each head and token, in as much memory.
///   int8 errs less where the numbers of a head are of like size (SmolLM2: 0.1 % of perplexity, fp8 0.8 %), fp8
///   where a few are far larger than the others.
/// - dtype (string): weights in memory: "auto" (default: as stored), "f32" or "bf16".
/// - device (string): "cpu" (default), "cuda" (the first GPU) or "cuda:1"; another ModelOptions::device wins.
/// - gpu_layers (int): decoder layers on the GPU, the last ones, with the head; the CPU embeds and computes the
///   layers before them. -1 (default) or as many as there are: the whole model; 0: only the head. Without a
///   GPU 1 or more is an InvalidArgument. ModelOptions::gpu_layers wins when it is set.
/// - cuda_graphs (bool): true (default): decode steps on a GPU are captured once and replayed; the text is the
///   same without.
/// - threads (int): 0 = every core (default); ModelOptions::threads wins when it is set.
///
/// rope_scaling and rope_theta may be changed like any key of config.json, also where the file has
/// rope_parameters. {{"rope_scaling", Value::Map{{"rope_type", "yarn"}, {"factor", 4.0},
/// {"original_max_position_embeddings", 32768}}}} reads four times as far; null takes a scaling away. The map
/// replaces the file's scaling as a whole, the theta stays, and a missing original length is the
/// original_max_position_embeddings that the file has beside its scaling, or else max_position_embeddings;
/// one inside the map wins over both. get("rope_parameters") is gone then: its members are rope_scaling and
/// rope_theta. A map may hold one such map for each kind of layer ("full_attention", "sliding_attention").
class TRANSOM_API Config {
 public:
  Config() = default;

  /// Sets several keys: all of them, or none when one is refused.
  /// @throws InvalidArgument for an unknown key (naming the nearest known one) and for a value that the key
  ///   can not have; UnsupportedError for a legal value that this version can not serve.
  Config& update(std::initializer_list<std::pair<std::string_view, Value>> values);
  /// The same with values made at run time.
  Config& update(Value::Map values);
  /// The same from a JSON object.
  Config& update_from_json(std::string_view json);

  /// True when the key is set, to null too.
  bool contains(std::string_view key) const;
  /// @return The value, or the default of a runtime key.
  /// @throws NotFound when the key is neither set nor a runtime key.
  Value get(std::string_view key) const;

  /// Getters apply the model family's defaults to absent keys. @throws FormatError or UnsupportedError when
  /// the configuration as a whole makes no model.
  std::string model_type() const;
  std::int64_t hidden_size() const;
  std::int64_t intermediate_size() const;
  std::int64_t num_hidden_layers() const;
  std::int64_t num_attention_heads() const;
  std::int64_t num_key_value_heads() const;
  std::int64_t head_dim() const;
  std::int64_t vocab_size() const;
  std::int64_t max_position_embeddings() const;
  double rms_norm_eps() const;
  double rope_theta() const;
  bool tie_word_embeddings() const;
  /// Largest window of the layers as configured (attention_window applied); 0 when some layer has none.
  std::int64_t attention_window() const;

  /// A copy in which these keys are not set.
  Config without(std::initializer_list<std::string_view> keys) const;

  /// All keys that are set, sorted. @param indent Spaces a level; negative: one line.
  std::string to_json(int indent = 2) const;

  /// Where the configuration came from (the path of config.json), for messages; empty when made by hand.
  const std::string& source() const noexcept { return source_; }

  /// A configuration from the text of a config.json. @param source Names the text in messages.
  /// @throws FormatError when it is no JSON object.
  static Config from_json(std::string_view json, std::string source = "config");

 private:
  Value::Map values_;
  std::string source_;
};

}  // namespace transom
