// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kernel_table.h"

#include <stdlib.h>

#include "kernels/cpu/reference/reference.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/ops.h"

namespace transom::kernels {
namespace {

void set_avx2(KernelTable& table) {
  table.quantize_rows = {avx2::quantize_rows, Isa::avx2};
  table.rms_norm = {avx2::rms_norm, Isa::avx2};
  table.rope = {avx2::rope, Isa::avx2};
  table.kv_append = {avx2::kv_append, Isa::avx2};
  table.attention = {avx2::attention, Isa::avx2};
  table.attention_merge = {avx2::attention_merge, Isa::avx2};
  table.gated_mul = {avx2::gated_mul, Isa::avx2};
  table.add = {avx2::add, Isa::avx2};
  table.embed = {avx2::embed, Isa::avx2};
}

void set_avx512(KernelTable& table) {
  table.quantize_rows = {avx512::quantize_rows, Isa::avx512};
  table.rms_norm = {avx512::rms_norm, Isa::avx512};
  table.rope = {avx512::rope, Isa::avx512};
  table.kv_append = {avx512::kv_append, Isa::avx512};
  table.attention = {avx512::attention, Isa::avx512};
  table.attention_merge = {avx512::attention_merge, Isa::avx512};
  table.gated_mul = {avx512::gated_mul, Isa::avx512};
  table.add = {avx512::add, Isa::avx512};
  table.embed = {avx512::embed, Isa::avx512};
}

KernelTable make_table(Isa isa) {
  KernelTable table;
  table.isa = isa;
  table.pack = {reference::pack, Isa::scalar};
  table.pack_integers = {reference::pack_integers, Isa::scalar};
  table.quantize_rows = {reference::quantize_rows, Isa::scalar};
  table.rms_norm = {reference::rms_norm, Isa::scalar};
  table.rope_table = {reference::rope_table, Isa::scalar};
  table.rope = {reference::rope, Isa::scalar};
  table.kv_append = {reference::kv_append, Isa::scalar};
  table.attention = {reference::attention, Isa::scalar};
  table.attention_merge = {reference::attention_merge, Isa::scalar};
  table.gated_mul = {reference::gated_mul, Isa::scalar};
  table.add = {reference::add, Isa::scalar};
  table.embed = {reference::embed, Isa::scalar};
  if (includes(isa, Isa::avx2)) set_avx2(table);
  if (includes(isa, Isa::avx512)) set_avx512(table);
  if (includes(isa, Isa::avx512_vnni)) table.attention = {avx512_vnni::attention, Isa::avx512_vnni};
  if (includes(isa, Isa::avx512_bf16)) table.attention = {avx512_bf16::attention, Isa::avx512_bf16};
  if (includes(isa, Isa::amx)) table.attention = {amx::attention, Isa::amx};
  return table;
}

}  // namespace

const KernelTable& kernel_table(Isa isa) {
  static const KernelTable tables[kIsaCount] = {make_table(Isa::scalar),      make_table(Isa::avx2),
                                                make_table(Isa::avx_vnni),    make_table(Isa::avx512),
                                                make_table(Isa::avx512_vnni), make_table(Isa::avx512_bf16),
                                                make_table(Isa::amx)};
  return tables[static_cast<int>(isa)];
}

KernelSelection select_isa(const char* wanted) {
  const Isa best = best_isa();
  if (wanted == nullptr || wanted[0] == '\0') return {best, nullptr};
  Isa isa = Isa::scalar;
  if (!isa_from_name(wanted, &isa)) {
    return {best,
            "unknown instruction set; known: scalar, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16, amx"};
  }
  if (!has_isa(isa)) return {best, "instruction set not supported by this processor or its system"};
  return {isa, nullptr};
}

KernelSelection select_isa_from_environment() { return select_isa(getenv("TRANSOM_CPU_ISA")); }

}  // namespace transom::kernels
