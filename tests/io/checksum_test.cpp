// SPDX-License-Identifier: Apache-2.0
#include "io/checksum.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

using transom::io::Checksum;

namespace {

std::vector<std::byte> some_bytes(std::size_t n) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < n; ++i) bytes.push_back(static_cast<std::byte>((i * 7 + 3) % 256));
  return bytes;
}

std::uint64_t sum_of(std::span<const std::byte> bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.value();
}

}  // namespace

TEST_CASE("checksum: values of the formula in the header, worked out in Python") {
  CHECK(sum_of(some_bytes(0)) == 0x58c8bd8350d538cau);
  CHECK(sum_of(some_bytes(1)) == 0xf74bbef1f3ae111fu);
  CHECK(sum_of(some_bytes(31)) == 0x45e87c9193058164u);
  CHECK(sum_of(some_bytes(32)) == 0x7c1326aabe333f6bu);
  CHECK(sum_of(some_bytes(100)) == 0x567ce49707499eddu);
}

TEST_CASE("checksum: how the bytes are cut does not matter") {
  const auto bytes = some_bytes(200);
  const std::uint64_t whole = sum_of(bytes);
  for (std::size_t step = 1; step <= 70; ++step) {
    Checksum sum;
    for (std::size_t begin = 0; begin < bytes.size(); begin += step) {
      sum.add(std::span(bytes).subspan(begin, std::min(step, bytes.size() - begin)));
      sum.value();  // asking changes nothing
    }
    CHECK(sum.value() == whole);
  }
}

TEST_CASE("checksum: bits, order and length are told apart") {
  const auto bytes = some_bytes(100);
  const std::uint64_t good = sum_of(bytes);
  std::size_t missed = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto bad = bytes;
    bad[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    if (sum_of(bad) == good) ++missed;
  }
  CHECK(missed == 0);
  for (std::size_t i = 0; i + 40 < bytes.size(); ++i) {  // within a lane, and between lanes
    for (const std::size_t distance : {8, 32}) {
      auto bad = bytes;
      std::swap(bad[i], bad[i + distance]);
      if (sum_of(bad) == good) ++missed;
    }
  }
  CHECK(missed == 0);
  CHECK(sum_of(std::vector<std::byte>(5)) != sum_of(std::vector<std::byte>(6)));
}
