// SPDX-License-Identifier: Apache-2.0
/// Rotary tables shared by all layers of one rope and, where there are sinks, one window and number of sinks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/layers/token_run.h"
#include "model/spec.h"

namespace transom::model {

class RopeGroup {
 public:
  /// @param tokens Tokens of a call, at most.
  RopeGroup(const RopeSpec& rope, const LayerSpec& layer, std::int64_t tokens, backend::Backend& backend);

  /// Whether a layer of this rope can use the tables. Without sinks its window does not matter.
  bool serves(const RopeSpec& rope, const LayerSpec& layer) const {
    return rope == *rope_ && layer.sinks == sinks_ && (sinks_ == 0 || layer.window == window_);
  }

  /// Fills the tables for the rows of `runs`, which lie one after the other from row 0 on.
  void fill(std::span<const TokenRun> runs, backend::Backend& backend);

  const backend::RopeTables& tables() const { return tables_; }
  /// Whether queries of the last fill need their own rotation for the sinks: some can no longer see every
  /// position.
  bool has_sink_tables() const { return sinks_differ_; }
  const backend::RopeTables& sink_tables() const { return sink_tables_; }

 private:
  static backend::RopeTables view(backend::Buffer& buffer, std::int64_t tokens, std::int64_t half);

  const RopeSpec* rope_;
  std::int64_t window_, sinks_;
  std::vector<float> inv_freq_;
  std::vector<std::int64_t> positions_, sink_positions_;
  backend::Buffer buffer_, sink_buffer_;
  backend::RopeTables tables_, sink_tables_;
  bool sinks_differ_ = false;
};

}  // namespace transom::model
