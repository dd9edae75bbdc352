// SPDX-License-Identifier: Apache-2.0
// What a log stride and ages 2^k see beyond the window, on CUDA.
#include <vector>

#include "tests/cuda_on_host/ops/attention_problem.h"

namespace transom::cuda_on_host {
namespace {

using Kernel = DeviceLayer::Kernel;
constexpr KvType kTypes[] = {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3};

TEST_CASE("attention on CUDA with a log stride agrees with its definition") {
  for (const KvType type : kTypes) {
    for (const std::int64_t window : {1, 5, 16, 33}) {
      if (type != KvType::bf16 && window != 16) continue;
      Setup s;
      s.type = type;
      s.window = window;
      s.n_heads = window == 1 ? 2 : window == 5 ? 12 : window == 16 ? 18 : 6;
      s.head_dim = window == 16 ? 80 : 16;
      s.soft_cap = window == 5 ? 1.5f : 0.0f;
      // The last level ends before the text does: what is older is seen no more.
      s.n_levels = window == 33 ? 2 : 4;
      constexpr std::size_t kChunk = 40;
      s.level_slots = static_cast<std::size_t>(window) + (kChunk + 1) / 2;
      s.capacity = static_cast<std::size_t>(window) - 1 + kChunk + s.n_levels * s.level_slots;
      check_attention(s, {{40, 40, 1, 40, 3, 17, 1}}, window == 16);
      check_attention(s, {{40, 3}, 158, Kernel::tiles}, window != 16);
      check_attention(s, {{17, 1}, 158, Kernel::rows}, true);
      check_attention(s, {{2}, 158, Kernel::any}, true);
    }
  }
}

TEST_CASE("attention on CUDA to ages 2^k agrees with its definition") {
  for (const KvType type : kTypes) {
    // Windows on both sides of a power of two.
    for (const std::int64_t window : {1, 2, 5, 16, 17, 33, 300}) {
      if (type != KvType::bf16 && window != 17) continue;
      Setup s;
      s.type = type;
      s.power_ages = true;
      s.capacity = 300;
      s.window = window;
      s.head_dim = window == 17 ? 80 : 16;
      s.n_heads = window == 33 ? 2 : 6;
      s.soft_cap = window == 5 ? 1.5f : 0.0f;
      s.block_slots = window == 16 ? 256 : 64;
      check_attention(s, {{40, 1, 65, 3, 1}, 100}, window % 2 == 0);
      check_attention(s, {{65, 1}, 129, Kernel::tiles}, true);
      check_attention(s, {{17, 4, 1}, 210, Kernel::rows}, true);
      check_attention(s, {{2}, 230, Kernel::any}, true);
    }
  }
}

}  // namespace
}  // namespace transom::cuda_on_host
