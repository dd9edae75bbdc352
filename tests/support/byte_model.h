// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace transom::testing {

constexpr int kByteModelEos = 257;

/// Writes a model directory whose tokens are the 256 bytes, <s> (256) and </s> (257): it can spell any text, and
/// its seeded random weights prefer none.
/// @param extra Members for config.json, each followed by a comma: R"("sliding_window": 8,)".
void write_byte_model(const std::filesystem::path& directory, std::string_view extra = "");
/// Adds a chat template to it: <s>role:content</s> for each message.
void write_chat_template(const std::filesystem::path& directory);

}  // namespace transom::testing
