// SPDX-License-Identifier: Apache-2.0
#include "text/trie.h"

#include <string>

#include "tests/support/catch.h"

namespace transom::text {
namespace {

TEST_CASE("a trie finds its keys and no others", "[trie]") {
  Trie trie;
  CHECK(trie.empty());
  trie.add("", 7);
  CHECK(trie.empty());
  // Enough keys that the table grows several times.
  for (int i = 0; i < 2000; ++i) trie.add("k" + std::to_string(i), i);
  trie.add("k5", 9999);
  for (int i = 0; i < 2000; ++i) {
    const Trie::Node node = trie.walk(Trie::kRoot, "k" + std::to_string(i));
    REQUIRE(node != Trie::kNone);
    CHECK(trie.value(node) == (i == 5 ? 9999 : i));
  }
  CHECK(trie.value(trie.walk(Trie::kRoot, "k")) == Trie::kNoValue);
  CHECK(trie.walk(Trie::kRoot, "x") == Trie::kNone);
  CHECK(trie.walk(Trie::kRoot, "k5x") == Trie::kNone);
  CHECK(trie.walk(Trie::kRoot, std::string_view("k5\0", 3)) == Trie::kNone);
}

}  // namespace
}  // namespace transom::text
