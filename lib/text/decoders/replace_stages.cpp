// SPDX-License-Identifier: Apache-2.0
/// The two Replace stages of decoding.
#include <algorithm>
#include <utility>

#include "core/checks.h"
#include "text/decoders/decode_stages.h"
#include "text/decoders/stage.h"
#include "transom/error.h"

namespace transom::text {

namespace {

// What a Replace may write for one token (or for the whole text, behind Fuse). Without a bound a few of them
// in a row can be made to grow without end.
constexpr std::size_t kMaxWritten = std::size_t{64} << 20;  // bytes

void check_written(std::size_t n_matches, std::size_t content_bytes) {
  if (content_bytes == 0 || n_matches <= kMaxWritten / content_bytes) return;
  throw UnsupportedError(core::message("the tokenizer's decoder replaces ", n_matches, " places by ",
                                       content_bytes, " bytes each, more than ", kMaxWritten, " in all"));
}

class ReplaceLiteralStage final : public DecodeStage {
 public:
  ReplaceLiteralStage(std::string literal, std::string content, DecodeStage& next)
      : literal_(std::move(literal)), content_(std::move(content)), next_(next) {}

  void append(std::string_view text) override {
    held_.append(text);
    std::string& out = replaced_;
    out.clear();
    std::size_t done = 0;
    std::size_t n_matches = 0;
    for (std::size_t found; (found = held_.find(literal_, done)) != held_.npos;
         done = found + literal_.size()) {
      check_written(++n_matches, content_.size());
      out.append(held_, done, found - done).append(content_);
    }
    const std::size_t keep = beginning_at_end(std::string_view(held_).substr(done));
    out.append(held_, done, held_.size() - keep - done);
    held_.erase(0, held_.size() - keep);
    if (!out.empty()) next_.append(out);
  }

  void end_token() override {
    if (!held_.empty()) next_.append(held_);
    held_.clear();
    next_.end_token();
  }

  void finish() override { next_.finish(); }

 private:
  /// @return Bytes at the end of the text that may become the literal; they are whole characters, because a
  /// literal begins with one.
  std::size_t beginning_at_end(std::string_view text) const {
    for (std::size_t n = std::min(text.size(), literal_.size() - 1); n > 0; --n) {
      if (text.ends_with(std::string_view(literal_).substr(0, n))) return n;
    }
    return 0;
  }

  std::string literal_;  // not empty
  std::string content_;
  DecodeStage& next_;
  std::string held_ = roomy_string();
  std::string replaced_ = roomy_string();  // kept from call to call, so that decoding allocates nothing
};

class ReplacePatternStage final : public TokenStage {
 public:
  ReplacePatternStage(std::shared_ptr<const Pattern> pattern, std::string content, DecodeStage& next)
      : TokenStage(next), pattern_(std::move(pattern)), content_(std::move(content)) {}

 protected:
  void take(std::string& token) override {
    std::vector<Match> matches;
    pattern_->find_all(token, matches);
    check_written(matches.size(), content_.size());
    std::string out;
    std::size_t done = 0;
    for (const Match& match : matches) {
      out.append(token, done, match.begin - done).append(content_);
      done = match.end;
    }
    pass(out.append(token, done));
  }

 private:
  std::shared_ptr<const Pattern> pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<DecodeStage> make_replace_literal_stage(const std::string& literal,
                                                        const std::string& content, DecodeStage& next) {
  return std::make_unique<ReplaceLiteralStage>(literal, content, next);
}

std::unique_ptr<DecodeStage> make_replace_pattern_stage(std::shared_ptr<const Pattern> pattern,
                                                        const std::string& content, DecodeStage& next) {
  return std::make_unique<ReplacePatternStage>(std::move(pattern), content, next);
}

}  // namespace transom::text
