// SPDX-License-Identifier: Apache-2.0
/// Small templates, rendered as jinja2 renders them for transformers (tests/golden/jinja).
#include "io/json.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "text/jinja/template.h"
#include "transom/error.h"

namespace transom::text::jinja {
namespace {

/// The time at which the goldens were made.
std::tm golden_time() {
  std::tm time{};
  time.tm_year = 2025 - 1900;
  time.tm_mon = 2;
  time.tm_mday = 7;
  time.tm_hour = 14;
  time.tm_min = 5;
  time.tm_sec = 9;
  time.tm_wday = 5;
  time.tm_yday = 65;
  return time;
}

TEST_CASE("templates give what jinja2 gives", "[jinja]") {
  const std::string where = "cases.json";
  const io::Json golden =
      io::Json::parse_file(testing::source_directory() / "tests" / "golden" / "jinja" / where);
  Variables variables;
  for (const auto& [name, value] : golden.at("variables", where).as_object(where)) {
    variables.emplace(name, from_json(value, where));
  }
  std::size_t n_errors = 0;
  for (const io::Json& one : golden.at("cases", where).as_array(where)) {
    const std::vector<io::Json>& pair = one.as_array(where);
    const std::string& source = pair[0].as_string(where);
    INFO(source);
    std::optional<std::string> text;
    std::string problem;
    try {
      text = Template::compile(source, "case").render(variables, {}, golden_time);
    } catch (const Error& error) {
      problem = error.what();
    }
    INFO(problem);
    if (pair[1].is_null()) {
      ++n_errors;
      INFO(text.value_or(""));
      CHECK_FALSE(text.has_value());
    } else {
      CHECK(text.value_or(problem) == pair[1].as_string(where));
    }
  }
  CHECK(n_errors > 100);
}

}  // namespace
}  // namespace transom::text::jinja
