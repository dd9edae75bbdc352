// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/temporary_directory.h"

namespace transom::testing {

constexpr int kByteModelEos = 257;

/// Writes a model directory whose tokens are the 256 bytes, <s> (256) and </s> (257): it can spell any text, and
/// its seeded random weights prefer none.
/// @param extra Members for config.json, each followed by a comma: R"("sliding_window": 8,)".
void write_byte_model(const TemporaryDirectory& directory, std::string_view extra = "");

}  // namespace transom::testing
