// SPDX-License-Identifier: Apache-2.0
/// Kernel arguments of the seam's types, as the adapters of all devices fill them.
#pragma once

#include "backend/backend.h"
#include "core/checks.h"
#include "core/count.h"
#include "kernels/common/attention_args.h"
#include "kernels/common/bf16.h"
#include "kernels/common/elementwise_args.h"
#include "kernels/common/linear_args.h"
#include "kernels/common/rope_args.h"
#include "transom/error.h"

namespace transom::backend {

/// @throws UnsupportedError for integers of a width that has no kernels.
inline kernels::WeightType weight_type(const LinearWeights& weights) {
  if (weights.format == WeightFormat::f32) return kernels::WeightType::f32;
  if (weights.format == WeightFormat::bf16) return kernels::WeightType::bf16;
  if (!kernels::has_integer_type(weights.integers.bits)) {
    throw UnsupportedError(core::message(weights.name, ": integers of ", weights.integers.bits,
                                         " bits are not supported (8, 4, 3 and 2 are)"));
  }
  return kernels::integer_type(weights.integers.bits);
}

/// The groups of an integer weight and the type of their scales. packed: a PackedWeight or a TiledWeight
/// whose k is set. @throws UnsupportedError for a group that is too long.
template <typename Packed>
void set_groups(const LinearWeights& weights, Packed& packed) {
  const IntegerFormat& format = weights.integers;
  packed.groups = core::count(format.groups(weights.cols));
  packed.group = packed.groups == 1 ? packed.k : core::count(format.group_size);
  packed.scale_type = format.scale_dtype == DType::f16    ? kernels::ScaleType::f16
                      : format.scale_dtype == DType::bf16 ? kernels::ScaleType::bf16
                                                          : kernels::ScaleType::f32;
  if (packed.groups == 1 && packed.k >= (std::size_t{1} << 16)) {
    throw UnsupportedError(
        core::message(weights.name, ": ", weights.cols, " inputs share a scale; at most 65535 may"));
  }
}

/// scales[index] = scale, in their type.
inline void store_scale(kernels::ScaleType type, float scale, void* scales, std::size_t index) {
  if (type == kernels::ScaleType::f32) {
    static_cast<float*>(scales)[index] = scale;
    return;
  }
  static_cast<std::uint16_t*>(scales)[index] =
      type == kernels::ScaleType::f16 ? kernels::f32_to_f16(scale) : kernels::f32_to_bf16(scale);
}

inline kernels::TableType table_type(DType dtype) {
  return dtype == DType::f32    ? kernels::TableType::f32
         : dtype == DType::bf16 ? kernels::TableType::bf16
                                : kernels::TableType::f16;
}

/// dtype: one that caches have.
inline kernels::KvType kv_type(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return kernels::KvType::bf16;
    case DType::i8:
      return kernels::KvType::i8;
    case DType::f8_e4m3:
      return kernels::KvType::e4m3;
    default:
      return kernels::KvType::f32;
  }
}

/// Without the tables of blocks, whose place depends on the device.
inline kernels::KvView kv_geometry(const KvCacheView& cache) {
  using core::count;
  kernels::KvView view;
  view.type = kv_type(cache.keys.dtype);
  view.n_kv_heads = count(cache.keys.extent[0]);
  view.capacity = count(cache.keys.extent[1]);
  view.head_dim = count(cache.keys.extent[2]);
  view.block_slots = count(cache.block_slots);
  view.n_sinks = count(cache.sinks);
  view.n_levels = count(cache.levels);
  view.level_slots = count(cache.level_slots);
  return view;
}

inline kernels::RopeArgs rope_args(const TensorView& x, const RopeTables& tables) {
  using core::count;
  kernels::RopeArgs args;
  args.x = x.f32();
  args.row_stride = count(x.stride[0]);
  args.n_tokens = count(x.rows());
  args.n_heads = count(x.extent[1]);
  args.head_dim = count(x.extent[2]);
  args.rotary_dim = 2 * count(tables.cos.columns());
  args.cos = tables.cos.f32();
  args.sin = tables.sin.f32();
  return args;
}

/// Without the first position, which some devices read from memory.
inline kernels::KvAppendArgs append_args(const TensorView& keys, const TensorView& values,
                                         const kernels::KvView& kv) {
  using core::count;
  kernels::KvAppendArgs args;
  args.kv = kv;
  args.k = keys.f32();
  args.v = values.f32();
  args.row_stride = count(keys.stride[0]);
  args.n_tokens = count(keys.rows());
  return args;
}

/// Of one call, without scratch and parts.
inline kernels::AttentionArgs attention_args(const TensorView& q, const TensorView* q_sink,
                                             const kernels::KvView& kv, const AttentionParams& params,
                                             const TensorView& dst) {
  using core::count;
  kernels::AttentionArgs args;
  args.q = q.f32();
  args.q_sink = q_sink == nullptr ? nullptr : q_sink->f32();
  args.q_stride = count(q.stride[0]);
  args.kv = kv;
  args.dst = dst.f32();
  args.dst_stride = count(dst.stride[0]);
  args.n_tokens = count(q.rows());
  args.n_heads = count(q.extent[1]);
  args.first_pos = params.first_position;
  args.window = params.window;
  args.scale = params.scale;
  args.soft_cap = params.soft_cap;
  args.power_ages = params.power_ages;
  return args;
}

/// The largest call of a session, as far as it decides on scratch.
inline kernels::AttentionArgs attention_args(const WorkspaceLimits& limits) {
  using core::count;
  kernels::AttentionArgs args;
  args.n_tokens = count(limits.tokens);
  args.n_heads = count(limits.n_heads);
  args.kv.n_kv_heads = count(limits.n_kv_heads);
  args.kv.head_dim = count(limits.head_dim);
  return args;
}

}  // namespace transom::backend
