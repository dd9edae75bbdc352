// SPDX-License-Identifier: Apache-2.0
/// The chat templates of real models, rendered as transformers renders them (tests/golden/chat_templates).
#include <iostream>

#include "io/json.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "text/chat_template.h"
#include "transom/error.h"

namespace transom::text {
namespace {

namespace fs = std::filesystem;

const std::string kWhere = "golden";

/// FNV-1a, as in the script that made the goldens.
std::string hash_of(const std::string& text) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(value >> shift) & 15];
  return out;
}

/// The time at which the goldens were made.
std::tm golden_time() {
  std::tm time{};
  time.tm_year = 2025 - 1900;
  time.tm_mon = 2;
  time.tm_mday = 7;
  return time;
}

/// The JSON text of a member: the templates' own tojson writes it.
std::string json_of(const io::Json& conversation, std::string_view key) {
  const io::Json* const found = conversation.find(key);
  if (found == nullptr) return {};
  return jinja::Template::compile("{{ x | tojson }}", "test")
      .render({{"x", jinja::from_json(*found, kWhere)}});
}

ChatTemplateOptions options_of(const io::Json& conversation) {
  ChatTemplateOptions options;
  const auto flag = [&](std::string_view key) {
    const io::Json* const found = conversation.find(key);
    return found != nullptr && found->as_bool(kWhere);
  };
  options.add_generation_prompt = flag("add_generation_prompt");
  options.continue_final_message = flag("continue_final_message");
  options.tools_json = json_of(conversation, "tools");
  options.variables_json = json_of(conversation, "variables");
  return options;
}

void check_outcome(const ChatTemplates& templates, const io::Json& conversation, const io::Json& expected) {
  INFO(conversation.at("name", kWhere).as_string(kWhere));
  std::optional<std::string> text;
  std::string problem;
  try {
    text = templates.apply_json(json_of(conversation, "messages"), options_of(conversation), golden_time);
  } catch (const Error& error) {
    problem = error.what();
  }
  INFO(problem);
  INFO(text.value_or(""));
  if (expected.is_null()) {
    CHECK_FALSE(text.has_value());
    return;
  }
  const std::vector<io::Json>& outcome = expected.as_array(kWhere);
  REQUIRE(text.has_value());
  INFO("ends with " << outcome[2].as_string(kWhere));
  CHECK(static_cast<std::int64_t>(text->size()) == outcome[0].as_int(kWhere));
  CHECK(hash_of(*text) == outcome[1].as_string(kWhere));
}

TEST_CASE("real templates give what transformers gives", "[chat_template]") {
  const std::optional<fs::path> shared = testing::shared_data();
  if (!shared || !fs::exists(*shared / "templates")) {
    std::cout << "skipped: the chat templates are not there (set TRANSOM_SHARED_DATA)\n";
    return;
  }
  const fs::path folder = testing::source_directory() / "tests" / "golden" / "chat_templates";
  const io::Json golden = io::Json::parse_file(folder / "expected.json");
  const io::Json conversations = io::Json::parse_file(folder / "conversations.json");
  for (const auto& [name, outcomes] : golden.at("templates", kWhere).as_object(kWhere)) {
    INFO(name);
    ChatTemplates templates;
    templates.add("default", testing::read_file(*shared / "templates" / name), name);
    for (const auto& [token, spelling] : golden.at("special_tokens", kWhere).as_object(kWhere)) {
      templates.add_special_token(token, spelling.as_string(kWhere));
    }
    REQUIRE(outcomes.as_array(kWhere).size() == conversations.as_array(kWhere).size());
    for (std::size_t i = 0; i < outcomes.as_array(kWhere).size(); ++i) {
      check_outcome(templates, conversations.as_array(kWhere)[i], outcomes.as_array(kWhere)[i]);
    }
  }
}

}  // namespace
}  // namespace transom::text
