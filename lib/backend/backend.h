// SPDX-License-Identifier: Apache-2.0
/// The seam between models and devices.
///
/// Models call the checked functions of ops.h, which verify ranks, extents and dtypes and then call these
/// virtuals: a backend receives verified input and repeats no check. Activations are f32 matrices [tokens,
/// columns].
///
/// Calls that compute are made inside execute(), one step at a time; a step of another session waits. An op
/// allocates scratch that reserve() could not size: OutOfMemory may come from the first steps of a kind too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/quantization_grid.h"
#include "core/tensor_view.h"

namespace transom::backend {

using core::Buffer;
using core::TensorView;

/// How the integers of a quantised weight stand for numbers: w = scale * (q - zero), with a scale and a zero
/// point per output and group of neighbouring inputs.
struct IntegerFormat {
  int bits = 8;                    // 8, 4, 3 or 2: q is in [0, 2^bits)
  std::int64_t group_size = 0;     // inputs of a group, a multiple of 32 (the last may be shorter); 0 = all
  bool zero_points = false;        // false: every zero is 2^(bits - 1)
  DType scale_dtype = DType::f32;  // how scales are kept: f32, f16 or bf16

  std::int64_t groups(std::int64_t cols) const {
    return group_size == 0 ? 1 : (cols + group_size - 1) / group_size;
  }
  /// How floats are rounded to it.
  core::GridOptions grid() const { return {bits, zero_points, scale_dtype, core::closest_range(bits)}; }
  friend bool operator==(const IntegerFormat&, const IntegerFormat&) = default;
};

/// Where the integers of some rows go. Scales are exact in the format's scale_dtype.
struct IntegerTile {
  std::uint8_t* values = nullptr;  // [rows, cols]
  float* scales = nullptr;         // [rows, groups]
  std::uint8_t* zeros = nullptr;   // [rows, groups]; null without zero points
};

/// Reads rows [first, first + rows) of a quantised weight; called from several threads at once.
using IntegerReader = std::function<void(std::int64_t first, std::int64_t rows, const IntegerTile& tile)>;

/// Consecutive output rows of a weight: dense floats as a checkpoint stores them, at any alignment, or
/// integers that a reader yields.
struct WeightRows {
  DType dtype = DType::f32;  // f32, f16 or bf16
  const std::byte* data = nullptr;
  std::int64_t rows = 0;
  IntegerReader integers = {};  // set: in the layer's IntegerFormat, and dtype and data mean nothing
};

enum class WeightFormat { f32, bf16, integer };

/// What activations are rounded to before they meet integer weights: what the device does best, int8, or
/// nothing (a GPU rounds to 11 bits instead).
enum class ActivationFormat { automatic, int8, f32 };

/// A linear layer y = x W^T + b before preparation. The parts are stacked (query | key | value); all are
/// floats of one dtype, or all are integers. Floats become integers by rounding to nearest.
struct LinearWeights {
  std::string name;  // for messages and logs
  std::vector<WeightRows> parts;
  std::int64_t cols = 0;
  std::vector<float> bias;  // [rows] or empty
  WeightFormat format = WeightFormat::bf16;
  IntegerFormat integers;  // with WeightFormat::integer
  /// Input i of the weight as given is column input_order[i] of the activations (act-order); empty: in order.
  std::vector<std::int32_t> input_order;
  ActivationFormat activations = ActivationFormat::automatic;
};

/// A linear layer in the backend's own layout. Immutable; owned by the model.
class PreparedLinear {
 public:
  virtual ~PreparedLinear() = default;
  std::int64_t rows = 0;   // outputs
  std::int64_t cols = 0;   // inputs
  std::int64_t bytes = 0;  // memory that a decode step reads
  std::string choice;      // the kernels chosen, and why faster ones were not
};

/// Keys and values of one layer. Slots lie in blocks; see kernels/common/attention_args.h for them, for the
/// ring and for the levels of a log stride.
struct KvCacheView {
  /// [n_kv_heads, capacity, head_dim], f32, bf16, or i8 or f8_e4m3 with a scale behind each row. Shapes only:
  /// their data is null.
  TensorView keys, values;
  /// For each block, its keys and its values, [n_kv_heads, block_slots] rows. An op touches only blocks of
  /// positions that it is told of: others may be null.
  void* const* key_blocks = nullptr;
  void* const* value_blocks = nullptr;
  std::int64_t block_slots = 0;  // a power of two, kLeastBlockSlots or more
  std::int64_t sinks = 0;
  std::int64_t levels = 0, level_slots = 0;

  /// Slots of the sinks and the ring.
  std::int64_t ring_capacity() const { return keys.extent[1] - levels * level_slots; }
  std::int64_t blocks() const { return (keys.extent[1] + block_slots - 1) / block_slots; }
};
constexpr std::int64_t kLeastBlockSlots = 64;

/// Bytes of one head of one slot, with its scale. dtype: one that caches have.
std::int64_t kv_row_bytes(DType dtype, std::int64_t head_dim);

struct AttentionParams {
  std::int64_t first_position = 0;
  std::int64_t window = 0;  // tokens visible, the own one included; 0 = all
  float scale = 1;
  float soft_cap = 0;
  bool power_ages = false;  // beyond the window, see the tokens 2^k back
};

struct RopeTables {
  TensorView cos, sin;  // [tokens, rotary_dim / 2]

  RopeTables rows(std::int64_t first, std::int64_t count) const {
    return {cos.row_slice(first, count), sin.row_slice(first, count)};
  }
};

/// The next rows of a step, which are one text's, and where their keys and values go.
struct KvRows {
  const KvCacheView* cache = nullptr;
  std::int64_t first_position = 0;
  std::int64_t rows = 0;
};

/// What a session will ask for at most, so that scratch can be sized before it runs.
struct WorkspaceLimits {
  std::int64_t tokens = 0;
  std::int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
};

/// How a token is chosen from a row of logits; the same as generation/sampling chooses on the host, bit by
/// bit, because both weigh tokens by kernels/common/token_weight.h.
struct TokenChoice {
  bool sample = false;       // false: the largest logit, the smaller id among equals
  float temperature = 1;     // > 0
  std::int64_t top_k = 0;    // 0 = all
  float top_p = 1;           // (0, 1]
  float min_p = 0;           // [0, 1]
  std::uint64_t random = 0;  // the draw
  std::int64_t usable = 0;   // ids from here on are never chosen
};

/// Of the widest logits that choose() takes.
constexpr std::int64_t kMostTokensToChoose = std::int64_t{1} << 23;

/// Memory that a device has to itself. What this process keeps of it and does not use is free.
struct DeviceMemory {
  std::int64_t free = 0, total = 0;
};

struct BackendInfo {
  std::string device;
  std::string isa;
  int threads = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual BackendInfo describe() const = 0;

  // Memory.
  virtual Buffer allocate(std::size_t bytes, const char* purpose, Buffer::Pages pages) = 0;
  /// Whether ops read and write memory of this process, such as mapped files; else only what allocate() gave.
  virtual bool uses_host_memory() const = 0;
  /// Nothing where the memory is that of this process, of which only the system knows how much there is.
  virtual DeviceMemory memory() const { return {}; }
  /// Copies src, dense and of dst's dtype, to dst, which is dense too.
  virtual void upload(const TensorView& dst, std::span<const std::byte> src) = 0;
  virtual void download(std::span<float> dst, const TensorView& src) = 0;
  virtual void synchronize() = 0;

  // Load time.
  virtual std::unique_ptr<PreparedLinear> prepare_linear(const LinearWeights& weights) = 0;
  /// Sizes scratch, as far as the limits tell, for calls of at most this size.
  virtual void reserve(const WorkspaceLimits& limits) = 0;

  /// Runs one step on the device's threads and waits for it. Exceptions come back to the caller.
  virtual void execute(const std::function<void()>& step) = 0;

  // Compute; see ops.h for the meaning of each.
  virtual void embed(const TensorView& table, std::span<const std::int32_t> ids, const TensorView& dst) = 0;
  virtual void rms_norm(const TensorView& src, const TensorView& weight, float epsilon,
                        const TensorView& dst) = 0;
  virtual void linear(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                      bool accumulate) = 0;
  /// What ends the halves of a decoder layer: a product that is added to the residual stream, and the norm of
  /// the sum.
  virtual void linear_rms_norm(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                               const TensorView& norm_weight, float epsilon, const TensorView& normed) {
    linear(weight, src, dst, true);
    rms_norm(dst, norm_weight, epsilon, normed);
  }
  virtual void rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq,
                          float magnitude, const RopeTables& tables) = 0;
  virtual void rope(const TensorView& x, const RopeTables& tables) = 0;
  virtual void kv_append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                         const KvCacheView& cache) = 0;
  /// What a layer does with its queries, keys and values in one op; devices for which launches are dear have
  /// one for it.
  virtual void rope_append(const TensorView& q, const TensorView& k, const TensorView& v,
                           const RopeTables& tables, std::int64_t first_position, const KvCacheView& cache) {
    rope(q, tables);
    rope(k, tables);
    kv_append(k, v, first_position, cache);
  }
  /// The same for texts whose rows lie one after the other; devices that split rows over threads have one for
  /// it.
  virtual void rope_append_texts(const TensorView& q, const TensorView& k, const TensorView& v,
                                 const RopeTables& tables, std::span<const KvRows> texts) {
    std::int64_t row = 0;
    for (const KvRows& text : texts) {
      const auto here = [&](const TensorView& all) { return all.row_slice(row, text.rows); };
      rope_append(here(q), here(k), here(v), tables.rows(row, text.rows), text.first_position, *text.cache);
      row += text.rows;
    }
  }
  virtual void kv_copy(const KvCacheView& from, std::int64_t first_position, std::int64_t end_position,
                       const KvCacheView& to) = 0;
  virtual void kv_read(const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
                       std::span<std::byte> bytes) = 0;
  virtual void kv_write(std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
                        const KvCacheView& cache) = 0;
  virtual void attention(const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
                         const AttentionParams& params, const TensorView& dst) = 0;
  virtual void gated_linear(const PreparedLinear& gate, const PreparedLinear* up, const TensorView& src,
                            const TensorView& dst) = 0;
  virtual void gather_rows(const TensorView& src, std::span<const std::int64_t> rows,
                           const TensorView& dst) = 0;
  /// Whether choose() is there. Where logits lie in memory of this process anyway, it need not be.
  virtual bool chooses_tokens() const { return false; }
  virtual void choose(const TensorView& /*logits*/, std::span<const TokenChoice> /*choices*/,
                      std::span<std::int32_t> /*ids*/) {}
};

}  // namespace transom::backend
