// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

TEST_CASE("log: silent without a sink, whole lines with one") {
  transom::core::log_message(transom::LogLevel::info, "lost");
  CHECK_FALSE(transom::core::log_enabled());
  std::vector<std::string> lines;
  transom::set_log_sink([&](transom::LogLevel level, std::string_view text) {
    lines.push_back((level == transom::LogLevel::warning ? "W " : "I ") + std::string(text));
  });
  transom::core::log_message(transom::LogLevel::warning, "layers: ", 3);
  transom::set_log_sink({});
  transom::core::log_message(transom::LogLevel::info, "lost");
  CHECK(lines == std::vector<std::string>{"W layers: 3"});
}
