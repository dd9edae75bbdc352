// SPDX-License-Identifier: Apache-2.0
/// Arbitrary chat templates and messages. The input is a template up to the first zero byte, then messages as
/// JSON; without any, a conversation with tool calls. Only typed errors may come out, the limits must hold,
/// and the text must be valid UTF-8 and the same each time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/require.h"
#include "text/jinja/template.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace {

using namespace transom;
using fuzz::require;

constexpr const char* kMessages =
    R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "na\u00efve \u4f60 <think>"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments":
    {"x": [1, 2.5, null, true], "y": "z"}}}]}, {"role": "tool", "content": "4"}])";

/// Small, so that an input which spends them is still fast.
constexpr text::jinja::RenderLimits kLimits{
    .max_steps = 200'000, .max_bytes = std::size_t{8} << 20, .max_output_bytes = std::size_t{1} << 20};

std::tm fixed_time() { return {}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  try {
    const auto compiled = text::jinja::Template::compile(input.substr(0, end), "fuzz");
    const std::string_view messages = end + 1 < input.size() ? input.substr(end + 1) : kMessages;
    text::jinja::Variables variables;
    variables.emplace("messages", text::jinja::from_json(io::Json::parse(messages, "messages"), "messages"));
    variables.emplace("tools", text::jinja::Value());
    variables.emplace("add_generation_prompt", text::jinja::Value(true));
    variables.emplace("bos_token", text::jinja::Value(std::string("<s>")));
    const std::string text = compiled.render(variables, kLimits, fixed_time);
    require(text.size() <= kLimits.max_output_bytes);
    require(text::valid_utf8_prefix(text) == text.size());
    require(compiled.render(variables, kLimits, fixed_time) == text);
  } catch (const Error&) {
    // A typed error is a right answer to a wrong template.
  }
  return 0;
}
