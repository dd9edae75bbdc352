// SPDX-License-Identifier: Apache-2.0
// What a run of transom-quantize did, for people (Markdown with a plot) and for programs (JSON).
#pragma once

#include <transom/transom.h>

#include <filesystem>
#include <optional>
#include <string>

struct QuantizeReport {
  std::string settings;  // "4 bits, groups of 128, ..."
  transom::QuantizeResult result;
  std::optional<double> perplexity_before, perplexity_after;
};

/// Writes quantize_report.md, quantize_report.json and quantize_report.svg into a directory.
/// @throws DeviceError when one can not be written.
void write_report(const QuantizeReport& report, const std::filesystem::path& directory);
