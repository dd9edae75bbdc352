// SPDX-License-Identifier: Apache-2.0
// What attention on CUDA costs, and how it is dealt out.
#include <vector>

#include "kernels/cuda/attention_cost.h"
#include "tests/cuda_on_host/ops/attention_problem.h"
#include "tests/cuda_on_host/small_device.h"

namespace transom::cuda_on_host {
namespace {

using Kernel = DeviceLayer::Kernel;

void check_accesses() {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t head_dim : {64, 96, 128, 256}) {
      Setup s;
      s.type = type;
      s.head_dim = head_dim;
      s.n_heads = 2;
      s.n_kv_heads = 1;
      s.capacity = 192;
      const Inputs inputs = make_inputs(s, 168, false);
      forget_counts();
      for (const Kernel kernel : {Kernel::tiles, Kernel::rows}) {
        DeviceLayer layer(s, kernel);
        run_chunks(layer, s, inputs, 127, {1, 40});  // pieces of 16 keys and of 8
      }
      for (const char* name : {"attention_tiles", "attention_rows"}) {
        INFO("head_dim " << head_dim << " type " << static_cast<int>(type) << "\n" << describe_counts(name));
        const Tally shared =
            counts(name, {Use::load_shared, Use::store_shared, Use::ldmatrix, Use::copy_to_shared});
        CHECK(shared.accesses > 0);
        CHECK(shared.conflicts == 0);
        const Tally cache = counts(name, {Use::copy_from_global});
        CHECK(cache.sectors > 0);
        CHECK(cache.sectors == cache.least_sectors);
      }
    }
  }
}

TEST_CASE("attention on CUDA has no bank conflicts, and reads whole sectors of the cache") {
  check_accesses();
  const SmallDevice small;
  check_accesses();
}

TEST_CASE("attention on CUDA is taken by the kernel that it suits") {
  Setup s;
  s.type = KvType::i8;
  s.head_dim = 128;
  s.n_heads = 28;
  s.n_kv_heads = 4;
  DeviceLayer layer(s, Kernel::automatic);
  const auto kernel = [&](std::size_t n_tokens, auto change) {
    AttentionArgs args = layer.arguments(n_tokens);
    change(args);
    return kernels::cuda::attention_kernel(args);
  };
  const auto as_it_is = [](AttentionArgs&) {};
  CHECK(kernel(1, as_it_is) == AttentionKernel::rows);
  CHECK(kernel(9, as_it_is) == AttentionKernel::rows);
  CHECK(kernel(10, as_it_is) == AttentionKernel::tiles);
  CHECK(kernel(512, [](AttentionArgs& args) { args.kv.scales_apart = false; }) == AttentionKernel::any);
  CHECK(kernel(512, [](AttentionArgs& args) { args.q_stride += 2; }) == AttentionKernel::any);
  CHECK(kernel(512, [](AttentionArgs& args) { args.kv.head_dim = 272; }) == AttentionKernel::any);
  CHECK(kernel(512, [](AttentionArgs& args) { args.kv.head_dim = 120; }) == AttentionKernel::any);
}

TEST_CASE("the grid of a step of attention on CUDA depends on capacities alone") {
  AttentionArgs args;
  args.kv.head_dim = 128;
  args.kv.n_kv_heads = 8;
  args.n_heads = 32;
  args.n_tokens = 1;
  args.kv.capacity = 131072;
  kernels::cuda::AttentionRowsPlan plan = kernels::cuda::plan_attention_rows(args);
  CHECK((plan.dim == 128 && plan.row_tiles == 1 && plan.blocks == 1 && plan.parts == 33));
  const std::size_t one = kernels::cuda::attention_scratch_bytes(args);
  args.n_tokens = 16;
  plan = kernels::cuda::plan_attention_rows(args);
  CHECK((plan.row_tiles == 2 && plan.blocks == 2 && plan.parts == 33));
  CHECK(kernels::cuda::attention_scratch_bytes(args) > one);
  args.window = 1024;
  CHECK(kernels::cuda::plan_attention_rows(args).parts == 5);
  args.kv.capacity = 64;
  CHECK(kernels::cuda::plan_attention_rows(args).parts == 1);
}

TEST_CASE("the cost of attention counts visible keys") {
  AttentionArgs args;
  args.kv.type = KvType::bf16;
  args.kv.head_dim = 100;
  args.kv.n_kv_heads = 2;
  args.kv.capacity = 1000;
  args.n_heads = 6;
  args.n_tokens = 3;
  args.first_pos = 10;
  kernels::cuda::AttentionCost cost = kernels::cuda::attention_cost(args);
  CHECK(cost.operations == 4.0 * (11 + 12 + 13) * 600);
  CHECK(cost.bytes == 2.0 * 13 * 2 * 200 + 2.0 * 3 * 600 * 4);
  args.window = 4;
  cost = kernels::cuda::attention_cost(args);
  CHECK(cost.operations == 4.0 * 12 * 600);
  CHECK(cost.bytes == 2.0 * 6 * 2 * 200 + 2.0 * 3 * 600 * 4);
}

}  // namespace
}  // namespace transom::cuda_on_host
