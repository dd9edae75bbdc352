// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "transom/export.h"

namespace transom {

enum class LogLevel { debug, info, warning };

/// Receives the library's log lines: which kernels were chosen and why, what a file held that was ignored.
/// Transom is silent until a sink is set and never writes to a standard stream.
/// @param sink Called from any thread, one call at a time; it must not call set_log_sink. The text is valid
///   during the call. An empty
///   function silences the library again. What the sink throws is dropped, and so are lines that its own
///   calls of the library would log.
TRANSOM_API void set_log_sink(std::function<void(LogLevel level, std::string_view text)> sink);

}  // namespace transom
