// SPDX-License-Identifier: Apache-2.0
// The KV cache on the device: rows go in by a kernel; between caches and to the host they go by copies.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "backend/adapters/kernel_args.h"
#include "backend/cuda/cuda_backend.h"
#include "backend/kv_slots.h"
#include "core/count.h"
#include "kernels/cuda/kv_append.h"
#include "kernels/cuda/rope_append.h"

namespace transom::backend {

using core::count;

namespace {

/// As the device has it, without tables.
kernels::KvView geometry(const KvCacheView& cache) {
  kernels::KvView view = kv_geometry(cache);
  view.scales_apart = kernels::kv_has_scales(view.type);
  return view;
}

/// Of kv_read's form.
std::size_t slot_bytes(const kernels::KvView& view) {
  return 2 * view.n_kv_heads * kernels::kv_row_bytes(view.type, view.head_dim);
}

void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync");
}

/// Calls use(bytes of kv_read's form, their place in the block, how many) for each head of `slots` slots from
/// `slot` on, which lie in one block, whose copy is at `block`: of keys (side 0) or values (1).
template <typename Byte, typename Use>
void for_each_piece(const kernels::KvView& view, Byte* bytes, std::size_t slot, std::size_t slots,
                    std::size_t side, void* block, const Use& use) {
  const std::size_t row = kernels::kv_row_bytes(view.type, view.head_dim), heads = view.n_kv_heads;
  const std::size_t elements = view.scales_apart ? view.head_dim : row;
  for (std::size_t i = 0; i < slots; ++i) {
    for (std::size_t head = 0; head < heads; ++head) {
      const std::size_t at = slot % view.block_slots + i;
      Byte* const here = bytes + ((i * 2 + side) * heads + head) * row;
      use(here, kernels::kv_row(view, &block, head, at), elements);
      if (view.scales_apart) use(here + elements, kernels::kv_scale(view, &block, head, at), row - elements);
    }
  }
}

}  // namespace

CudaBackend::StepCache CudaBackend::step_cache(const KvCacheView& cache, std::int64_t first_position) {
  // An append and the attention after it share what they need.
  if (last_.blocks == cache.key_blocks && last_.position == first_position &&
      last_.walk == steps_.memory().walk())
    return last_.cache;
  StepCache step;
  kernels::KvView& view = step.view;
  view = geometry(cache);
  const std::size_t blocks = count(cache.blocks());
  view.keys = steps_.memory().put(std::span(cache.key_blocks, blocks));
  view.values = steps_.memory().put(std::span(cache.value_blocks, blocks));
  step.first_position = steps_.memory().put(first_position);
  last_ = {cache.key_blocks, first_position, steps_.memory().walk(), step};
  return step;
}

void CudaBackend::kv_append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                            const KvCacheView& cache) {
  const StepCache step = step_cache(cache, first_position);
  const kernels::KvAppendArgs args = append_args(keys, values, step.view);
  steps_.op(
      "kv_append",
      [&](cudaStream_t stream) { return kernels::cuda::launch_kv_append(args, step.first_position, stream); },
      keys, values, cache, step.first_position);
}

void CudaBackend::rope_append(const TensorView& q, const TensorView& k, const TensorView& v,
                              const RopeTables& tables, std::int64_t first_position,
                              const KvCacheView& cache) {
  const StepCache step = step_cache(cache, first_position);
  kernels::cuda::RopeAppendArgs args;
  args.q = q.f32();
  args.q_stride = count(q.stride[0]);
  args.n_heads = count(q.extent[1]);
  args.cos = tables.cos.f32();
  args.sin = tables.sin.f32();
  args.rotary_dim = 2 * count(tables.cos.columns());
  args.append = append_args(k, v, step.view);
  steps_.op(
      "rope_append",
      [&](cudaStream_t stream) {
        return kernels::cuda::launch_rope_append(args, step.first_position, stream);
      },
      q, k, v, tables.cos, tables.sin, cache, step.first_position);
}

void CudaBackend::kv_copy(const KvCacheView& from, std::int64_t first_position, std::int64_t end_position,
                          const KvCacheView& to) {
  const std::lock_guard lock(mutex_);
  use_device();
  const kernels::KvView source = geometry(from), target = geometry(to);
  const auto copy_heads = [&](char* target_row, const char* source_row, std::size_t bytes) {
    check_cuda(cudaMemcpy2DAsync(target_row, kernels::kv_head_bytes(target), source_row,
                                 kernels::kv_head_bytes(source), bytes, target.n_kv_heads,
                                 cudaMemcpyDeviceToDevice, steps_.stream()),
               "cudaMemcpy2DAsync");
  };
  const auto copy_half = [&](void* const* to_blocks, void* const* from_blocks, std::size_t slot,
                             std::size_t slots) {
    copy_heads(kernels::kv_row(target, to_blocks, 0, slot), kernels::kv_row(source, from_blocks, 0, slot),
               slots * kernels::kv_row_stride(target));
    if (target.scales_apart)
      copy_heads(kernels::kv_scale(target, to_blocks, 0, slot),
                 kernels::kv_scale(source, from_blocks, 0, slot), slots * sizeof(float));
  };
  for_each_slots(to, first_position, end_position, [&](std::int64_t first, std::int64_t slots) {
    for_each_stretch(first, slots, std::min(from.block_slots, to.block_slots),
                     [&](std::int64_t slot, std::int64_t here) {
                       copy_half(to.key_blocks, from.key_blocks, count(slot), count(here));
                       copy_half(to.value_blocks, from.value_blocks, count(slot), count(here));
                     });
  });
  synchronize();
}

/// Calls use(bytes of kv_read's form, slot, slots, side, that side of a block on the device, a copy of it)
/// for keys and values of each block that the slots touch. use may change the copy and send it back. Where
/// it writes a whole block (Byte const), the copy is not made: its bytes mean nothing.
template <typename Byte, typename Use>
void CudaBackend::for_each_half_block(const KvCacheView& cache, const kernels::KvView& view,
                                      std::int64_t first_slot, std::int64_t slots, Byte* bytes,
                                      const Use& use) {
  const std::lock_guard lock(mutex_);
  use_device();
  std::vector<std::byte> copied(view.n_kv_heads * kernels::kv_head_bytes(view));
  for_each_stretch(first_slot, slots, cache.block_slots, [&](std::int64_t slot, std::int64_t here) {
    for (const std::size_t side : {0, 1}) {
      void* const block = (side == 0 ? cache.key_blocks : cache.value_blocks)[slot / cache.block_slots];
      if (!std::is_const_v<Byte> || here < cache.block_slots) {
        copy(copied.data(), block, copied.size(), cudaMemcpyDeviceToHost, steps_.stream());
        synchronize();
      }
      use(bytes + count(slot - first_slot) * slot_bytes(view), count(slot), count(here), side, block, copied);
    }
  });
}

void CudaBackend::kv_read(const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
                          std::span<std::byte> bytes) {
  const kernels::KvView view = geometry(cache);
  const auto read = [&](std::byte* to, std::size_t slot, std::size_t here, std::size_t side, void*,
                        std::vector<std::byte>& copied) {
    for_each_piece(view, to, slot, here, side, copied.data(),
                   [](std::byte* piece, const char* at, std::size_t size) { std::memcpy(piece, at, size); });
  };
  for_each_half_block(cache, view, first_slot, slots, bytes.data(), read);
}

void CudaBackend::kv_write(std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
                           const KvCacheView& cache) {
  const kernels::KvView view = geometry(cache);
  const auto write = [&](const std::byte* from, std::size_t slot, std::size_t here, std::size_t side,
                         void* block, std::vector<std::byte>& copied) {
    for_each_piece(view, from, slot, here, side, copied.data(),
                   [](const std::byte* piece, char* at, std::size_t size) { std::memcpy(at, piece, size); });
    copy(block, copied.data(), copied.size(), cudaMemcpyHostToDevice, steps_.stream());
    synchronize();
  };
  for_each_half_block(cache, view, first_slot, slots, bytes.data(), write);
}

}  // namespace transom::backend
