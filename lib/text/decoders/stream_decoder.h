// SPDX-License-Identifier: Apache-2.0
/// The body of transom::TokenStream.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/decoders/decoder.h"
#include "text/tokenizer_impl.h"

namespace transom::text {

/// One thread at a time. See decoder.h for how much is held back.
class StreamDecoder {
 public:
  StreamDecoder(std::shared_ptr<const TokenizerImpl> tokenizer, const DecodeOptions& options);
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  /// Appends to `out` the text that became certain.
  void push(TokenId id, std::string& out);
  /// Appends what is left and starts anew.
  void finish(std::string& out);

 private:
  /// The end of the chain.
  class Sink final : public DecodeStage {
   public:
    void append(std::string_view text) override { text_.append(text); }
    void end_token() override {}
    void finish() override {}
    void move_to(std::string& out) {
      out.append(text_);
      text_.clear();
    }

   private:
    std::string text_ = roomy_string();
  };

  void start();

  std::shared_ptr<const TokenizerImpl> tokenizer_;
  DecodeOptions options_;
  Sink sink_;
  std::vector<std::unique_ptr<DecodeStage>> stages_;  // last stage first
};

}  // namespace transom::text
