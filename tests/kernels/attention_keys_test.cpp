// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/attention_keys.h"

#include <algorithm>
#include <vector>

#include "tests/support/catch.h"

namespace transom::testing {

using kernels::AttentionArgs;
using kernels::KeyOrder;
using kernels::KeyRange;
using kernels::KeyRun;
using kernels::KeyRuns;

namespace {

/// Patterns of every kind, in caches whose rings and blocks end anywhere.
std::vector<AttentionArgs> patterns() {
  std::vector<AttentionArgs> all;
  const auto add = [&](std::int64_t window, std::size_t sinks, std::size_t ring) -> AttentionArgs& {
    AttentionArgs args;
    args.window = window;
    args.kv.n_sinks = sinks;
    args.kv.capacity = sinks + ring;
    all.push_back(args);
    return all.back();
  };
  add(0, 0, 5000);
  add(700, 0, 719);
  add(700, 5, 801).kv.block_slots = 256;
  add(60, 70, 100);
  AttentionArgs& levels = add(200, 0, 219);
  levels.kv.n_levels = 3;
  levels.kv.level_slots = 213;
  levels.kv.capacity += 3 * 213;
  add(130, 0, 5000).power_ages = true;
  return all;
}

}  // namespace

TEST_CASE("parts of keys follow each other and differ by a tile at most") {
  for (const AttentionArgs& args : patterns()) {
    for (const std::int64_t first : {0, 63, 64, 1000, 4900}) {
      const KeyOrder order(args, first, first + 4);
      for (const std::size_t n_parts : {1, 2, 7, 16, 100}) {
        INFO("window " << args.window << " position " << first << " parts " << n_parts);
        std::int64_t end = 0, least = order.count(), most = 0;
        for (std::size_t i = 0; i < n_parts; ++i) {
          const KeyRange part = order.part(i, n_parts);
          REQUIRE(part.first == end);
          REQUIRE(part.end >= part.first);
          end = part.end;
          if (i == 0 || i + 1 == n_parts) continue;  // these have what is left of a tile
          least = std::min(least, part.count());
          most = std::max(most, part.count());
        }
        CHECK(end == order.count());
        // A tile, and as much as the ends of a stretch are off their tiles.
        if (n_parts > 2) CHECK(most - least <= 2 * static_cast<std::int64_t>(kernels::kAttentionKeyTile));
      }
    }
  }
}

TEST_CASE("runs of keys are what stretches are cut into, and hold what their queries see") {
  for (AttentionArgs args : patterns()) {
    for (const std::int64_t first : {0, 65, 1000, 4900}) {
      const KeyOrder order(args, first, first + 3);
      for (args.n_parts = 1; args.n_parts < 9; args.n_parts += 7) {
        std::int64_t keys = 0;
        for (args.part = 0; args.part < args.n_parts; ++args.part) {
          KeyRuns runs(args, first, first + 3);
          for (KeyRun run = runs.next(); run.count > 0; run = runs.next()) {
            INFO("window " << args.window << " position " << first << " slot " << run.slot << " count "
                           << run.count);
            const KeyRun stretch = order.stretch(keys, order.count());
            REQUIRE((run.pos == stretch.pos && run.slot == stretch.slot && run.level == stretch.level));
            REQUIRE((run.age == stretch.age && run.count <= stretch.count));
            REQUIRE(run.count <= kernels::kAttentionKeyTile);
            REQUIRE(run.slot / args.kv.block_slots == (run.slot + run.count - 1) / args.kv.block_slots);
            REQUIRE(run.slot + run.count <= args.kv.capacity);
            // Each key is seen by one of the queries at least.
            std::int64_t seen = static_cast<std::int64_t>(run.count), end = 0;
            for (std::int64_t q_pos = first; q_pos < first + 3; ++q_pos) {
              const kernels::VisibleKeys part = kernels::visible_keys(args, run, q_pos);
              if (part.begin >= part.end) continue;
              seen = std::min(seen, part.begin);
              end = std::max(end, part.end);
            }
            REQUIRE((seen == 0 && end == static_cast<std::int64_t>(run.count)));
            keys += static_cast<std::int64_t>(run.count);
          }
        }
        REQUIRE(keys == order.count());
      }
    }
  }
}

}  // namespace transom::testing
