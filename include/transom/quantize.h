// SPDX-License-Identifier: Apache-2.0
/// @file
/// Making a quantised copy of a model directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "transom/export.h"

namespace transom {

enum class QuantizationMethod {
  gptq,  ///< keeps what each layer computes on a calibration text (Frantar et al. 2022)
  rtn,   ///< rounds each weight to nearest: seconds instead of minutes, and a larger error
};

/// What was done to one matrix.
struct QuantizedMatrixInfo {
  std::string name;                 ///< "model.layers.0.self_attn.q_proj"
  std::int64_t layer = 0;           ///< the head counts as the layer behind the last
  std::int64_t rows = 0, cols = 0;  ///< outputs, inputs
  /// GPTQ's own measure, the mean squared error of an output vector, damping included; 0 with rtn.
  double loss = 0;
  /// |y - y'|^2 / |y|^2 of the outputs over the calibration text; with rtn, of the weights.
  double error = 0;
  double damping = 0;  ///< the damping that was needed; 0 with rtn
};

struct QuantizationProgress {
  const QuantizedMatrixInfo& matrix;  ///< the matrix just finished
  std::int64_t layers = 0;            ///< of the model, with the head where it is quantised
  std::int64_t done = 0, total = 0;   ///< matrices
};

struct QuantizeOptions {
  // What the numbers become.
  int bits = 4;                   ///< 8, 4, 3 or 2
  std::int64_t group_size = 128;  ///< inputs that share a scale: a multiple of 32, or -1 for whole rows
  /// False: each group has a zero point too, which helps with 4 bits and fewer.
  bool symmetric = true;
  /// Symmetric only. False: the largest weight of a group fits, by a scale whose sign gives it the lowest
  /// integer (7 levels up, 8 down at 4 bits), or at 8 bits by a larger step; true: scales are positive and cut
  /// half a step off the largest positive weight, as GPTQ's reference code has it.
  bool published_range = false;
  bool mse_search = false;  ///< looks for the scale with the least error of rounding, not the largest weight
  bool lm_head = false;     ///< the output head too; a tied one is then stored beside the embedding

  // How.
  QuantizationMethod method = QuantizationMethod::gptq;
  bool act_order = false;      ///< GPTQ settles the largest inputs first (desc_act)
  bool static_groups = false;  ///< with act_order: groups stay neighbours, which products like
  double damping = 0.05;       ///< share of the mean of the Hessian's diagonal added to it
  /// UTF-8 text to calibrate GPTQ on, like what the model will be used for. Empty: a text that comes with the
  /// library (English stories).
  std::filesystem::path calibration = {};
  std::int64_t samples = 64;           ///< sequences taken from it, evenly spread
  std::int64_t sequence_length = 512;  ///< tokens of each

  // Performance.
  int threads = 0;  ///< 0 = every core this process may use
  /// Folder for a scratch file with the activations (samples x sequence_length x (hidden + intermediate) x 4
  /// bytes). Empty: in memory.
  std::filesystem::path spill = {};
  /// Goes on where an interrupted run with the same settings stopped; the result has the same bytes.
  bool resume = false;
  /// Called after each matrix, on the calling thread; false cancels.
  std::function<bool(const QuantizationProgress&)> on_progress = {};
  std::stop_token stop_token = {};  ///< cancels from another thread
};

struct QuantizeResult {
  bool finished = false;  ///< false: cancelled; a run with `resume` goes on
  std::vector<QuantizedMatrixInfo> matrices;
  std::int64_t bytes_before = 0;  ///< of all tensors
  std::int64_t bytes_after = 0;
  std::int64_t calibration_tokens = 0;
  double seconds = 0;
};

/// Quantises the matrices of all layers and writes a model directory that from_pretrained, transformers and
/// GPTQModel load: qweight, qzeros, scales and g_idx, format "gptq" for symmetric and "gptq_v2" for other
/// grids; the other tensors as stored.
///
/// The output appears in one step at the end. Until then everything is in "<output>.partial" beside it, which
/// a run that was interrupted, or failed, leaves behind.
/// @param source A model directory, or org/name in the local Hugging Face cache.
/// @param output A directory that does not exist yet, or is empty.
/// @throws InvalidArgument for impossible options and an output that is there; NotFound; FormatError for a
///   broken source, for a calibration text too short for one sequence, and when a layer's Hessian is never
///   positive definite; UnsupportedError for sizes that the format can not hold; DeviceError when the disk is
///   full; OutOfMemory.
TRANSOM_API QuantizeResult quantize(std::string_view source, const std::filesystem::path& output,
                                    const QuantizeOptions& options = {});

}  // namespace transom
