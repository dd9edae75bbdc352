// SPDX-License-Identifier: Apache-2.0
#include "generation/stop_strings.h"

#include "tests/support/catch.h"

using transom::generation::StopStrings;

namespace {

/// Feeds the text in pieces of n bytes; returns what was given out before and after the end.
std::string feed(const std::vector<std::string>& stops, const std::string& text, std::size_t n, bool& found) {
  StopStrings matcher(stops);
  std::string out;
  for (std::size_t i = 0; i < text.size() && !matcher.found(); i += n) {
    out += matcher.push(std::string_view(text).substr(i, n));
  }
  out += matcher.finish();
  found = matcher.found();
  return out;
}

}  // namespace

TEST_CASE("stop strings: found across any cut of the text") {
  const std::vector<std::string> stops{"</s>", "\n\n", "STOP"};
  for (std::size_t n = 1; n < 30; ++n) {
    bool found = false;
    CHECK(feed(stops, "one two\nthree<STOP four", n, found) == "one two\nthree<");
    CHECK(found);
    CHECK(feed(stops, "one two\nthree</s STO", n, found) == "one two\nthree</s STO");
    CHECK_FALSE(found);
    CHECK(feed(stops, "\n\nx", n, found).empty());
    CHECK(found);
  }
}

TEST_CASE("stop strings: the earliest of several wins") {
  bool found = false;
  CHECK(feed({"cd", "abcd", "b"}, "xabcd", 5, found) == "xa");
}

TEST_CASE("stop strings: overlapping beginnings") {
  bool found = false;
  for (std::size_t n = 1; n < 8; ++n) {
    CHECK(feed({"aab"}, "aaaab", n, found) == "aa");
    CHECK(found);
  }
}

TEST_CASE("stop strings: what can not become one is given out at once") {
  const std::vector<std::string> stops{"END"};
  StopStrings matcher(stops);
  CHECK(matcher.push("abcE") == "abc");
  CHECK(matcher.push("x") == "Ex");
  CHECK(matcher.push("EN").empty());
  CHECK(matcher.finish() == "EN");
}

TEST_CASE("stop strings: none") {
  bool found = true;
  CHECK(feed({}, "anything", 3, found) == "anything");
  CHECK_FALSE(found);
}
