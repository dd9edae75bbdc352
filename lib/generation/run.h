// SPDX-License-Identifier: Apache-2.0
/// One text being generated, token by token.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "generation/constraint/constraint.h"
#include "generation/processors/guidance.h"
#include "generation/processors/processors.h"
#include "generation/processors/watermark.h"
#include "generation/sampling/sampler.h"
#include "generation/settings.h"
#include "generation/text_output.h"
#include "model/sequence/sequence.h"
#include "transom/generation.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// A text and what the model has read of it. The sequence may lag behind: the last generated token is only
/// read when something follows it.
struct Text {
  model::Sequence* sequence = nullptr;
  std::vector<TokenId>* tokens = nullptr;  // everything so far, not empty; new ones are appended
  std::size_t prompt_begin = 0;            // the first token that this call added
  std::uint64_t stream = 0;                // of several texts with one seed, each draws something else
};

/// What all texts of one call share.
struct Call {
  const Settings& settings;
  const Tokenizer* tokenizer = nullptr;  // null when the model has none: no text then
  std::int64_t usable_vocab = 0;         // ids from here on are padding of the embedding
};

/// Of the process, 0 where unknown.
std::int64_t peak_resident_bytes();

/// Lets the model read what it has not read yet, and fills the logits of the next token [vocab].
/// @return False when cancelled on the way.
bool read_text(const Text& text, const std::stop_token& stop, std::span<float> logits);
/// The same for the id of the next token, which the device chooses: -1 where none is possible. None when
/// cancelled.
std::optional<TokenId> read_and_choose(const Text& text, const std::stop_token& stop,
                                       const model::TokenChoice& choice);

/// What `echo` adds to a result.
struct Echo {
  std::string text;
  std::vector<TokenLogprobs> logprobs;
};
/// The prompt of this call as text, scored where log-probabilities are asked for.
Echo echo_prompt(const Text& text, const Call& call);

class Run {
 public:
  Run(const Text& text, const Call& call, const TokenCallback& on_text);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Whether another token is to come. Ends the run when it was cancelled or its time is over.
  bool open();
  /// Lets the model read what it has not read yet, and fills the logits of the next token [vocab].
  void read(std::span<float> logits);
  /// Chooses the next token from the logits, which are changed, and appends it.
  void take(std::span<float> logits);
  /// read() and take() in one, by the device where it can choose the token. @param logits Scratch [vocab].
  void read_and_take(std::span<float> logits);

  /// Whether the device can choose the next token: it does so, and nothing of this run has to see the logits.
  bool leaves_choice_to_device() const;
  /// What it chooses by; every call draws another random number, for the next token.
  model::TokenChoice next_choice() { return sampler_.next_choice(processors_.usable_vocab()); }
  /// Appends what the device has chosen: -1 where no token is possible.
  void take_chosen(TokenId id);

  /// @return The result; the run is over.
  Generation finish();

  model::Sequence& sequence() const { return *text_.sequence; }
  /// The one that the model has not read yet, once the run has taken a token.
  TokenId last_token() const { return text_.tokens->back(); }
  /// Tokens that it may still append.
  std::int64_t room_for_tokens() const;
  /// For Timings.
  void count_draft(std::size_t drafted, std::size_t accepted);

 private:
  std::int64_t room() const;
  std::int64_t new_tokens() const { return static_cast<std::int64_t>(result_.tokens.size()); }
  void reserve();
  TokenId choose(std::span<float> logits);
  TokenId sample(std::span<float> logits);
  void append(TokenId id);
  void accept(TokenId id);
  void end(FinishReason reason);
  double seconds() const;

  Text text_;
  Call call_;
  const Settings& settings_;
  Processors processors_;
  Sampler sampler_;
  std::optional<Guidance> guidance_;
  std::optional<Matcher> matcher_;
  std::optional<Watermark> watermark_;
  Generation result_;
  TextOutput output_;
  std::vector<float> raw_logits_;
  std::chrono::steady_clock::time_point start_;
  bool ended_ = false, echoed_ = false;
};

}  // namespace transom::generation
