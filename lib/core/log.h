// SPDX-License-Identifier: Apache-2.0
/// Lines for the application's sink; nothing happens without one.
#pragma once

#include <string_view>

#include "core/checks.h"
#include "transom/log.h"

namespace transom::core {

bool log_enabled() noexcept;
void log(LogLevel level, std::string_view text);

/// Builds the text only when somebody listens.
template <typename... Parts>
void log_message(LogLevel level, const Parts&... parts) {
  if (log_enabled()) log(level, message(parts...));
}

}  // namespace transom::core
