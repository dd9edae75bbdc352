// SPDX-License-Identifier: Apache-2.0
#include "text/decoders/stream_decoder.h"

#include <utility>

namespace transom::text {

StreamDecoder::StreamDecoder(std::shared_ptr<const TokenizerImpl> tokenizer, const DecodeOptions& options)
    : tokenizer_(std::move(tokenizer)), options_(options) {
  start();
}

void StreamDecoder::start() {
  stages_.clear();
  const std::vector<DecodeStageFactory>& factories = tokenizer_->decoder();
  for (auto factory = factories.rbegin(); factory != factories.rend(); ++factory) {
    DecodeStage& next = stages_.empty() ? static_cast<DecodeStage&>(sink_) : *stages_.back();
    stages_.push_back((*factory)(next));
  }
}

void StreamDecoder::push(TokenId id, std::string& out) {
  const std::optional<std::string_view> spelling = tokenizer_->spelling(id);
  if (!spelling || (options_.skip_special_tokens && tokenizer_->is_special(id))) return;
  DecodeStage& first = stages_.empty() ? static_cast<DecodeStage&>(sink_) : *stages_.back();
  first.append(*spelling);
  first.end_token();
  sink_.move_to(out);
}

void StreamDecoder::finish(std::string& out) {
  if (!stages_.empty()) stages_.back()->finish();
  sink_.move_to(out);
  start();
}

}  // namespace transom::text
