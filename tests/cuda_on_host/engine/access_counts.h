// SPDX-License-Identifier: Apache-2.0
/// How the accesses of a warp fall on the banks of shared memory and on the sectors of global memory.
///
/// The accesses of a warp's lanes belong together when they are the n-th of their lanes at one place of the
/// source since the warp's lanes last met; a lane that skips one is missing there.
///
/// Shared memory has 32 banks of 4 bytes. Lanes that ask for the same word share it; different words of one
/// bank take turns. Accesses of 8 bytes go half a warp at a time, of 16 bytes a quarter, ldmatrix a matrix (8
/// rows). A conflict is a turn beyond the first.
///
/// Global memory comes in sectors of 32 bytes. The least sectors of an access are those that its bytes would
/// fill.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cuda_on_host/engine/place.h"

namespace transom::cuda_on_host {

enum class Use : std::uint8_t {
  load_shared,
  store_shared,
  ldmatrix,
  copy_to_shared,  // cp_async, its shared side
  load_global,
  load_streamed,
  store_global,
  copy_from_global,  // cp_async, its global side
};
inline constexpr int kUses = 8;
constexpr bool is_shared(Use use) { return use <= Use::copy_to_shared; }

/// One access of one lane.
struct Access {
  std::uintptr_t address;
  Site site;
  std::uint8_t bytes;
  Use use;
};

struct Tally {
  std::uint64_t accesses = 0;   // of whole warps
  std::uint64_t conflicts = 0;  // of shared memory
  std::uint64_t sectors = 0, least_sectors = 0;

  Tally& operator+=(const Tally& other);
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// Tallies of one kernel, by site and use.
using Tallies = std::vector<std::array<Tally, kUses>>;
Tallies& tallies_of(const std::string& kernel);

/// Adds up what the 32 lanes of a warp did between two meetings, and empties the logs.
void count_accesses(Tallies& tallies, const std::array<std::vector<Access>*, 32>& lanes);

/// False where kernels run on a device (tests/cuda_on_gpu): nothing is counted there, and all counts are 0.
bool counts_accesses();
/// Of all launches of a kernel since forget_counts(). kernel: "matmul<64, 128>", or "matmul" for all
/// instances. uses: empty for all.
Tally counts(std::string_view kernel, std::initializer_list<Use> uses = {});
/// The same, a line for each place.
std::string describe_counts(std::string_view kernel);
void forget_counts();

}  // namespace transom::cuda_on_host
