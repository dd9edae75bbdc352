// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace transom::compress {

/// The calibration text that the library brings along (calibration_text.en.md says where it comes from).
std::string_view bundled_text();

/// Cuts the ids of a text into at most `samples` sequences of `length` ids, spread evenly over the text.
/// @param first What each sequence begins with (BOS, where the model is used to one), or nothing.
/// @return [sequences, length]; empty when the text does not fill one sequence.
std::vector<std::int32_t> cut_sequences(std::span<const std::int32_t> ids, std::int64_t samples,
                                        std::int64_t length, std::optional<std::int32_t> first);

}  // namespace transom::compress
