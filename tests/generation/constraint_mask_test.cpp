// SPDX-License-Identifier: Apache-2.0
/// Masks against trying every token byte by byte, in the states that random texts reach.
#include <algorithm>
#include <limits>
#include <string>

#include "tests/generation/constraint_support.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

using namespace transom;
using namespace transom::testing;

namespace {

/// Walks at random, and at each step compares the mask with what accept() says of every token.
void check_masks(ConstraintKind kind, const std::string& source, const std::vector<std::string>& tokens,
                 int n_texts, int n_steps) {
  CAPTURE(source);
  const auto constraint = compile(kind, source, table_of(tokens));
  std::mt19937 random(7);
  for (int text = 0; text < n_texts; ++text) {
    Matcher matcher(constraint, {kByteEos});
    for (int step = 0; step < n_steps && !matcher.must_end(); ++step) {
      const std::vector<TokenId> ids = allowed(matcher, tokens.size());
      std::vector<TokenId> expected;
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        Matcher copy = matcher;
        if (copy.accept(static_cast<TokenId>(i))) expected.push_back(static_cast<TokenId>(i));
      }
      if (ids != expected) {
        std::vector<TokenId> differ;
        std::set_symmetric_difference(ids.begin(), ids.end(), expected.begin(), expected.end(),
                                      std::back_inserter(differ));
        FAIL("text " << text << ", step " << step << ": token " << differ[0] << " \""
                     << tokens[static_cast<std::size_t>(differ[0])] << "\"");
      }
      REQUIRE_FALSE(ids.empty());
      // Not the end while there is a choice: long texts show more.
      TokenId next = ids[random() % ids.size()];
      if (next == kByteEos && ids.size() > 1) next = ids[0];
      REQUIRE(matcher.accept(next));
    }
  }
}

}  // namespace

TEST_CASE("masks of expressions equal trying every token") {
  for (const char* source : {"(ab|bc|ca)*", "[a-c]{3,20}", "[a-c]{9,12}[bc]{10,11}", "([ab]{9,30}c)*",
                             "[^\"\\\\]{0,40}\"", "(\"[^\"]{9,12}\",?)*", ".{20,40}", "(a|b)*a(a|b){12}",
                             "[ab]*a[ab]{30}", "((abc|ab)(b[a-c]{2,12}|c)?){9,20}\n", "\\p{L}{9,}\\n",
                             "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?",
                             "(\\\\u[0-9a-f]{4}|[^\\\\\"]){10,20}", "[\\u00e9\\u20ac\\u{1F600}]{10,20}"}) {
    check_masks(ConstraintKind::regex, source, mixed_tokens(), 6, 40);
  }
}

TEST_CASE("masks of grammars equal trying every token") {
  for (const char* source : {"root ::= (\"(\" root \")\" | \"[\" root \"]\" | \"a\")*",
                             "root ::= word (\" \" word)* \".\"\nword ::= [a-z]+ | [A-Z] [a-z]*",
                             "root ::= v\nv ::= \"[\" (v (\",\" v)*)? \"]\" | \"{\" (s \":\" v)? \"}\" | s | "
                             "\"null\"\ns ::= \"\\\"\" c{0,12} \"\\\"\"\nc ::= [^\"\\\\] | \"\\\\\" [\"n]",
                             "root ::= \"a\" root \"a\" | \"b\" root \"b\" | [ab]?",
                             "root ::= a b c\na ::= [ab]*\nb ::= [bc]*\nc ::= [ca]{9,20} \"\\n\"",
                             "root ::= x{10,20}\nx ::= y | \"ab\"\ny ::= \"a\" \"b\"?"}) {
    check_masks(ConstraintKind::grammar, source, mixed_tokens(), 6, 40);
  }
}

TEST_CASE("the end of text is allowed exactly when the text may end") {
  const auto constraint = compile(ConstraintKind::regex, "ab?", table_of(byte_tokens()));
  Matcher matcher(constraint, {kByteEos});
  CHECK(allowed(matcher, 257) == std::vector<TokenId>{'a'});
  CHECK_FALSE(matcher.can_end());
  CHECK_FALSE(matcher.accept(kByteEos));
  REQUIRE(matcher.accept('a'));
  CHECK(allowed(matcher, 257) == std::vector<TokenId>{'b', kByteEos});
  CHECK(matcher.can_end());
  CHECK_FALSE(matcher.must_end());
  Matcher other = matcher;
  REQUIRE(matcher.accept('b'));
  CHECK(matcher.must_end());
  CHECK(allowed(matcher, 257) == std::vector<TokenId>{kByteEos});
  CHECK_FALSE(matcher.accept('b'));
  // The copy stands where it was, and ends by its own choice.
  REQUIRE(other.accept(kByteEos));
  CHECK(other.must_end());
}

TEST_CASE("without an end of text the mask says that nothing is left") {
  const auto constraint = compile(ConstraintKind::regex, "a", table_of(byte_tokens()));
  Matcher matcher(constraint, {});
  std::vector<float> logits(300, 0.0f);
  CHECK(matcher.mask(logits));
  CHECK(std::count(logits.begin(), logits.end(), 0.0f) == 1);
  REQUIRE(matcher.accept('a'));
  CHECK(matcher.must_end());
  CHECK_FALSE(matcher.mask(logits));
  CHECK(std::count(logits.begin(), logits.end(), -std::numeric_limits<float>::infinity()) == 300);
}

TEST_CASE("a token that ends the text is never text") {
  std::vector<std::string> tokens = byte_tokens();
  const auto constraint = compile(ConstraintKind::regex, "[ab]+", table_of(tokens));
  Matcher matcher(constraint, {'b', -1, 100000});
  CHECK(allowed(matcher, 257) == std::vector<TokenId>{'a'});
  REQUIRE(matcher.accept('a'));
  CHECK(allowed(matcher, 257) == std::vector<TokenId>{'a', 'b'});
  REQUIRE(matcher.accept('b'));
  CHECK(matcher.must_end());
}

TEST_CASE("a vocabulary that cannot spell the text is reported") {
  const auto constraint = compile(ConstraintKind::regex, "ab|ac?", table_of({"a", "b!", ""}));
  Matcher matcher(constraint, {});
  std::vector<float> logits(3, 0.0f);
  REQUIRE(matcher.mask(logits));
  REQUIRE(matcher.accept(0));
  CHECK_FALSE(matcher.mask(logits));  // "a" is a match: an end, not an error
  const auto blocked = compile(ConstraintKind::regex, "ab", table_of({"a", "c"}));
  Matcher stuck(blocked, {});
  REQUIRE(stuck.accept(0));
  logits.assign(2, 0.0f);
  CHECK(contains(error_of<UnsupportedError>([&] { stuck.mask(logits); }), "vocabulary"));
}

TEST_CASE("a model with fewer logits than the vocabulary has tokens") {
  const auto constraint = compile(ConstraintKind::regex, "[a-z]", table_of(byte_tokens()));
  Matcher matcher(constraint, {kByteEos});
  CHECK(allowed(matcher, 'c') == std::vector<TokenId>{'a', 'b'});
  std::vector<float> none(70, 0.0f);
  CHECK(contains(error_of<UnsupportedError>([&] { matcher.mask(none); }), "vocabulary"));
}

TEST_CASE("tokens without bytes and ids out of range are never accepted") {
  const auto constraint = compile(ConstraintKind::regex, ".*", table_of({"", "a"}));
  Matcher matcher(constraint, {});
  CHECK(allowed(matcher, 5) == std::vector<TokenId>{1});
  for (const TokenId id : {0, 2, -1, 1 << 30}) CHECK_FALSE(matcher.accept(id));
  CHECK(matcher.accept(1));
}
