// SPDX-License-Identifier: Apache-2.0
/// Timing whole models: prefill of prompts, decode at depths.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/roofline.h"
#include "model/transformer.h"
#include "transom/config.h"

namespace transom::bench {

struct Options {
  std::string model;      // a directory, or empty
  std::string synthetic;  // a name, or empty
  int layers = 0;         // synthetic: fewer layers than the true model; 0 = all
  std::string dtype = "bf16", quantization = "none", kv_cache_dtype = "auto";
  std::int64_t group_size = 0;  // of quantised weights, as the key quantization_group_size
  std::string device = "cpu";
  std::int64_t gpu_layers = -1;
  bool cuda_graphs = true;
  int threads = 0;
  bool pin = true;
  std::vector<std::int64_t> prefill{32, 512, 2048};
  std::vector<std::int64_t> depths{0, 2048, 16384};
  std::vector<std::int64_t> batches;  // texts that take their steps together, at depth 0
  std::int64_t window = 0;
  std::string attention_pattern = "window";
  int decode_tokens = 32;
  int repeats = 3;
  std::string json_file;
};

struct Loaded {
  std::unique_ptr<model::Transformer> transformer;
  double load_s = 0;
};

/// Of the model, with what the options set.
Config make_config(const Options& options);
Loaded load_model(const Options& options);

/// The same ids each time.
std::vector<std::int32_t> random_ids(std::int64_t count, std::int64_t vocab);
/// @param values At least one.
double median(std::vector<double> values);
double peak_resident_bytes();

/// One line of the report.
struct Measurement {
  std::string phase;        // "prefill", "decode" or "batch"
  std::int64_t tokens = 0;  // of the prompt, the depth of decode, or the texts of a batch
  double tokens_per_s = 0;
  double bytes_per_token = 0;   // decode: weights and KV cache that a token reads; batch: a share of a step's
  double ops_per_token = 0;     // multiply and add counted apart
  double bandwidth_share = 0;   // of the read bandwidth probed between these steps
  double arithmetic_share = 0;  // of the peak of the weights' type
  double read_bytes_per_s = 0;  // that bandwidth
};

/// The peak that a weight format is held against.
double arithmetic_peak(const Roofline& roofline, const Options& options);

Measurement measure_prefill(const model::Transformer& transformer, const Options& options,
                            std::int64_t tokens, const Roofline& roofline);

/// Runs `steps` steps in eight turns, with a probe of the read bandwidth before each: the speed of a shared
/// machine changes from second to second, and then it changes for both. @return The median of the probes, to
/// be compared with a median of the steps.
double measure_in_turns(const std::string& device, std::size_t threads, std::int64_t steps,
                        const std::function<void(std::int64_t steps)>& run);

/// Texts that take their steps together, each at `depth`; one text is plain decode.
struct DecodeCase {
  std::int64_t depth = 0, texts = 1;
};

/// Steps of all cases, each in every turn of measure_in_turns(). The medians are compared.
std::vector<Measurement> measure_decode(const model::Transformer& transformer, const Options& options,
                                        const std::vector<DecodeCase>& cases, const Roofline& roofline);

}  // namespace transom::bench
