// SPDX-License-Identifier: Apache-2.0
/// The languages of expressions and grammars, against std::regex on every short text over a small alphabet.
#include <regex>
#include <string>
#include <vector>

#include "generation/constraint/char_set.h"
#include "tests/generation/constraint_support.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "text/utf8.h"

using namespace transom;
using namespace transom::testing;

namespace {

std::shared_ptr<const TokenTable> bytes_table() {
  static const auto table = table_of(byte_tokens());
  return table;
}

std::shared_ptr<const Constraint> regex(std::string_view source) {
  return compile(ConstraintKind::regex, source, bytes_table());
}
std::shared_ptr<const Constraint> grammar(std::string_view source) {
  return compile(ConstraintKind::grammar, source, bytes_table());
}

/// Every text over the alphabet up to a length.
std::vector<std::string> all_texts(std::string_view alphabet, std::size_t length) {
  std::vector<std::string> texts{""};
  for (std::size_t begin = 0, n = 0; n < length; ++n) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const char c : alphabet) texts.push_back(texts[begin] + c);
    }
  }
  return texts;
}

void check_language(const std::shared_ptr<const Constraint>& constraint, const std::string& oracle,
                    std::string_view alphabet, std::size_t length) {
  const std::regex expected(oracle);
  for (const std::string& text : all_texts(alphabet, length)) {
    if (matches(constraint, text) != std::regex_match(text, expected)) {
      FAIL("/" << oracle << "/ and \"" << text << "\": expected " << std::regex_match(text, expected));
    }
  }
}

}  // namespace

TEST_CASE("expressions match what std::regex matches") {
  for (const char* source : {"",
                             "a",
                             "abc",
                             "a|b",
                             "a*",
                             "a+b?",
                             "(ab)*",
                             "(a|b)*c",
                             "(a*)*",
                             "(a*b*)*",
                             "(a?){3}",
                             "(a|)b",
                             "a{2}",
                             "a{2,4}",
                             "a{2,}b",
                             "(ab|c){1,2}",
                             "[ab]c",
                             "[^a]b",
                             "[a-c]{3}",
                             "(a|ab)(c|bc)",
                             "(a|b)*a(a|b){2}",
                             "a(b(c|a)*)?",
                             "(?:ab|a)b",
                             "a*?b",
                             "a+?b??",
                             ".b.",
                             "(a{0,2}b){2}",
                             "((a|b)(a|b))*",
                             "[abc]{9,12}",
                             "([ab]c){9}",
                             "(a|b){0,9}c"}) {
    CAPTURE(source);
    check_language(regex(source), source, "abc", 6);
  }
  // Long enough to reach the bounds of counted loops.
  for (const char* source :
       {"[ab]{9,11}", "a{9,}b", "(ab|b){9,10}", "(a[ab]){9,}", "[ab]{0,10}b", "b[ab]{9,10}a"}) {
    CAPTURE(source);
    check_language(regex(source), source, "ab", 13);
  }
}

TEST_CASE("escapes and classes of expressions") {
  check_language(regex("\\d\\w\\s"), "\\d\\w\\s", "0a_ \n-", 3);
  check_language(regex("[\\d-][\\w.][^\\s]"), "[\\d-][\\w.][^\\s]", "0a_ \n-.", 3);
  check_language(regex("\\D\\W\\S"), "\\D\\W\\S", "0a_ \n-", 3);
  check_language(regex("\\x41\\t\\u0042\\.\\/"), "A\tB\\./", "A\tB./", 5);
  check_language(regex("a{,2}{"), "a\\{,2\\}\\{", "a{,2}", 6);
  CHECK(matches(regex("\\u{1F600}\\uD83D\\uDE00[\\u{1F600}-\\u{1F602}]"),
                "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x82"));
  CHECK(matches(regex("\\p{Lu}\\p{Script=Greek}\\P{L}"), "\xC3\x89\xCE\xB1\x31"));
  CHECK_FALSE(matches(regex("\\p{Lu}"), "\xC3\xA9"));
  CHECK(matches(regex("."), "\xE2\x82\xAC"));
  CHECK_FALSE(matches(regex("."), "\xE2\x82"));
  CHECK_FALSE(matches(regex("."), "\xED\xA0\x80"));  // a surrogate
  CHECK_FALSE(matches(regex("."), "\xC0\x80"));      // an overlong form
}

TEST_CASE("anchors at the ends say nothing new") {
  for (const char* source : {"^ab|c", "^ab|c$", "^(ab|c)$", "\\Aab\\z|^c$"}) {
    CAPTURE(source);
    check_language(regex(source), "ab|c", "abc", 4);
  }
}

TEST_CASE("what expressions cannot do is refused by name") {
  const std::vector<std::pair<const char*, const char*>> cases = {{"a(?=b)", "lookahead"},
                                                                  {"(?!a)", "lookahead"},
                                                                  {"(?<=a)b", "lookbehind"},
                                                                  {"(?<!a)b", "lookbehind"},
                                                                  {"(a)\\1", "backreference"},
                                                                  {"(?<n>a)\\k<n>", "backreference"},
                                                                  {"\\bab", "word boundary"},
                                                                  {"(?i)a", "inline flag"},
                                                                  {"a++", "possessive"},
                                                                  {"(?>a)", "atomic"},
                                                                  {"a^b", "'^'"},
                                                                  {"a$b", "'$'"},
                                                                  {"(a$)b", "'$'"},
                                                                  {"\\p{Nonsense}", "Nonsense"},
                                                                  {"[[:alpha:]]", "[:name:]"},
                                                                  {"a{1000001}", "repetition"},
                                                                  {"(a|ab){900000}", "states"}};
  for (const auto& [source, part] : cases) {
    CAPTURE(source);
    const std::string message = error_of<UnsupportedError>([&] { regex(source); });
    CHECK(contains(message, "regex: "));
    CHECK(contains(message, part));
  }
  for (const char* source : {"(", ")", "(a", "a)", "[a", "[]", "*a", "a**", "a{3,2}", "[b-a]", "\\q", "\\xG0",
                             "\\u12", "\\", "\xFF", "\\uD800", "[^\\s\\S]", "\\u{110000}"}) {
    CAPTURE(source);
    CHECK(contains(error_of<FormatError>([&] { regex(source); }), "regex: "));
  }
}

TEST_CASE("repetitions with large counts cost nothing") {
  const auto many = regex("[a-z]{3,1000000}");
  CHECK_FALSE(matches(many, "ab"));
  CHECK(matches(many, std::string(5000, 'a')));
  const auto exact = regex("(a|\\\\u[0-9a-f]{4}){1000}");
  CHECK_FALSE(matches(exact, std::string(999, 'a')));
  CHECK(matches(exact, std::string(999, 'a') + "\\u00e9"));
  CHECK_FALSE(matches(exact, std::string(1001, 'a')));
}

TEST_CASE("grammars") {
  check_language(grammar("root ::= \"a\" b*  # a comment\nb ::= \"b\" | \"c\"\n"), "a(b|c)*", "abc", 6);
  check_language(grammar("root ::= x{2,3} | \"\"\nx ::= [ab] \"c\"?"), "([ab]c?){2,3}|", "abc", 6);
  check_language(grammar("root ::= (\n  \"a\" |\n  \"b\" \"c\"\n)+"), "(a|bc)+", "abc", 6);
  check_language(grammar("root ::= \"a\" root | \"b\""), "a*b", "abc", 6);
  check_language(grammar("root ::= e*\ne ::= \"a\"? \"b\"?"), "[ab]*", "abc", 6);
  check_language(grammar("root ::= [^\\x61\\n] . |\n \"\\u0061\\\"\""), "[^a\n](.|\n)|a\"", "ab\"\n", 3);
  check_language(grammar("root ::= w (\",\" w)*\nw ::= [ab]{1,9}"), "[ab]{1,9}(,[ab]{1,9})*", "ab,", 8);
}

TEST_CASE("grammars beyond regular languages") {
  const auto pairs = grammar("root ::= (\"(\" root \")\" | \"[\" root \"]\")*");
  for (const std::string& text : all_texts("()[]", 6)) {
    std::string open;
    bool good = true;
    for (const char c : text) {
      if (c == '(' || c == '[') {
        open.push_back(c);
      } else if (good) {
        good = !open.empty() && open.back() == (c == ')' ? '(' : '[');
        if (good) open.pop_back();
      }
    }
    good = good && open.empty();
    if (matches(pairs, text) != good) FAIL("\"" << text << "\": expected " << good);
  }
  const auto palindromes = grammar("root ::= \"a\" root \"a\" | \"b\" root \"b\" | [ab]?");
  for (const std::string& text : all_texts("ab", 9)) {
    const bool good = std::string(text.rbegin(), text.rend()) == text;
    if (matches(palindromes, text) != good) FAIL("\"" << text << "\": expected " << good);
  }
}

TEST_CASE("wrong grammars") {
  for (const char* source : {"", "a ::= \"b\"", "root ::= b", "root = \"a\"", "root ::= \"a", "root ::= [a",
                             "root ::= (\"a\"", "root ::= \"a\")", "root ::= \"a\"\nroot ::= \"b\"",
                             "root ::= \"\\q\"", "root ::= *", "root ::= \"a\"{3,2}", "root ::= \"a\" root",
                             "root ::= [b-a]", "root ::= \"\\uD800\"", "root ::= []"}) {
    CAPTURE(source);
    CHECK(contains(error_of<FormatError>([&] { grammar(source); }), "grammar: "));
  }
  for (const char* source :
       {"root ::= root \"a\" | \"b\"", "root ::= x\nx ::= y \"a\" | \"b\"\ny ::= \"\"? x",
        "root ::= e root \"a\" | \"b\"\ne ::= \"c\"*"}) {
    CAPTURE(source);
    CHECK(contains(error_of<UnsupportedError>([&] { grammar(source); }), "left recursion"));
  }
  CHECK(contains(error_of<UnsupportedError>([] { grammar("root ::= <[12]>"); }), "token"));
}

TEST_CASE("hostile sources hit a limit and return") {
  const auto message_of = [](const std::string& source) {
    return error_of<UnsupportedError>([&] { regex(source); });
  };
  CHECK(contains(message_of(std::string(5000, '(') + std::string(5000, ')')), "nested"));
  CHECK(contains(message_of("(((((){999}){999}){999}){999}){999}"), "ambiguous"));
  // Counts that multiply are calls in calls.
  CHECK_FALSE(matches(regex("((((a{99}){99}){99}){99}){99}"), "aaa"));
  CHECK(matches(regex("((abc|abcd){20}(bcde|b|bc){9}){12}"), [] {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      for (int j = 0; j < 20; ++j) text += j % 3 == 0 ? "abc" : "abcd";
      for (int j = 0; j < 9; ++j) text += j % 2 == 0 ? "bc" : "bcde";
    }
    return text;
  }()));
  CHECK(contains(message_of(std::string((1 << 20) + 1, 'a')), "bytes"));
  CHECK(
      contains(error_of<UnsupportedError>([] { grammar("root ::= " + std::string(5000, '(')); }), "nested"));
  CHECK(contains(error_of<UnsupportedError>([] { grammar("root ::= \"a\"" + std::string(5000, '?')); }),
                 "quantifiers"));
  // Too big to make deterministic: stays as it is, and right.
  const auto big = regex("[ab]*a[ab]{30}");
  CHECK(matches(big, "a" + std::string(30, 'b')));
  CHECK_FALSE(matches(big, "b" + std::string(30, 'b')));
}

TEST_CASE("texts in too many ways or nested too deep") {
  const auto read_many = [](Matcher matcher, TokenId id) {
    for (int i = 0; i < 100000; ++i) {
      if (!matcher.accept(id)) break;
    }
  };
  const auto deep = grammar("root ::= \"(\" root \")\" | \"\"");
  CHECK(contains(error_of<UnsupportedError>([&] { read_many(Matcher(deep, {}), '('); }), "nested"));
  const auto wide = grammar("root ::= x | y | \"d\"\nx ::= \"a\" root \"b\"\ny ::= \"a\" root \"c\"");
  CHECK(contains(error_of<UnsupportedError>([&] { read_many(Matcher(wide, {}), 'a'); }), "ambiguous"));
}

TEST_CASE("the UTF-8 graph of a set spells its members and nothing else") {
  const generation::CharSet set({{0x7E, 0x82},
                                 {0x3C0, 0x3FF},
                                 {0x400, 0x7FF},
                                 {0x800, 0x1FFF},
                                 {0xD000, 0xE010},
                                 {0xFFFE, 0x10001},
                                 {0x3F000, 0x40123},
                                 {0x10FFFF, 0x10FFFF}});
  const generation::Utf8Graph graph = generation::utf8_graph(set);
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string bytes;
    text::append_utf8(bytes, c);
    std::uint32_t at = graph.start;
    bool found = true;
    for (std::size_t i = 0; i < bytes.size() && found; ++i) {
      found = false;
      if (at == generation::kUtf8End) break;
      for (const generation::Utf8Edge& edge : graph.nodes[at]) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if (edge.low > byte || byte > edge.high) continue;
        at = edge.to;
        found = true;
        break;
      }
    }
    if ((found && at == generation::kUtf8End) != set.contains(c))
      FAIL("U+" << std::hex << static_cast<unsigned>(c));
  }
}
