// SPDX-License-Identifier: Apache-2.0
/// The ordered lists of `linear`: fastest first, reference last.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/onednn/linear.h"
#include "kernels/cpu/reference/reference.h"
#include "kernels/cpu/simd/linear.h"

namespace transom::kernels {
namespace {

template <WeightType kType>
size_t reference_prepared_bytes(size_t k, size_t n_rows) {
  return reference::linear_prepared_bytes(kType, k, n_rows);
}
size_t one_item_per_row(size_t n_rows) { return n_rows; }
size_t no_scratch(size_t, size_t) { return 0; }

template <WeightType kType>
constexpr LinearKernel reference_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = kType;
  kernel.prepared_bytes = reference_prepared_bytes<kType>;
  kernel.prepare_items = one_item_per_row;
  kernel.prepare = reference::linear_prepare;
  kernel.scratch_bytes = no_scratch;
  kernel.run = reference::linear;
  return kernel;
}

constexpr LinearKernel kReference[] = {reference_kernel<WeightType::f32>("reference f32"),
                                       reference_kernel<WeightType::bf16>("reference bf16"),
                                       reference_kernel<WeightType::i8>("reference i8")};

struct Entry {
  WeightType type;
  Isa needs;
  const LinearKernel* decode;
  const LinearKernel* gemm;
};

constexpr Entry kEntries[] = {
    {WeightType::bf16, Isa::avx512_bf16, &avx512_bf16::kLinearBf16Decode, &avx512_bf16::kLinearBf16Gemm},
    {WeightType::i8, Isa::avx512_vnni, &avx512_vnni::kLinearI8Decode, &avx512_vnni::kLinearI8Gemm},
    {WeightType::f32, Isa::avx512, &avx512::kLinearF32Decode, &avx512::kLinearF32Gemm},
    {WeightType::bf16, Isa::avx512, &avx512::kLinearBf16Decode, &avx512::kLinearBf16Gemm},
    {WeightType::i8, Isa::avx512, &avx512::kLinearI8Decode, &avx512::kLinearI8Gemm},
    {WeightType::f32, Isa::avx2, &avx2::kLinearF32Decode, &avx2::kLinearF32Gemm},
    {WeightType::bf16, Isa::avx2, &avx2::kLinearBf16Decode, &avx2::kLinearBf16Gemm},
    {WeightType::i8, Isa::avx2, &avx2::kLinearI8Decode, &avx2::kLinearI8Gemm},
};

constexpr const char* kNoIsa[kIsaCount] = {"", "no avx2", "no avx512", "no avx512_vnni", "no avx512_bf16"};

void offer(LinearCandidates& candidates, const LinearKernel& kernel, const char* refusal) {
  candidates.list[candidates.count++] = {refusal == nullptr ? &kernel : nullptr, kernel.name, refusal};
}

void offer_onednn(LinearCandidates& candidates, Isa isa, WeightType type) {
  const LinearKernel* const kernels[] = {&onednn::kLinearF32, &onednn::kLinearBf16, &onednn::kLinearI8};
  const LinearKernel& kernel = *kernels[static_cast<int>(type)];
  const Isa needed = type == WeightType::bf16 ? Isa::avx512_bf16
                     : type == WeightType::i8 ? Isa::avx512_vnni
                                              : Isa::avx512;
  const char* refusal = nullptr;
  if (!onednn::available()) {
    refusal = "built without oneDNN";
  } else if (isa < needed) {
    refusal = kNoIsa[static_cast<int>(needed)];
  }
  offer(candidates, kernel, refusal);
}

/// Where oneDNN is faster than our own product. Measured on 2 cores of a Sapphire Rapids class Xeon without
/// AMX and BF16 in its cpuid, 2026-11, n 1536, shares of the peak (oneDNN 3.2 / own): f32 k 1536 512 rows 88
/// / 83 %, 32 rows 58 / 63 %; i8 512 rows 82 / 77 %, 32 rows 49 / 55 %; i8 k 8960 512 rows 77 / 77 %, 32 rows
/// 51 / 57 %. Ours is level or better over all and gives the same bits for any number of rows, so it goes
/// first. bf16 and AMX products are oneDNN's.
bool onednn_leads(WeightType type) {
  return type == WeightType::bf16 || (type == WeightType::i8 && has_amx_int8());
}

}  // namespace

LinearCandidates linear_candidates(Isa isa, WeightType type, LinearUse use) {
  LinearCandidates candidates;
  const bool onednn_first = onednn_leads(type);
  if (use == LinearUse::prefill && onednn_first) offer_onednn(candidates, isa, type);
  for (const Entry& entry : kEntries) {
    if (entry.type != type) continue;
    const LinearKernel& kernel = use == LinearUse::decode ? *entry.decode : *entry.gemm;
    offer(candidates, kernel, isa >= entry.needs ? nullptr : kNoIsa[static_cast<int>(entry.needs)]);
  }
  if (use == LinearUse::prefill && !onednn_first) offer_onednn(candidates, isa, type);
  offer(candidates, kReference[static_cast<int>(type)], nullptr);
  return candidates;
}

}  // namespace transom::kernels
