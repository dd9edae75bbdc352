// SPDX-License-Identifier: Apache-2.0
#include "text/decoders/decode_stages.h"

#include <optional>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/byte_token.h"
#include "text/decoders/stage.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

class ByteLevelStage final : public Stage {
 public:
  using Stage::Stage;

  void append(std::string_view text) override { token_.append(text); }

  void end_token() override {
    bytes_.clear();
    const char* p = token_.data();
    const char* const end = p + token_.size();
    bool in_alphabet = true;
    while (p != end && in_alphabet) {
      const std::optional<unsigned char> byte = byte_of_character(next_code_point(p));
      in_alphabet = byte.has_value();
      if (byte) bytes_.push_back(static_cast<char>(*byte));
    }
    std::string& text = scratch();
    assembler_.push(in_alphabet ? bytes_ : token_, text);
    token_.clear();
    if (!text.empty()) next_.append(text);
  }

  void finish() override {
    std::string& text = scratch();
    assembler_.finish(text);
    if (!text.empty()) next_.append(text);
    next_.end_token();
    next_.finish();
  }

 private:
  std::string token_ = roomy_string();
  std::string bytes_ = roomy_string();
  Utf8Assembler assembler_{Utf8Assembler::Policy::per_subpart};
};

class ByteFallbackStage final : public Stage {
 public:
  using Stage::Stage;

  void append(std::string_view text) override { token_.append(text); }

  void end_token() override {
    const std::optional<char> byte = byte_of_token(token_);
    std::string& text = scratch();
    if (byte) {
      in_run_ = true;
      assembler_.push({&*byte, 1}, text);
      if (!text.empty()) next_.append(text);
    } else {
      close_run();
      next_.append(token_);
      next_.end_token();
    }
    token_.clear();
  }

  void finish() override {
    close_run();
    next_.finish();
  }

 private:
  void close_run() {
    if (!in_run_) return;
    in_run_ = false;
    std::string& text = scratch();
    assembler_.finish(text);
    if (!text.empty()) next_.append(text);
    next_.end_token();
  }

  std::string token_ = roomy_string();
  bool in_run_ = false;
  Utf8Assembler assembler_{Utf8Assembler::Policy::per_byte};
};

class FuseStage final : public Stage {
 public:
  using Stage::Stage;
  void append(std::string_view text) override { next_.append(text); }
  void end_token() override {}
  void finish() override {
    next_.end_token();
    next_.finish();
  }
};

class JoinStage final : public Stage {
 public:
  using Stage::Stage;

  void append(std::string_view text) override {
    begin_token();
    next_.append(text);
  }
  void end_token() override {
    begin_token();
    open_ = false;
  }
  void finish() override {
    next_.end_token();
    next_.finish();
  }

 private:
  void begin_token() {
    if (!open_ && !first_) next_.append(" ");
    open_ = true;
    first_ = false;
  }

  bool open_ = false;
  bool first_ = true;
};

class StripStage final : public Stage {
 public:
  StripStage(std::string content, std::size_t start, std::size_t stop, DecodeStage& next)
      : Stage(next), content_(std::move(content)), start_(start), stop_(stop) {}

  void append(std::string_view text) override {
    std::string& out = scratch();
    for (std::size_t i = 0; i < text.size();) {
      const std::string_view character = text.substr(i, utf8_length(text[i]));
      i += character.size();
      const bool is_content = character == content_;
      if (is_content && at_start_ && n_stripped_ < start_) {
        ++n_stripped_;
        continue;
      }
      at_start_ = false;
      if (is_content && n_held_ < stop_) {
        ++n_held_;  // may turn out to be the end of the token
        continue;
      }
      // Of a longer run of content the last `stop` characters stay held: one comes in, one goes out.
      if (!is_content) release(out);
      out.append(character);
    }
    if (!out.empty()) next_.append(out);
  }

  void end_token() override {
    at_start_ = true;
    n_stripped_ = n_held_ = 0;
    next_.end_token();
  }

  void finish() override { next_.finish(); }

 private:
  void release(std::string& out) {
    for (; n_held_ > 0; --n_held_) out.append(content_);
  }

  std::string content_;
  std::size_t start_;
  std::size_t stop_;
  bool at_start_ = true;
  std::size_t n_stripped_ = 0;
  std::size_t n_held_ = 0;
};

class MetaspaceStage final : public Stage {
 public:
  MetaspaceStage(std::string replacement, bool drop_in_first, DecodeStage& next)
      : Stage(next), replacement_(std::move(replacement)), dropping_(drop_in_first) {}

  void append(std::string_view text) override {
    std::string& out = scratch();
    for (std::size_t i = 0; i < text.size();) {
      const std::string_view character = text.substr(i, utf8_length(text[i]));
      i += character.size();
      if (character != replacement_) {
        out.append(character);
      } else if (!dropping_) {
        out.push_back(' ');
      }
    }
    if (!out.empty()) next_.append(out);
  }

  void end_token() override {
    dropping_ = false;
    next_.end_token();
  }

  void finish() override { next_.finish(); }

 private:
  std::string replacement_;
  bool dropping_;
};

}  // namespace

std::unique_ptr<DecodeStage> make_byte_level_stage(DecodeStage& next) {
  return std::make_unique<ByteLevelStage>(next);
}

std::unique_ptr<DecodeStage> make_byte_fallback_stage(DecodeStage& next) {
  return std::make_unique<ByteFallbackStage>(next);
}

std::unique_ptr<DecodeStage> make_fuse_stage(DecodeStage& next) { return std::make_unique<FuseStage>(next); }

std::unique_ptr<DecodeStage> make_join_stage(DecodeStage& next) { return std::make_unique<JoinStage>(next); }

std::unique_ptr<DecodeStage> make_strip_stage(const std::string& content, std::size_t start, std::size_t stop,
                                              DecodeStage& next) {
  return std::make_unique<StripStage>(content, start, stop, next);
}

std::unique_ptr<DecodeStage> make_metaspace_stage(const std::string& replacement, bool drop_in_first,
                                                  DecodeStage& next) {
  return std::make_unique<MetaspaceStage>(replacement, drop_in_first, next);
}

}  // namespace transom::text
