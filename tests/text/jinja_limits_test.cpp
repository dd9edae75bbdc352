// SPDX-License-Identifier: Apache-2.0
/// Templates that mean harm: each ends in a typed error, soon and within its memory.
#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "text/jinja/template.h"
#include "transom/error.h"

namespace transom::text::jinja {
namespace {

using transom::testing::contains;
using transom::testing::error_of;

constexpr RenderLimits kSmall{
    .max_steps = 100'000, .max_bytes = std::size_t{4} << 20, .max_output_bytes = 65536};

bool is_stopped(const std::string& source, const std::string& by, const RenderLimits& limits = kSmall) {
  const std::string message =
      error_of<FormatError>([&] { Template::compile(source, "bomb").render({}, limits); });
  if (contains(message, by)) return true;
  WARN(source.substr(0, 80) << ": " << message);
  return false;
}

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

TEST_CASE("work is bounded", "[jinja][limits]") {
  CHECK(is_stopped("{{ range(10 ** 9) }}", "range gives at most"));
  CHECK(is_stopped("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                   "bytes of values"));
  CHECK(
      is_stopped("{% set r = range(999) %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% "
                 "endfor %}{% endfor %}",
                 "evaluation steps"));
  CHECK(is_stopped(
      "{% set ns = namespace(a=[1, 1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}"
      "{{ ns.a == [ns.a[0], ns.a[1]] }}{{ ns.a | string | length }}",
      "more than"));
  CHECK(is_stopped(
      "{% set ns = namespace(a='x') %}{% for i in range(90) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
      "bytes of values"));
  CHECK(
      is_stopped("{% set a = 'ab' * 200000 %}{% set b = 'a' * 100000 %}{% for i in range(9999) %}{% set c = "
                 "a.rfind(b) %}{% endfor %}",
                 "evaluation steps"));
}

TEST_CASE("text is bounded", "[jinja][limits]") {
  for (const char* source : {"{{ 'a' * 99999999999 }}",
                             "{{ 'a' * 9223372036854775807 }}",
                             "{{ [1] * 9999999999 }}",
                             "{{ 'a'.ljust(99999999999) }}",
                             "{{ 'a'.center(9223372036854775807) }}",
                             "{{ 'a' | center(99999999999) }}",
                             "{{ '1'.zfill(99999999999) }}",
                             "{{ ('a' * 9999).replace('a', 'b' * 9999) }}",
                             "{{ ('a' * 9999) | replace('', 'b' * 9999) }}",
                             "{{ ('a\\n' * 9999) | indent(9999) }}",
                             "{{ 'a' | indent(99999999999) }}",
                             "{{ '%99999999999d' % 1 }}",
                             "{{ '%*d' % (99999999999, 1) }}",
                             "{{ '{:99999999999}'.format(1) }}",
                             "{{ '%s' % ('a' * 99999999) }}",
                             "{{ ('a' * 9999).join(['b'] * 9999) }}",
                             "{{ ['b'] * 9999 | join('a' * 9999) }}",
                             "{{ (['b'] * 9999) | join('a' * 9999) }}",
                             "{{ [1] | tojson(indent=99999999999) }}",
                             "{{ [[1]] * 9999 | tojson }}",
                             "{{ ([[1]] * 9999) | tojson(indent=9999) }}",
                             "{{ [1] | batch(99999999999, 1) | list }}",
                             "{{ [1] | slice(99999999999) | list }}"}) {
    INFO(source);
    const std::string message =
        error_of<FormatError>([&] { Template::compile(source, "bomb").render({}, kSmall); });
    const bool other =
        contains(source, "['b'] * 9999 | join") || contains(source, "[[1]] * 9999 | tojson }}");
    if (!other) CHECK(contains(message, "more than"));
  }
  CHECK(is_stopped("{% for i in range(9999) %}0123456789{% endfor %}", "bytes of output"));
  CHECK(is_stopped("{{ '%.999999f' % 1.5 }}", "1000 digits"));
}

TEST_CASE("depth is bounded", "[jinja][limits]") {
  const int deep = 20000;
  CHECK(is_stopped("{{ " + repeated("(", deep) + "1" + repeated(")", deep) + " }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("[", deep) + repeated("]", deep) + " }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("{1:", deep) + "1" + repeated("}", deep) + " }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("not ", deep) + "1 }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("- ", deep) + "1 }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("a(", deep) + repeated(")", deep) + " }}", "nested deeper"));
  CHECK(is_stopped("{{ " + repeated("1 if 1 else ", deep) + "1 }}", "nested deeper"));
  CHECK(is_stopped(repeated("{% if 1 %}", deep) + repeated("{% endif %}", deep), "nested deeper"));
  CHECK(is_stopped("{% set " + repeated("(", deep) + "a" + repeated(")", deep) + " = 1 %}", "nested deeper"));
  CHECK(is_stopped("{{ 1" + repeated(" + 1", deep) + " }}", "in a chain"));
  CHECK(is_stopped("{{ a" + repeated(".a", deep) + " }}", "in a chain"));
  CHECK(is_stopped("{{ 1" + repeated(" | abs", deep) + " }}", "in a chain"));
  CHECK(is_stopped("{{ 1" + repeated(" if 1", deep) + " }}", "in a chain"));
  CHECK(is_stopped("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested evaluations"));
  CHECK(
      is_stopped("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{% "
                 "call m() %}{% endcall %}",
                 "more than"));
  CHECK(is_stopped(
      "{% set ns = namespace(a=1) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
      "nested lists"));
  CHECK(is_stopped(
      "{% set ns = namespace(a=1) %}{% for i in range(9999) %}{% set ns.a = {'a': ns.a} %}{% endfor %}",
      "nested lists"));
}

TEST_CASE("long chains and cycles of objects are let go without recursion", "[jinja][limits]") {
  const auto render = [](const std::string& source) { return Template::compile(source, "chain").render({}); };
  CHECK(render("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self.nope }}") == "");
  CHECK(render("{% set b = namespace(x=none) %}{% for i in range(50000) %}{% set b.x = namespace(x=b.x) %}{% "
               "endfor %}ok") == "ok");
  CHECK(render("{% set b = namespace(x=none) %}{% for i in range(50000) %}{% for j in [b.x] %}{% set b.x = "
               "loop %}{% endfor %}{% endfor %}ok") == "ok");
  CHECK(render("{% set b = namespace(x=none) %}{% for i in range(20000) %}{% set p = b.x %}{% macro m() %}{{ "
               "p }}{% endmacro %}"
               "{% set b.x = m %}{% endfor %}ok") == "ok");
  CHECK(render("{% set b = namespace(x='a') %}{% for i in range(50000) %}{% set b.x = [b.x].count %}{% "
               "endfor %}ok") == "ok");
}

TEST_CASE("a large template is refused", "[jinja][limits]") {
  CHECK(contains(
      error_of<FormatError>([] { Template::compile(std::string(kMaxTemplateBytes + 1, 'a'), "big"); }),
      "bytes"));
}

TEST_CASE("ordinary work stays far below the limits", "[jinja][limits]") {
  std::vector<Value> messages;
  for (int i = 0; i < 2000; ++i)
    messages.push_back(make_dict({{Value(std::string("content")), Value(std::string(2000, 'x'))}}));
  const std::string text =
      Template::compile(
          "{% for m in messages %}{% if loop.first or loop.last %}{{ m.content }}{% else %}"
          "{{ '<' + m['content'] | trim + '>' }}{% endif %}{% endfor %}",
          "chat")
          .render({{"messages", make_list(std::move(messages))}});
  CHECK(text.size() == 2000 * 2000 + 2 * 1998);
}

}  // namespace
}  // namespace transom::text::jinja
