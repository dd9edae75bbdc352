// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace transom {

namespace {

using Sink = std::function<void(LogLevel, std::string_view)>;

struct LogState {
  std::mutex mutex;  // held while the sink runs: lines come one at a time
  Sink sink;
  std::atomic<bool> enabled{false};
};

LogState& state() {
  static LogState instance;
  return instance;
}

}  // namespace

void set_log_sink(Sink sink) {
  LogState& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  log_state.enabled = static_cast<bool>(sink);
  log_state.sink = std::move(sink);
}

namespace core {

bool log_enabled() noexcept { return state().enabled.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view text) {
  // A sink that calls the library would come here again, with the lock held.
  thread_local bool inside = false;
  if (inside) return;
  LogState& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  inside = true;
  try {
    if (log_state.sink) log_state.sink(level, text);
  } catch (...) {
    // A failing log must not fail what is logged.
  }
  inside = false;
}

}  // namespace core
}  // namespace transom
