// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/embed.h"

#include "kernels/common/bf16.h"
#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

using kernels::TableType;

constexpr std::size_t kVocab = 5;

template <class T>
void check_embed(TableType type, std::size_t n, bool aligned, T (*element)(float)) {
  std::vector<T> table(kVocab * n);
  testing::Random random(n);
  for (T& x : table) x = element(random.next());
  const std::vector<std::int32_t> ids = {4, 0, 4};
  Rows expected(n, aligned);
  const DeviceArray<T> device_table(table, aligned ? 0 : 1);
  const DeviceArray<std::int32_t> device_ids(ids);
  DeviceArray<float> device_dst = expected.on_device();
  kernels::EmbedArgs args{table.data(),      type,    ids.data(), expected.data(),
                          expected.stride(), kTokens, n,          0.3f};
  kernels::reference::embed(args);
  args.table = device_table.data();
  args.ids = device_ids.data();
  args.dst = device_dst.data();
  finish(kernels::cuda::launch_embed(args, nullptr));
  CHECK(device_dst.download() == expected.values());
}

void check_all_types(std::size_t n, bool aligned) {
  check_embed<float>(TableType::f32, n, aligned, [](float x) { return x; });
  check_embed<std::uint16_t>(TableType::bf16, n, aligned, kernels::f32_to_bf16);
  check_embed<std::uint16_t>(TableType::f16, n, aligned, kernels::f32_to_f16);
}

}  // namespace

TEST_CASE("embed on odd sizes, tables of every type", "[sanitizer]") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t n : kSizes) {
      INFO("hidden " << n << (aligned ? "" : " misaligned"));
      check_all_types(n, aligned);
    }
  }
  finish(kernels::cuda::launch_embed({}, nullptr));
}

TEST_CASE("embed reads and writes whole sectors") {
  forget_counts();
  check_all_types(4096, true);
  check_coalesced("embed");
}

}  // namespace transom::cuda_on_host
