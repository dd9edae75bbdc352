// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/access_counts.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace transom::cuda_on_host {
namespace {

constexpr std::size_t kLanes = 32, kBanks = 32, kWordBytes = 4, kSectorBytes = 32;

std::map<std::string, Tallies, std::less<>>& kernels() {
  static std::map<std::string, Tallies, std::less<>> all;
  return all;
}

/// The access of each lane, or null.
using WarpAccess = std::array<const Access*, kLanes>;

/// Turns of some lanes of an access.
std::uint64_t turns(std::span<const Access* const> lanes) {
  std::array<std::uintptr_t, kLanes * 4> words;
  std::size_t n = 0;
  for (const Access* access : lanes) {
    if (access == nullptr) continue;
    const std::uintptr_t end = (access->address + access->bytes + kWordBytes - 1) / kWordBytes;
    for (std::uintptr_t word = access->address / kWordBytes; word < end; ++word) words[n++] = word;
  }
  std::sort(words.begin(), words.begin() + n);
  n = static_cast<std::size_t>(std::unique(words.begin(), words.begin() + n) - words.begin());
  std::array<std::uint8_t, kBanks> of_bank{};
  std::uint8_t most = 0;
  for (std::size_t i = 0; i < n; ++i) most = std::max(most, ++of_bank[words[i] % kBanks]);
  return most;
}

std::uint64_t conflicts(const WarpAccess& warp, std::size_t bytes) {
  const std::size_t step = bytes <= 4 ? kLanes : bytes == 8 ? kLanes / 2 : kLanes / 4;
  std::uint64_t sum = 0;
  for (std::size_t lane = 0; lane < kLanes; lane += step) {
    const std::uint64_t needed = turns(std::span(warp).subspan(lane, step));
    if (needed > 1) sum += needed - 1;
  }
  return sum;
}

/// Bytes of the union of the lanes' ranges, and sectors that it touches.
void count_sectors(const WarpAccess& warp, Tally& tally) {
  std::array<std::pair<std::uintptr_t, std::uintptr_t>, kLanes> ranges;
  std::size_t n = 0;
  for (const Access* access : warp)
    if (access != nullptr) ranges[n++] = {access->address, access->address + access->bytes};
  std::sort(ranges.begin(), ranges.begin() + n);
  std::uintptr_t bytes = 0, end = 0, next_sector = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto [first, last] = ranges[i];
    if (last > end) bytes += last - std::max(first, end);
    end = std::max(end, last);
    const std::uintptr_t sector = std::max(first / kSectorBytes, next_sector);
    next_sector = std::max(next_sector, (last - 1) / kSectorBytes + 1);
    if (next_sector > sector) tally.sectors += next_sector - sector;
  }
  tally.least_sectors += (bytes + kSectorBytes - 1) / kSectorBytes;
}

void count_one(Tallies& tallies, const WarpAccess& warp) {
  const Access& any =
      **std::find_if(warp.begin(), warp.end(), [](const Access* access) { return access != nullptr; });
  if (tallies.size() <= any.site) tallies.resize(any.site + 1);
  Tally& tally = tallies[any.site][static_cast<std::size_t>(any.use)];
  ++tally.accesses;
  if (is_shared(any.use)) {
    tally.conflicts += conflicts(warp, any.bytes);
  } else {
    count_sectors(warp, tally);
  }
}

/// Whether each lane did what the busiest one did, up to some point.
bool in_step(const std::array<std::vector<Access>*, kLanes>& lanes, const std::vector<Access>& longest) {
  for (const std::vector<Access>* log : lanes)
    for (std::size_t i = 0; i < log->size(); ++i)
      if ((*log)[i].site != longest[i].site || (*log)[i].use != longest[i].use) return false;
  return true;
}

void count_out_of_step(Tallies& tallies, const std::array<std::vector<Access>*, kLanes>& lanes) {
  std::map<std::pair<Site, Use>, std::vector<WarpAccess>> grouped;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::map<std::pair<Site, Use>, std::size_t> seen;
    for (const Access& access : *lanes[lane]) {
      const std::pair key(access.site, access.use);
      std::vector<WarpAccess>& group = grouped[key];
      const std::size_t nth = seen[key]++;
      if (group.size() <= nth) group.resize(nth + 1, WarpAccess{});
      group[nth][lane] = &access;
    }
  }
  for (const auto& [key, group] : grouped)
    for (const WarpAccess& warp : group) count_one(tallies, warp);
}

bool is_instance(std::string_view name, std::string_view kernel) {
  return name == kernel || (name.substr(0, kernel.size()) == kernel && name[kernel.size()] == '<');
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  accesses += other.accesses;
  conflicts += other.conflicts;
  sectors += other.sectors;
  least_sectors += other.least_sectors;
  return *this;
}

Tallies& tallies_of(const std::string& kernel) { return kernels()[kernel]; }

void count_accesses(Tallies& tallies, const std::array<std::vector<Access>*, kLanes>& lanes) {
  const std::vector<Access>& longest = **std::max_element(
      lanes.begin(), lanes.end(), [](const auto* a, const auto* b) { return a->size() < b->size(); });
  if (longest.empty()) return;
  if (in_step(lanes, longest)) {
    for (std::size_t i = 0; i < longest.size(); ++i) {
      WarpAccess warp;
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        warp[lane] = i < lanes[lane]->size() ? &(*lanes[lane])[i] : nullptr;
      count_one(tallies, warp);
    }
  } else {
    count_out_of_step(tallies, lanes);
  }
  for (std::vector<Access>* log : lanes) log->clear();
}

bool counts_accesses() { return true; }

Tally counts(std::string_view kernel, std::initializer_list<Use> uses) {
  Tally sum;
  for (const auto& [name, tallies] : kernels()) {
    if (!is_instance(name, kernel)) continue;
    for (const auto& by_use : tallies)
      for (std::size_t use = 0; use < kUses; ++use)
        if (uses.size() == 0 || std::find(uses.begin(), uses.end(), static_cast<Use>(use)) != uses.end())
          sum += by_use[use];
  }
  return sum;
}

std::string describe_counts(std::string_view kernel) {
  constexpr const char* kNames[kUses] = {"load_shared",        "store_shared",        "ldmatrix",
                                         "cp_async to shared", "load_global",         "load_streamed",
                                         "store_global",       "cp_async from global"};
  std::string text;
  for (const auto& [name, tallies] : kernels()) {
    if (!is_instance(name, kernel)) continue;
    text += name + "\n";
    for (Site site = 0; site < tallies.size(); ++site) {
      for (std::size_t use = 0; use < kUses; ++use) {
        const Tally& tally = tallies[site][use];
        if (tally.accesses == 0) continue;
        text += "  " + to_string(site) + " " + kNames[use] + ": " + std::to_string(tally.accesses) +
                " accesses, ";
        text += is_shared(static_cast<Use>(use)) ? std::to_string(tally.conflicts) + " conflicts\n"
                                                 : std::to_string(tally.sectors) + " sectors of least " +
                                                       std::to_string(tally.least_sectors) + "\n";
      }
    }
  }
  return text;
}

void forget_counts() {
  for (auto& [name, tallies] : kernels()) tallies.clear();
}

}  // namespace transom::cuda_on_host
