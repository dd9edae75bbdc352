// SPDX-License-Identifier: Apache-2.0
/// The ordered lists of `linear`: fastest first, reference last.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/onednn/linear.h"
#include "kernels/cpu/reference/reference.h"
#include "kernels/cpu/simd/linear.h"

namespace transom::kernels {
namespace {

size_t nothing(const PackedWeight&, size_t) { return 0; }
size_t one_item_per_row(size_t n_rows) { return n_rows; }
void prepare_nothing(const LinearArgs&, size_t, size_t) {}

constexpr LinearKernel float_reference(const char* name, WeightType type, void (*run)(const LinearArgs&)) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = type;
  kernel.prepared_bytes = nothing;
  kernel.prepare_items = one_item_per_row;
  kernel.prepare = prepare_nothing;
  kernel.scratch_bytes = nothing;
  kernel.run = run;
  return kernel;
}

constexpr LinearKernel integer_reference(const char* name, WeightType type) {
  LinearKernel kernel = float_reference(name, type, reference::linear_integer);
  kernel.prepared_bytes = reference::linear_integer_prepared_bytes;
  kernel.prepare = reference::linear_integer_prepare;
  return kernel;
}

// By WeightType.
constexpr LinearKernel kReference[kWeightTypeCount] = {
    float_reference("reference f32", WeightType::f32, reference::linear),
    float_reference("reference bf16", WeightType::bf16, reference::linear),
    integer_reference("reference i8", WeightType::i8),
    integer_reference("reference i4", WeightType::i4),
    integer_reference("reference i3", WeightType::i3),
    integer_reference("reference i2", WeightType::i2)};
constexpr LinearKernel kExactReference[kWeightTypeCount] = {
    {},
    {},
    float_reference("reference i8 exact", WeightType::i8, reference::linear_exact),
    float_reference("reference i4 exact", WeightType::i4, reference::linear_exact),
    float_reference("reference i3 exact", WeightType::i3, reference::linear_exact),
    float_reference("reference i2 exact", WeightType::i2, reference::linear_exact)};

struct Entry {
  Isa needs;
  const LinearKernel* decode;  // or null: the set has none of its own
  const LinearKernel* gemm;
};

constexpr Entry kEntries[] = {
    {Isa::amx, nullptr, &amx::kLinearI8Gemm},
    {Isa::amx, nullptr, &amx::kLinearI4Gemm},
    {Isa::amx, nullptr, &amx::kLinearI3Gemm},
    {Isa::amx, nullptr, &amx::kLinearI2Gemm},
    {Isa::avx512_bf16, &avx512_bf16::kLinearBf16Decode, &avx512_bf16::kLinearBf16Gemm},
    {Isa::avx512_vnni, &avx512_vnni::kLinearI8Decode, &avx512_vnni::kLinearI8Gemm},
    {Isa::avx512_vnni, &avx512_vnni::kLinearI4Decode, &avx512_vnni::kLinearI4Gemm},
    {Isa::avx512_vnni, &avx512_vnni::kLinearI3Decode, &avx512_vnni::kLinearI3Gemm},
    {Isa::avx512_vnni, &avx512_vnni::kLinearI2Decode, &avx512_vnni::kLinearI2Gemm},
    {Isa::avx512, &avx512::kLinearF32Decode, &avx512::kLinearF32Gemm},
    {Isa::avx512, &avx512::kLinearBf16Decode, &avx512::kLinearBf16Gemm},
    {Isa::avx512, &avx512::kLinearI8Decode, &avx512::kLinearI8Gemm},
    {Isa::avx512, &avx512::kLinearI4Decode, &avx512::kLinearI4Gemm},
    {Isa::avx512, &avx512::kLinearI3Decode, &avx512::kLinearI3Gemm},
    {Isa::avx512, &avx512::kLinearI2Decode, &avx512::kLinearI2Gemm},
    {Isa::avx_vnni, &avx_vnni::kLinearI8Decode, &avx_vnni::kLinearI8Gemm},
    {Isa::avx_vnni, &avx_vnni::kLinearI4Decode, &avx_vnni::kLinearI4Gemm},
    {Isa::avx_vnni, &avx_vnni::kLinearI3Decode, &avx_vnni::kLinearI3Gemm},
    {Isa::avx_vnni, &avx_vnni::kLinearI2Decode, &avx_vnni::kLinearI2Gemm},
    {Isa::avx2, &avx2::kLinearF32Decode, &avx2::kLinearF32Gemm},
    {Isa::avx2, &avx2::kLinearBf16Decode, &avx2::kLinearBf16Gemm},
    {Isa::avx2, &avx2::kLinearI8Decode, &avx2::kLinearI8Gemm},
    {Isa::avx2, &avx2::kLinearI4Decode, &avx2::kLinearI4Gemm},
    {Isa::avx2, &avx2::kLinearI3Decode, &avx2::kLinearI3Gemm},
    {Isa::avx2, &avx2::kLinearI2Decode, &avx2::kLinearI2Gemm},
};

struct ExactEntry {
  Isa needs;
  const LinearKernel* kernel;
};

constexpr ExactEntry kExactEntries[] = {
    {Isa::avx512, &avx512::kLinearI8Exact}, {Isa::avx512, &avx512::kLinearI4Exact},
    {Isa::avx512, &avx512::kLinearI3Exact}, {Isa::avx512, &avx512::kLinearI2Exact},
    {Isa::avx2, &avx2::kLinearI8Exact},     {Isa::avx2, &avx2::kLinearI4Exact},
    {Isa::avx2, &avx2::kLinearI3Exact},     {Isa::avx2, &avx2::kLinearI2Exact},
};

constexpr const char* kNoIsa[kIsaCount] = {
    "", "no avx2", "no avx_vnni", "no avx512", "no avx512_vnni", "no avx512_bf16", "no amx"};

void offer(LinearCandidates& candidates, const LinearKernel& kernel, const char* refusal) {
  candidates.list[candidates.count++] = {refusal == nullptr ? &kernel : nullptr, kernel.name, refusal};
}

void offer_for(LinearCandidates& candidates, const LinearKernel& kernel, Isa isa, Isa needed) {
  offer(candidates, kernel, includes(isa, needed) ? nullptr : kNoIsa[static_cast<int>(needed)]);
}

void offer_onednn(LinearCandidates& candidates, Isa isa, WeightType type) {
  const LinearKernel* const kernels[] = {&onednn::kLinearF32, &onednn::kLinearBf16, &onednn::kLinearI8};
  constexpr Isa kNeeds[] = {Isa::avx512, Isa::avx512_bf16, Isa::avx512_vnni};
  if (type > WeightType::i8) return;
  const LinearKernel& kernel = *kernels[static_cast<int>(type)];
  if (!onednn::available()) return offer(candidates, kernel, "built without oneDNN");
  offer_for(candidates, kernel, isa, kNeeds[static_cast<int>(type)]);
}

/// Where oneDNN is faster than our own product. Measured on 2 cores of a Sapphire Rapids class Xeon without
/// AMX and BF16 in its cpuid, 2026-11, n 1536, shares of the peak (oneDNN 3.2 / own): f32 k 1536 512 rows 88
/// / 83 %, 32 rows 58 / 63 %; i8 512 rows 82 / 77 %, 32 rows 49 / 55 %; i8 k 8960 512 rows 77 / 77 %, 32 rows
/// 51 / 57 %. Ours is level or better over all and gives the same bits for any number of rows, so it goes
/// first. bf16 products of many rows are oneDNN's.
bool onednn_leads(WeightType type) { return type == WeightType::bf16; }

}  // namespace

LinearCandidates linear_candidates(Isa isa, WeightType type, LinearUse use) {
  LinearCandidates candidates;
  const int index = static_cast<int>(type);
  if (use == LinearUse::exact) {
    if (!is_integer(type)) return candidates;
    for (const ExactEntry& entry : kExactEntries) {
      if (entry.kernel->type == type) offer_for(candidates, *entry.kernel, isa, entry.needs);
    }
    offer(candidates, kExactReference[index], nullptr);
    return candidates;
  }
  const bool onednn_first = onednn_leads(type);
  if (use == LinearUse::prefill && onednn_first) offer_onednn(candidates, isa, type);
  for (const Entry& entry : kEntries) {
    // Where there are tiles for bf16, vdpbf16ps has half the rate of f32 FMA, which also leaves rows as they
    // are.
    if (entry.needs == Isa::avx512_bf16 && isa == Isa::amx) continue;
    const LinearKernel* kernel = use == LinearUse::decode ? entry.decode : entry.gemm;
    if (kernel != nullptr && kernel->type == type) offer_for(candidates, *kernel, isa, entry.needs);
  }
  if (use == LinearUse::prefill && !onednn_first) offer_onednn(candidates, isa, type);
  offer(candidates, kReference[index], nullptr);
  return candidates;
}

}  // namespace transom::kernels
