// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/ops/attention_problem.h"
#include "tests/cuda_on_host/ops/captured_launch.h"
#include "tests/cuda_on_host/small_device.h"

namespace transom::cuda_on_host {
namespace {

using Kernel = DeviceLayer::Kernel;
constexpr KvType kTypes[] = {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3};

/// The least multiple of head_dim that kernels on tensor cores take.
std::size_t dim_step(KvType type) { return type == KvType::f32 ? 4 : type == KvType::bf16 ? 8 : 16; }

TEST_CASE("attention on CUDA over head dimensions", "[sanitizer]") {
  for (const KvType type : kTypes) {
    const std::size_t step = dim_step(type);
    for (const std::size_t head_dim : {step, std::size_t{48}, std::size_t{64}, 64 + step, std::size_t{96},
                                       96 + step, std::size_t{128}, 128 + step, std::size_t{256}}) {
      Setup s;
      s.type = type;
      s.head_dim = head_dim;
      s.capacity = 150;
      check_attention(s, {{67}, 11, Kernel::tiles});
      check_attention(s, {{1, 3}, 73, Kernel::rows});
      check_attention(s, {{20}, 3, Kernel::rows});
    }
  }
}

TEST_CASE("attention on CUDA fits devices with little shared memory") {
  const SmallDevice small;
  for (const KvType type : kTypes) {
    for (const std::size_t head_dim : {64, 96, 128, 256}) {
      Setup s;
      s.type = type;
      s.head_dim = head_dim;
      s.capacity = 700;
      check_attention(s, {{4}, 620, Kernel::rows}, type == KvType::bf16);  // over several blocks
      s.window = 130;
      s.n_sinks = 3;
      s.sink_queries = true;
      s.capacity = s.n_sinks + 130 - 1 + 90;
      check_attention(s, {{90, 70}, 101, Kernel::tiles}, type == KvType::bf16);
      check_attention(s, {{1, 7, 20}, 101, Kernel::rows}, type == KvType::bf16);
    }
  }
}

TEST_CASE("attention on CUDA takes what is odd", "[sanitizer]") {
  for (const KvType type : kTypes) {
    for (const std::size_t head_dim : {1, 7, 18, 33, 300}) {
      Setup s;
      s.type = type;
      s.head_dim = head_dim;
      s.capacity = 100;
      check_attention(s, {{3, 1}, 66});
    }
  }
  Setup s;
  s.head_dim = 30;
  DeviceLayer layer(s, Kernel::automatic);
  run_chunks(layer, s, make_inputs(s, 2, true), 0, {2});
  CHECK(layer.used() == std::vector<AttentionKernel>{AttentionKernel::any});
}

TEST_CASE("attention on CUDA over groups of heads") {
  for (const KvType type : kTypes) {
    for (const std::size_t group : {1, 2, 3, 6, 7, 8, 33}) {
      if (type != KvType::bf16 && group != 7) continue;
      Setup s;
      s.type = type;
      s.n_heads = 2 * group;
      s.head_dim = 32;
      s.capacity = 200;
      check_attention(s, {{40, 1, 2, 4, 9}, 60});
    }
  }
}

void check_ring(KvType type, std::size_t sinks, std::int64_t window) {
  Setup s;
  s.type = type;
  s.window = window;
  s.n_sinks = sinks;
  s.head_dim = sinks == 4 ? 48 : 16;
  s.n_heads = window == 1 ? 2 : window == 4 ? 12 : window == 63 ? 18 : 4;
  s.soft_cap = sinks == 4 ? 1.5f : 0.0f;
  s.sink_queries = sinks != 1;
  s.block_slots = window == 64 ? 256 : 64;
  s.capacity = sinks + static_cast<std::size_t>(window) - 1 + 40;
  const std::size_t skipped = window % 2 == 0 ? 0 : 31;  // so that chunks begin at other slots
  check_attention(s, {{40, 1, 40, 3, 40, 1}, skipped}, true);
  check_attention(s, {{40, 3}, 117, Kernel::tiles}, false);
  check_attention(s, {{40, 1}, 117, Kernel::rows}, false);
}

TEST_CASE("attention on CUDA wraps the ring, keeps sinks, bends scores") {
  for (const std::size_t sinks : {0, 1, 4, 70}) {
    for (const std::int64_t window : {1, 4, 63, 64, 65}) check_ring(KvType::bf16, sinks, window);
  }
  for (const KvType type : {KvType::f32, KvType::i8, KvType::e4m3}) {
    check_ring(type, 4, 65);
    check_ring(type, 70, 4);
  }
}

TEST_CASE("attention on CUDA of many tokens, in many tiles of rows") {
  for (const KvType type : kTypes) {
    for (const std::int64_t window : {0, 67, 150}) {
      Setup s;
      s.type = type;
      s.head_dim = 64;
      s.n_kv_heads = 1;
      s.n_heads = window == 67 ? 5 : 3;
      s.window = window;
      s.n_sinks = window == 67 ? 3 : 0;
      s.sink_queries = window == 67;
      s.capacity = window == 0 ? 330 : s.n_sinks + static_cast<std::size_t>(window) - 1 + 157;
      check_attention(s, {{157, 33}, 140}, type == KvType::bf16);
    }
  }
}

TEST_CASE("attention on CUDA leaves out masks only where every query sees every key") {
  Setup s;
  s.type = KvType::bf16;
  s.head_dim = 16;
  s.n_heads = s.n_kv_heads = 1;
  s.capacity = 300;
  // Windows and causal ends that fall on the begin of a key tile, and beside it, for the first query and for
  // the last.
  for (const std::int64_t window : {0, 128}) {
    s.window = window;
    for (const std::size_t first : {126, 127, 128, 129, 159, 160, 161, 192})
      check_attention(s, {{33}, first, Kernel::tiles}, true);
  }
}

TEST_CASE("attention on CUDA splits long contexts over blocks", "[sanitizer]") {
  for (const KvType type : kTypes) {
    for (const std::int64_t window : {0, 1100}) {
      Setup s;
      s.type = type;
      s.head_dim = type == KvType::f32 ? 256 : 64;
      s.n_kv_heads = 1;
      s.n_heads = 6;
      s.window = window;
      s.n_sinks = window > 0 ? 5 : 0;
      s.sink_queries = window > 0;
      s.capacity = window > 0 ? s.n_sinks + 1100 + 3 : 3000;
      // Keys of one block, two, five.
      for (const std::size_t skipped : {255, 300, 1201})
        check_attention(s, {{1, 4}, skipped}, skipped == 300);
    }
  }
}

/// A step of one token in a cache of `capacity`, with a place for its results.
struct Step {
  Step(const Setup& setup, std::size_t tokens)
      : inputs(make_inputs(setup, tokens, false)),
        layer(setup, Kernel::automatic),
        q(setup.n_heads * setup.head_dim),
        dst(q.size()),
        args(layer.arguments(1)),
        scratch(std::vector<unsigned char>(kernels::cuda::attention_scratch_bytes(args), 0)) {
    args.q = q.data();
    args.dst = dst.data();
    args.scratch = scratch.data();
  }
  Inputs inputs;
  DeviceLayer layer;
  DeviceArray<float> q, dst;
  AttentionArgs args;
  DeviceArray<unsigned char> scratch;
};

TEST_CASE("a captured step of attention on CUDA follows the text, and leaves its counters at zero") {
  Setup s;
  s.type = KvType::bf16;
  s.head_dim = 64;
  s.n_kv_heads = 2;
  s.capacity = 1500;
  s.scale = exact_scale(0);
  constexpr std::size_t kTokens = 1300;
  const std::size_t width = s.n_heads * s.head_dim, kv_width = s.n_kv_heads * s.head_dim;
  Step step(s, kTokens);
  std::size_t end = 0;
  const auto go_to = [&](std::size_t pos) {
    step.layer.append(tokens(step.inputs.k, kv_width, end, pos + 1 - end),
                      tokens(step.inputs.v, kv_width, end, pos + 1 - end));
    end = pos + 1;
    step.layer.set_position(static_cast<std::int64_t>(pos));
    step.q.upload(tokens(step.inputs.q, width, pos, 1));
  };
  go_to(0);
  CapturedLaunch captured([&](cudaStream_t stream) {
    return kernels::cuda::launch_attention(step.args, step.layer.position(), stream);
  });
  const std::vector<float> expected = testing::by_definition(s, step.inputs.q, step.inputs.k, step.inputs.v);
  for (const std::size_t pos : {0, 63, 64, 700, 1299}) {
    INFO("position " << pos);
    if (pos > 0) go_to(pos);
    captured.run();
    const std::vector<float> dst = step.dst.download();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < width; ++i)
      wrong += !testing::close(double{dst[i]}, double{expected[pos * width + i]},
                               allowed_error(s, false, pos + 1));
    CHECK(wrong == 0);
    const std::vector<unsigned char> scratch = step.scratch.download();
    CHECK(scratch[0] == 0);
    CHECK(scratch[4] == 0);
  }
}

TEST_CASE("attention on CUDA is the same bits in any order of blocks") {
  for (const KvType type : kTypes) {
    Setup s;
    s.type = type;
    s.head_dim = 64;
    s.capacity = 1500;
    const Inputs inputs = make_inputs(s, 1101, false);
    const auto run = [&](bool reversed) {
      reverse_blocks(reversed);
      DeviceLayer layer(s, Kernel::automatic);
      const std::vector<float> dst = run_chunks(layer, s, inputs, 1000, {1, 100});
      reverse_blocks(false);
      return dst;
    };
    CHECK(run(true) == run(false));
  }
}

TEST_CASE("attention on CUDA survives scores far apart, of either sign") {
  for (const Kernel kernel : {Kernel::tiles, Kernel::rows, Kernel::any}) {
    for (const float scale : {300.0f, -300.0f}) {
      Setup s;
      s.type = KvType::bf16;
      s.scale = scale;
      s.capacity = 300;
      DeviceLayer layer(s, kernel);
      const Inputs inputs = make_inputs(s, 202, false);
      for (const float x : run_chunks(layer, s, inputs, 200, {1, 1})) REQUIRE(std::fabs(x) <= 1.0f);
    }
  }
}

TEST_CASE("attention on CUDA to one query keeps what is no number") {
  for (const Kernel kernel : {Kernel::tiles, Kernel::rows, Kernel::any}) {
    for (const KvType type : kTypes) {
      for (const int broken : {0, 1, 2}) {
        INFO("kernel " << static_cast<int>(kernel) << " type " << static_cast<int>(type) << " broken "
                       << broken);
        Setup s;
        s.type = type;
        DeviceLayer layer(s, kernel);
        std::vector<float> parts[] = {testing::numbers(1, 0, 1, 64), testing::numbers(2, 0, 1, 32),
                                      testing::numbers(3, 0, 1, 32)};
        parts[broken][5] = NAN;  // of the first head
        const std::vector<float> dst = layer.step(parts[0], parts[1], parts[2]);
        CHECK(std::isnan(dst[5]));
        for (std::size_t i = 32; i < 64; ++i) CHECK(std::isfinite(dst[i]));
      }
    }
  }
}

}  // namespace
}  // namespace transom::cuda_on_host
