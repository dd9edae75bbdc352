// SPDX-License-Identifier: Apache-2.0
/// The ordered lists of `linear`: fastest first, reference last.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/reference/reference.h"

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

void offer(LinearCandidates& candidates, const LinearKernel& kernel, const char* refusal) {
  candidates.list[candidates.count++] = {refusal == nullptr ? &kernel : nullptr, kernel.name, refusal};
}

}  // namespace

LinearCandidates linear_candidates(Isa /*isa*/, WeightType type, LinearUse /*use*/) {
  LinearCandidates candidates;
  offer(candidates, kReference[static_cast<int>(type)], nullptr);
  return candidates;
}

}  // namespace transom::kernels
