// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/place.h"

#include <cstring>
#include <map>
#include <tuple>
#include <vector>

namespace transom::cuda_on_host {
namespace {

struct Sites {
  std::vector<Place> places = {Place{}};
  std::map<std::pair<std::string, unsigned>, Site> numbers;
  // Those asked for last: a file is told by the address of its name, of which each translation unit has one.
  struct Recent {
    const char* file = nullptr;
    unsigned line = 0;
    Site site = 0;
  };
  Recent recent[1024];
};

Sites& sites() {
  static Sites all;
  return all;
}

}  // namespace

Site site_of(const Place& place) {
  Sites& all = sites();
  const std::uintptr_t hash = reinterpret_cast<std::uintptr_t>(place.file) / 8 * 31 + place.line;
  Sites::Recent& recent = all.recent[hash % std::size(all.recent)];
  if (recent.file == place.file && recent.line == place.line) return recent.site;
  const auto [found, is_new] = all.numbers.try_emplace({place.file, place.line}, all.places.size());
  if (is_new) all.places.push_back(place);
  recent = {place.file, place.line, found->second};
  return found->second;
}

const Place& place_of(Site site) { return sites().places[site]; }

std::string to_string(const Place& place) {
  const std::string file = place.file;
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line);
}

}  // namespace transom::cuda_on_host
