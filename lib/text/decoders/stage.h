// SPDX-License-Identifier: Apache-2.0
/// What most stages of decoding have in common.
#pragma once

#include <string>

#include "text/decoders/decoder.h"

namespace transom::text {

/// Knows the next stage.
class Stage : public DecodeStage {
 public:
  explicit Stage(DecodeStage& next) : next_(next) {}

 protected:
  /// An empty string for what one call gives on. Kept from call to call: decoding allocates nothing.
  std::string& scratch() {
    scratch_.clear();
    return scratch_;
  }

  DecodeStage& next_;

 private:
  std::string scratch_ = roomy_string();
};

/// Sees each token as a whole.
class TokenStage : public Stage {
 public:
  using Stage::Stage;

  void append(std::string_view text) final { token_.append(text); }
  void end_token() final {
    take(token_);
    token_.clear();
  }
  void finish() override { next_.finish(); }

 protected:
  /// @param token May be changed.
  virtual void take(std::string& token) = 0;

  void pass(std::string_view token) {
    if (!token.empty()) next_.append(token);
    next_.end_token();
  }

 private:
  std::string token_ = roomy_string();
};

}  // namespace transom::text
