// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>

#include "backend/adapters/kernel_args.h"
#include "backend/cpu/cpu_linear.h"
#include "backend/kv_slots.h"
#include "core/checks.h"
#include "core/count.h"
#include "transom/error.h"

namespace transom::backend {

using core::count;
using core::message;

namespace {

const kernels::KernelTable& select_table() {
  const kernels::KernelSelection selection = kernels::select_isa_from_environment();
  if (selection.error != nullptr) {
    throw InvalidArgument(message("TRANSOM_CPU_ISA: ", selection.error, " (this machine runs up to ",
                                  kernels::isa_name(selection.isa), ")"));
  }
  return kernels::kernel_table(selection.isa);
}

kernels::KvView kv_view(const KvCacheView& cache) {
  kernels::KvView view = kv_geometry(cache);
  view.keys = cache.key_blocks;
  view.values = cache.value_blocks;
  return view;
}

/// Calls copy(row of the cache, offset of its bytes, their count) for each head of keys and values of each
/// slot.
template <typename Copy>
void for_each_row(const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots, const Copy& copy) {
  const kernels::KvView view = kv_view(cache);
  const std::size_t row = kernels::kv_row_bytes(view.type, view.head_dim);
  std::size_t offset = 0;
  for (std::size_t slot = count(first_slot); slot < count(first_slot + slots); ++slot) {
    for (void* const* half : {view.keys, view.values}) {
      for (std::size_t head = 0; head < view.n_kv_heads; ++head) {
        copy(reinterpret_cast<std::byte*>(kernels::kv_row(view, half, head, slot)), offset, row);
        offset += row;
      }
    }
  }
}

/// All heads of slots [slot, slot + slots), which lie in one block of each cache.
void copy_rows(const kernels::KvView& from, const kernels::KvView& to, std::size_t slot, std::size_t slots) {
  const std::size_t bytes = slots * kernels::kv_row_bytes(to.type, to.head_dim);
  for (std::size_t head = 0; head < to.n_kv_heads; ++head) {
    std::memcpy(kernels::kv_row(to, to.keys, head, slot), kernels::kv_row(from, from.keys, head, slot),
                bytes);
    std::memcpy(kernels::kv_row(to, to.values, head, slot), kernels::kv_row(from, from.values, head, slot),
                bytes);
  }
}

static_assert(kLeastBlockSlots == kernels::kAttentionKeyTile);

}  // namespace

CpuBackend::CpuBackend(int threads, bool pin_threads)

    : pool_(threads, pin_threads,
            {[](const void* ahead, int thread, int n_threads, int turn) noexcept {
               static_cast<const WeightAhead*>(ahead)->fetch(thread, n_threads, turn);
             },
             &ahead_}),
      table_(&select_table()),
      shares_(pool_.size()) {
  scratch_.resize(count(pool_.size()));
  private_prepared_.resize(count(pool_.size()));
  panel_outputs_.resize(count(pool_.size()));
}

BackendInfo CpuBackend::describe() const { return {"cpu", kernels::isa_name(table_->isa), pool_.size()}; }

Buffer CpuBackend::allocate(std::size_t bytes, const char* purpose, Buffer::Pages pages) {
  return Buffer(bytes, purpose, pages);
}

void CpuBackend::upload(const TensorView& dst, std::span<const std::byte> src) {
  std::memcpy(dst.data, src.data(), src.size());
}

void CpuBackend::download(std::span<float> dst, const TensorView& src) {
  std::memcpy(dst.data(), src.data, dst.size_bytes());
}

void CpuBackend::execute(const std::function<void()>& step) { pool_.run(step); }

std::unique_ptr<PreparedLinear> CpuBackend::prepare_linear(const LinearWeights& weights) {
  return std::make_unique<CpuLinear>(weights, *table_, pool_, arena_);
}

void CpuBackend::reserve(const WorkspaceLimits& limits) {
  const kernels::AttentionArgs args = attention_args(limits);
  pool_.run([&] {
    for (Buffer& buffer : scratch_) grow(buffer, kernels::attention_scratch_bytes(args));
    grow(partial_attention_, sizeof(float) * kernels::attention_partial_floats(args.n_heads, args.kv.head_dim,
                                                                               kernels::kMostParts));
  });
}

void CpuBackend::embed(const TensorView& table, std::span<const std::int32_t> ids, const TensorView& dst) {
  kernels::EmbedArgs args;
  args.table = table.data;
  args.type = table_type(table.dtype);
  args.dst_stride = count(dst.stride[0]);
  args.hidden = count(dst.columns());
  pool_.parallel_ranges(ids.size(), [&](std::size_t begin, std::size_t end) {
    kernels::EmbedArgs share = args;
    share.ids = ids.data() + begin;
    share.dst = dst.f32() + begin * args.dst_stride;
    share.n_tokens = end - begin;
    table_->embed.run(share);
  });
}

void CpuBackend::rms_norm(const TensorView& src, const TensorView& weight, float epsilon,
                          const TensorView& dst) {
  kernels::RmsNormArgs args;
  args.weight = weight.f32();
  args.hidden = count(src.columns());
  args.epsilon = epsilon;
  const bool heads = src.rank == 3;
  args.src_stride = count(heads ? src.stride[1] : src.stride[0]);
  args.dst_stride = count(heads ? dst.stride[1] : dst.stride[0]);
  pool_.parallel_ranges(count(src.rows()), [&](std::size_t begin, std::size_t end) {
    kernels::RmsNormArgs share = args;
    // Rows of a matrix are one call; with heads, each token's heads are.
    const std::size_t calls = heads ? end - begin : 1;
    share.n_tokens = heads ? count(src.extent[1]) : end - begin;
    for (std::size_t i = 0; i < calls; ++i) {
      share.src = src.f32() + (begin + i) * count(src.stride[0]);
      share.dst = dst.f32() + (begin + i) * count(dst.stride[0]);
      table_->rms_norm.run(share);
    }
  });
}

template <typename Rows>
void CpuBackend::for_row_ranges(const TensorView& x, const Rows& rows) {
  pool_.parallel_ranges(count(x.rows()), [&](std::size_t begin, std::size_t end) {
    rows(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin));
  });
}

void CpuBackend::rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq,
                            float magnitude, const RopeTables& tables) {
  kernels::RopeTableArgs args;
  args.inv_freq = inv_freq.data();
  args.half = inv_freq.size();
  args.magnitude = magnitude;
  pool_.parallel_ranges(positions.size(), [&](std::size_t begin, std::size_t end) {
    kernels::RopeTableArgs share = args;
    share.positions = positions.data() + begin;
    share.n_tokens = end - begin;
    share.cos = tables.cos.f32() + begin * args.half;
    share.sin = tables.sin.f32() + begin * args.half;
    table_->rope_table.run(share);
  });
}

void CpuBackend::rope(const TensorView& x, const RopeTables& tables) {
  for_row_ranges(x, [&](std::int64_t first, std::int64_t rows) {
    table_->rope.run(rope_args(x.row_slice(first, rows), tables.rows(first, rows)));
  });
}

void CpuBackend::append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                        const KvCacheView& cache) {
  kernels::KvAppendArgs args = append_args(keys, values, kv_view(cache));
  args.first_pos = first_position;
  table_->kv_append.run(args);
}

void CpuBackend::kv_append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                           const KvCacheView& cache) {
  for_row_ranges(keys, [&](std::int64_t first, std::int64_t rows) {
    append(keys.row_slice(first, rows), values.row_slice(first, rows), first_position + first, cache);
  });
}

void CpuBackend::rope_append_texts(const TensorView& q, const TensorView& k, const TensorView& v,
                                   const RopeTables& tables, std::span<const KvRows> texts) {
  // A step of many texts has a row of each, and a prompt many rows of one: rows are what all threads get.
  for_row_ranges(q, [&](std::int64_t first, std::int64_t rows) {
    for (const TensorView& x : {q, k})
      table_->rope.run(rope_args(x.row_slice(first, rows), tables.rows(first, rows)));
    std::int64_t row = 0;  // of a text's first
    for (const KvRows& text : texts) {
      const std::int64_t begin = std::max(first, row), end = std::min(first + rows, row + text.rows);
      if (begin < end) {
        append(k.row_slice(begin, end - begin), v.row_slice(begin, end - begin),
               text.first_position + begin - row, *text.cache);
      }
      row += text.rows;
    }
  });
}

void CpuBackend::kv_copy(const KvCacheView& from, std::int64_t first_position, std::int64_t end_position,
                         const KvCacheView& to) {
  const kernels::KvView source = kv_view(from), target = kv_view(to);
  for_each_slots(to, first_position, end_position, [&](std::int64_t first, std::int64_t slots) {
    for_each_stretch(
        first, slots, std::min(from.block_slots, to.block_slots),
        [&](std::int64_t slot, std::int64_t here) { copy_rows(source, target, count(slot), count(here)); });
  });
}

void CpuBackend::kv_read(const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
                         std::span<std::byte> bytes) {
  for_each_row(cache, first_slot, slots, [&](const std::byte* row, std::size_t offset, std::size_t size) {
    std::memcpy(bytes.data() + offset, row, size);
  });
}

void CpuBackend::kv_write(std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
                          const KvCacheView& cache) {
  for_each_row(cache, first_slot, slots, [&](std::byte* row, std::size_t offset, std::size_t size) {
    std::memcpy(row, bytes.data() + offset, size);
  });
}

void CpuBackend::attention(const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
                           const AttentionParams& params, const TensorView& dst) {
  kernels::AttentionArgs args = attention_args(q, q_sink, kv_view(cache), params, dst);
  args.n_parts = kernels::attention_parts(args);
  args.partial = partial_attention_.as<float>();
  const std::size_t calls = kernels::attention_items(args) * args.n_parts;
  shares_.reset(calls, 1);
  pool_.parallel([&](int thread, int) {
    kernels::AttentionArgs share = args;
    share.scratch = scratch_[count(thread)].data();
    while (const core::SharedRanges::Range range = shares_.take(count(thread))) {
      for (std::size_t call = range.begin; call < range.end; ++call) {
        share.item_begin = call / args.n_parts;
        share.item_end = share.item_begin + 1;
        share.part = call % args.n_parts;
        table_->attention.run(share);
      }
    }
  });
  if (args.n_parts > 1) table_->attention_merge.run(args);
}

void CpuBackend::gather_rows(const TensorView& src, std::span<const std::int64_t> rows,
                             const TensorView& dst) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(dst.f32() + i * count(dst.stride[0]), src.f32() + rows[i] * src.stride[0],
                count(src.columns()) * sizeof(float));
  }
}

}  // namespace transom::backend
