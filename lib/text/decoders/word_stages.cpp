// SPDX-License-Identifier: Apache-2.0
/// The stages of tokenizers that know words: WordPiece, BPE with a suffix, CTC.
#include <array>
#include <optional>
#include <utility>

#include "text/decoders/decode_stages.h"
#include "text/decoders/stage.h"

namespace transom::text {

namespace {

struct Replacement {
  std::string_view from;  // not empty
  std::string_view to;
};

/// What the reference implementation's decoders do to English, in this order.
constexpr std::array<Replacement, 11> kWordCleanUp = {{{" .", "."},
                                                       {" ?", "?"},
                                                       {" !", "!"},
                                                       {" ,", ","},
                                                       {" ' ", "'"},
                                                       {" n't", "n't"},
                                                       {" 'm", "'m"},
                                                       {" do not", " don't"},
                                                       {" 's", "'s"},
                                                       {" 've", "'ve"},
                                                       {" 're", "'re"}}};

/// Replaces in place; allocates only when there is something to replace.
void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::size_t found = text.find(from);
  if (found == text.npos) return;
  std::string out;
  std::size_t done = 0;
  for (; found != text.npos; found = text.find(from, done)) {
    out.append(text, done, found - done).append(to);
    done = found + from.size();
  }
  text = out.append(text, done);
}

void clean_up(std::string& text) {
  for (const Replacement& rule : kWordCleanUp) replace_all(text, rule.from, rule.to);
}

class WordPieceStage final : public TokenStage {
 public:
  WordPieceStage(std::string prefix, bool cleanup, DecodeStage& next)
      : TokenStage(next), prefix_(std::move(prefix)), cleanup_(cleanup) {}

 protected:
  void take(std::string& token) override {
    if (first_) {
      first_ = false;
    } else if (token.starts_with(prefix_)) {
      token.erase(0, prefix_.size());
    } else {
      token.insert(0, 1, ' ');
    }
    if (cleanup_) clean_up(token);
    pass(token);
  }

 private:
  std::string prefix_;
  bool cleanup_;
  bool first_ = true;
};

class SuffixStage final : public TokenStage {
 public:
  SuffixStage(std::string suffix, DecodeStage& next) : TokenStage(next), suffix_(std::move(suffix)) {}

  void finish() override {
    release("");
    TokenStage::finish();
  }

 protected:
  void take(std::string& token) override {
    release(" ");
    if (token.find(suffix_) == token.npos) return pass(token);
    held_ = token;  // whether it is the last one decides
    is_held_ = true;
  }

 private:
  void release(std::string_view replacement) {
    if (!is_held_) return;
    is_held_ = false;
    replace_all(held_, suffix_, replacement);
    pass(held_);
  }

  std::string suffix_;
  std::string held_ = roomy_string();
  bool is_held_ = false;
};

class CtcStage final : public TokenStage {
 public:
  CtcStage(std::string pad, std::string delimiter, bool cleanup, DecodeStage& next)
      : TokenStage(next), pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}

 protected:
  void take(std::string& token) override {
    if (previous_ == token) return;
    previous_ = token;
    if (!pad_.empty()) replace_all(token, pad_, "");
    if (cleanup_) {
      clean_up(token);
      replace_all(token, delimiter_, " ");
    }
    if (!token.empty()) pass(token);
  }

 private:
  std::string pad_;
  std::string delimiter_;
  bool cleanup_;
  std::optional<std::string> previous_;
};

}  // namespace

std::unique_ptr<DecodeStage> make_word_piece_stage(const std::string& prefix, bool cleanup,
                                                   DecodeStage& next) {
  return std::make_unique<WordPieceStage>(prefix, cleanup, next);
}

std::unique_ptr<DecodeStage> make_suffix_stage(const std::string& suffix, DecodeStage& next) {
  return std::make_unique<SuffixStage>(suffix, next);
}

std::unique_ptr<DecodeStage> make_ctc_stage(const std::string& pad, const std::string& delimiter,
                                            bool cleanup, DecodeStage& next) {
  return std::make_unique<CtcStage>(pad, delimiter, cleanup, next);
}

}  // namespace transom::text
