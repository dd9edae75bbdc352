// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/cpu_linear.h"

#include "backend/adapters/kernel_args.h"
#include "core/checks.h"
#include "core/count.h"
#include "transom/error.h"

namespace transom::backend {

using core::count;
using core::message;
using kernels::LinearUse;
using kernels::WeightType;

namespace {

// Rows for which prefill kernels build their state: the usual chunk. They serve any number of rows.
constexpr std::size_t kPrefillRows = 512;

}  // namespace

CpuLinear::CpuLinear(const LinearWeights& weights, const kernels::KernelTable& table, core::ThreadPool& pool,
                     WeightArena& arena)
    : input_order_(weights.input_order) {
  for (const WeightRows& part : weights.parts) rows += part.rows;
  cols = weights.cols;
  packed_.type = weight_type(weights);
  packed_.n = count(rows);
  packed_.k = count(cols);
  if (!weights.bias.empty()) {
    bias_ = weights.bias;
    bias_.resize(kernels::panel_count(packed_.n) * kernels::kPanelColumns, 0);
    packed_.bias = bias_.data();
  }
  if (kernels::is_integer(packed_.type)) set_groups(weights, packed_);
  allocate(arena, weights.integers.zero_points);
  if (kernels::is_integer(packed_.type)) {
    pack_integers(weights, table, pool);
  } else {
    pack_floats(weights, table, pool);
  }
  if (weights.activations == ActivationFormat::f32 && kernels::is_integer(packed_.type)) {
    decode_ = few_ = prefill_ = choose(table.isa, LinearUse::exact, "f32 activations");
    return;
  }
  decode_ = choose(table.isa, LinearUse::decode, "decode");
  few_ = choose(table.isa, LinearUse::few, "few rows");
  prefill_ = choose(table.isa, LinearUse::prefill, "prefill");
}

CpuLinear::~CpuLinear() {
  for (const Chosen& chosen : {decode_, few_, prefill_}) {
    if (chosen.state != nullptr) chosen.kernel->destroy(chosen.state);
  }
}

void CpuLinear::allocate(WeightArena& arena, bool zero_points) {
  const std::size_t values = kernels::packed_bytes(packed_.type, packed_.n, packed_.k);
  std::size_t scales = 0, zeros = 0;
  if (kernels::is_integer(packed_.type)) {
    const std::size_t count = kernels::panel_count(packed_.n) * packed_.groups * kernels::kPanelColumns;
    scales = count * kernels::scale_size(packed_.scale_type);
    zeros = zero_points ? count : 0;
  }
  bytes = static_cast<std::int64_t>(values + scales + zeros);
  memory_ = arena.allocate(count(bytes));
  packed_.data = memory_.data;
  if (scales > 0) packed_.scale = memory_.data + values;
  if (zeros > 0) packed_.zero = reinterpret_cast<const std::uint8_t*>(memory_.data + values + scales);
}

CpuLinear::Chosen CpuLinear::choose(kernels::Isa isa, LinearUse use, const char* use_name) {
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
