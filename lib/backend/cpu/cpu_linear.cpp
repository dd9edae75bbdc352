// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/cpu_linear.h"

#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

using core::message;
using kernels::WeightType;

namespace {

// Rows for which prefill kernels build their state: the usual chunk. They serve any number of rows.
constexpr std::size_t kPrefillRows = 512;

WeightType packed_type(WeightFormat format) {
  switch (format) {
    case WeightFormat::f32:
      return WeightType::f32;
    case WeightFormat::bf16:
      return WeightType::bf16;
    case WeightFormat::integer:
      return WeightType::i8;
  }
  return WeightType::f32;
}

kernels::SourceType source_type(const LinearWeights& weights) {
  switch (weights.parts.front().dtype) {
    case DType::f32:
      return kernels::SourceType::f32;
    case DType::bf16:
      return kernels::SourceType::bf16;
    case DType::f16:
      return kernels::SourceType::f16;
    default:
      break;
  }
  throw UnsupportedError(
      message(weights.name, ": cannot prepare weights of dtype ", dtype_name(weights.parts.front().dtype)));
}

/// The address of every output row.
std::vector<const void*> row_pointers(const LinearWeights& weights) {
  std::vector<const void*> rows;
  for (const WeightRows& part : weights.parts) {
    const auto step = weights.cols * static_cast<std::int64_t>(dtype_size(part.dtype));
    for (std::int64_t row = 0; row < part.rows; ++row) rows.push_back(part.data + row * step);
  }
  return rows;
}

}  // namespace

CpuLinear::CpuLinear(const LinearWeights& weights, kernels::Isa isa, const kernels::KernelTable& table,
                     core::ThreadPool& pool) {
  for (const WeightRows& part : weights.parts) rows += part.rows;
  cols = weights.cols;
  packed_.type = packed_type(weights.format);
  packed_.n = static_cast<std::size_t>(rows);
  packed_.k = static_cast<std::size_t>(cols);
  pack(weights, table, pool);
  decode_ = choose(isa, kernels::LinearUse::decode, "decode");
  prefill_ = choose(isa, kernels::LinearUse::prefill, "prefill");
}

CpuLinear::~CpuLinear() {
  for (const Chosen& chosen : {decode_, prefill_}) {
    if (chosen.state != nullptr) chosen.kernel->destroy(chosen.state);
  }
}

void CpuLinear::pack(const LinearWeights& weights, const kernels::KernelTable& table,
                     core::ThreadPool& pool) {
  const std::size_t panels = kernels::panel_count(packed_.n);
  const std::size_t padded = panels * kernels::kPanelColumns;
  data_ = core::Buffer(kernels::packed_bytes(packed_.type, packed_.n, packed_.k), "weights");
  packed_.data = data_.data();
  bytes = static_cast<std::int64_t>(data_.size());
  if (packed_.type == WeightType::i8) {
    scale_.assign(padded, 0);
    column_sum_.assign(padded, 0);
    packed_.scale = scale_.data();
    packed_.column_sum = column_sum_.data();
    bytes += static_cast<std::int64_t>(padded * (sizeof(float) + sizeof(std::int32_t)));
  }
  if (!weights.bias.empty()) {
    bias_ = weights.bias;
    bias_.resize(padded, 0);
    packed_.bias = bias_.data();
  }
  const std::vector<const void*> row_list = row_pointers(weights);
  kernels::PackArgs args;
  args.rows = row_list.data();
  args.source = source_type(weights);
  args.type = packed_.type;
  args.n = packed_.n;
  args.k = packed_.k;
  args.data = data_.data();
  args.scale = scale_.empty() ? nullptr : scale_.data();
  args.column_sum = column_sum_.empty() ? nullptr : column_sum_.data();
  pool.run([&] {
    pool.parallel_ranges(panels, [&](std::size_t begin, std::size_t end) {
      kernels::PackArgs share = args;
      share.panel_begin = begin;
      share.panel_end = end;
      table.pack.run(share);
    });
  });
}

CpuLinear::Chosen CpuLinear::choose(kernels::Isa isa, kernels::LinearUse use, const char* use_name) {
  const kernels::LinearCandidates candidates = kernels::linear_candidates(isa, packed_.type, use);
  choice += message(choice.empty() ? "" : "; ", use_name, ":");
  for (std::size_t i = 0; i < candidates.count; ++i) {
    const kernels::LinearCandidate& candidate = candidates.list[i];
    Chosen chosen{candidate.kernel, nullptr};
    const char* refusal = candidate.refusal;
    if (refusal == nullptr && candidate.kernel->create != nullptr) {
      refusal = candidate.kernel->create(packed_, kPrefillRows, &chosen.state);
    }
    if (refusal == nullptr) {
      choice += message(" ", candidate.name);
      return chosen;
    }
    choice += message(" not ", candidate.name, " (", refusal, "),");
  }
  throw UnsupportedError(message("no kernel serves this weight: ", choice));
}

}  // namespace transom::backend
