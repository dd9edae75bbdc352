// SPDX-License-Identifier: Apache-2.0
/// The parts of the template language that goldens cannot show: tokens, messages with their lines, what is
/// left out, and values beyond 64 bits.
#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "text/jinja/lexer.h"
#include "text/jinja/numbers.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"
#include "text/jinja/template.h"
#include "transom/error.h"

namespace transom::text::jinja {
namespace {

using transom::testing::contains;
using transom::testing::error_of;

std::string render(std::string_view source, Variables variables = {}) {
  return Template::compile(source, "t.jinja").render(std::move(variables));
}

template <typename ErrorType>
bool says(std::string_view source, const std::vector<std::string>& parts) {
  const std::string message = error_of<ErrorType>([&] { render(source); });
  for (const std::string& part : parts) {
    if (message.empty() || !contains(message, part)) {
      WARN("no \"" << part << "\" in \"" << message << "\"");
      return false;
    }
  }
  return true;
}

TEST_CASE("tokens know their lines", "[jinja][lexer]") {
  const std::vector<Token> tokens = tokenize("a\n{{ x\n + 1.5 }}{# \n #}{% if 'b' %}\n\nc", "t");
  const auto is = [&](std::size_t i, Token::Kind kind, std::string_view text, int line) {
    INFO(i);
    REQUIRE(i < tokens.size());
    CHECK(tokens[i].kind == kind);
    CHECK(tokens[i].text == text);
    CHECK(tokens[i].line == line);
  };
  is(0, Token::Kind::data, "a\n", 1);
  is(1, Token::Kind::variable_begin, "", 2);
  is(2, Token::Kind::name, "x", 2);
  is(3, Token::Kind::symbol, "+", 3);
  is(4, Token::Kind::real, "1.5", 3);
  is(5, Token::Kind::variable_end, "", 3);
  is(6, Token::Kind::block_begin, "", 4);
  is(7, Token::Kind::name, "if", 4);
  is(8, Token::Kind::string, "b", 4);
  is(9, Token::Kind::block_end, "", 4);
  is(10, Token::Kind::data, "\nc", 5);
  is(11, Token::Kind::end, "", 6);
  CHECK(tokens.size() == 12);
}

TEST_CASE("wrong syntax is a FormatError with the line", "[jinja][parser]") {
  CHECK(says<FormatError>("\n\n{{ 1 + }}", {"t.jinja", "line 3", "expected an expression", "\"}}\""}));
  CHECK(says<FormatError>("a\n{% if x %}\nb", {"line 3", "endif", "end of the template"}));
  CHECK(says<FormatError>("{% for x of y %}", {"line 1", "\"in\"", "\"of\""}));
  CHECK(says<FormatError>("{{ 'abc }}", {"line 1", "end of a string"}));
  CHECK(says<FormatError>("\n{# abc", {"line 2", "comment"}));
  CHECK(says<FormatError>("{{ (1] }}", {"line 1", "\"]\""}));
  CHECK(says<FormatError>("{{ a ? b }}", {"line 1", "\"?\""}));
  CHECK(says<FormatError>("{% endfor %}", {"line 1", "endfor"}));
  CHECK(says<FormatError>("{{ '\\u12' }}", {"line 1", "\\u"}));
  CHECK(says<FormatError>("{{ 99999999999999999999 }}", {"line 1", "64 bits"}));
}

TEST_CASE("what is left out is an UnsupportedError with its name", "[jinja][parser]") {
  CHECK(says<UnsupportedError>("\n{{ x | xmlattr }}", {"line 2", "filter \"xmlattr\""}));
  CHECK(says<UnsupportedError>("{{ x is magic }}", {"line 1", "test \"magic\""}));
  CHECK(says<UnsupportedError>("{% include 'a' %}", {"line 1", "include"}));
  CHECK(says<UnsupportedError>("{% for a in b recursive %}{% endfor %}", {"line 1", "recursive"}));
  CHECK(says<UnsupportedError>("{{ 'a'.encode() }}", {"line 1", "encode"}));
  CHECK(says<UnsupportedError>("{{ lipsum() }}", {"line 1", "lipsum"}));
  CHECK(says<UnsupportedError>("{{ [1] | map('magic') | list }}", {"filter \"magic\""}));
  CHECK(says<UnsupportedError>("{{ '{:{}}'.format(1, 2) }}", {"field within a field"}));
}

TEST_CASE("errors while rendering say where", "[jinja]") {
  CHECK(says<InvalidArgument>("a\n{{ raise_exception('roles must alternate') }}",
                              {"t.jinja", "line 2", "roles must alternate"}));
  CHECK(says<FormatError>("\n{{ x.y }}", {"line 2", "'x' is undefined"}));
  CHECK(says<FormatError>("{{ {'a': 1}.b.c }}", {"'dict object' has no attribute 'b'"}));
  CHECK(says<FormatError>("{{ 1 + 'a' }}", {"int + str"}));
  CHECK(says<FormatError>("{{ [].append(1) }}", {"append", "unsafe"}));
  CHECK(says<FormatError>("{{ 'a' | upper(1) }}", {"upper", "at most 0 arguments"}));
  CHECK(says<FormatError>("{{ range(1, nope=2) }}", {"range", "\"nope\""}));
  CHECK(says<FormatError>("{% macro m(a) %}\n{{ a.b.c }}{% endmacro %}\n\n{{ m({}) }}", {"line 2", "'b'"}));
}

TEST_CASE("integers end at 64 bits with an error", "[jinja]") {
  CHECK(render("{{ 9223372036854775807 - 1 }} {{ -9223372036854775807 - 1 }}") ==
        "9223372036854775806 -9223372036854775808");
  for (const char* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ 3037000500 * 3037000500 }}", "{{ 2 ** 63 }}", "{{ 10 ** 400 }}",
        "{{ -(-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ '9' * 30 | int }}",
        "{{ 1e300 | int }}", "{{ ('9' * 30) | int }}", "{{ (-9223372036854775807 - 1) | abs }}",
        "{{ [9223372036854775807, 1] | sum }}", "{{ '%d' % 1e30 }}"}) {
    INFO(source);
    if (std::string_view(source) == "{{ '9' * 30 | int }}") {
      CHECK(render(source) == std::string(30, '9'));  // the filter binds tighter
    } else {
      CHECK(says<FormatError>(source, {"64 bits"}));
    }
  }
  CHECK(render("{{ (-9223372036854775807 - 1) % -1 }} {{ range(9223372036854775806, 9223372036854775807) | "
               "list }}") == "0 [9223372036854775806]");
}

TEST_CASE("a compiled template renders again and again", "[jinja]") {
  const Template compiled = Template::compile(
      "{% set ns = namespace(n=0) %}{% for a in l %}{% set ns.n = ns.n + a %}"
      "{% endfor %}{{ ns.n }}{{ l }}",
      "t");
  const Value list = make_list({Value(std::int64_t{1}), Value(std::int64_t{2})});
  for (int i = 0; i < 3; ++i) CHECK(compiled.render({{"l", list}}) == "3[1, 2]");
  CHECK(compiled.render({{"l", make_list({})}}) == "0[]");
}

TEST_CASE("invalid UTF-8 in a template is mended", "[jinja]") {
  CHECK(render("a\xFF{{ 'b\xC3' }}") ==
        "a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD");
}

TEST_CASE("floats print as Python prints them", "[jinja][printing]") {
  CHECK(real_repr(1e15) == "1000000000000000.0");
  CHECK(real_repr(1e16) == "1e+16");
  CHECK(real_repr(1e-4) == "0.0001");
  CHECK(real_repr(0.00001) == "1e-05");
  CHECK(real_repr(-1.5e-300) == "-1.5e-300");
  CHECK(real_repr(0.1) == "0.1");
}

TEST_CASE("text by code points", "[jinja][strings]") {
  CHECK(strip(" \x1C\t\u3000x\u00A0\n") == "x");
  CHECK(strip_left("\u4F60\u4F60x", "\u4F60") == "x");
  CHECK(upper("stra\u00DFe \uFB01") == "STRASSE FI");
  CHECK(lower("\u039F\u0394\u039F\u03A3.") == "\u03BF\u03B4\u03BF\u03C2.");
  CHECK(find_text("aXbX", "X", 2) == 3);
  CHECK(find_text("abc", "") == 0);
  CHECK(split_lines("a\r\nb\u2028c") == std::vector<std::string_view>{"a", "b", "c"});
  bool overflow = false;
  CHECK(parse_integer(" -1_0 ", 10, overflow) == -10);
  CHECK_FALSE(parse_integer("1__0", 10, overflow).has_value());
  CHECK_FALSE(parse_integer("--1", 10, overflow).has_value());
}

}  // namespace
}  // namespace transom::text::jinja
