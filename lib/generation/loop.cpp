// SPDX-License-Identifier: Apache-2.0
#include "generation/loop.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "generation/processors.h"
#include "generation/sampler.h"
#include "generation/stop_strings.h"

namespace transom::generation {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t peak_resident_bytes() {
  struct rusage usage {};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : 0;
}

/// Turns tokens into pieces for the callback and the result.
class TextOutput {
 public:
  /// @param before What stands before the first new token. The new text continues it: a space between the
  ///   two is kept, where decoding the new tokens alone would drop it.
  TextOutput(const Settings& settings, const Tokenizer* tokenizer, std::span<const TokenId> before,
             const TokenCallback& on_text, std::string& text)
      : stops_(settings.stop), on_text_(on_text), text_(text) {
    piece_.reserve(256);
    if (tokenizer == nullptr) return;
    stream_.emplace(tokenizer->stream());
    // The last few tokens are enough: no decoder looks back further than an unfinished character.
    constexpr std::size_t kContext = 8;
    for (const TokenId id : before.last(std::min(before.size(), kContext))) stream_->push(id, piece_);
  }

  void push(TokenId id) {
    piece_.clear();
    if (stream_) stream_->push(id, piece_);
    give(stops_.push(piece_), !stream_);
  }

  /// The unfinished rest: half a character, or a possible beginning of a stop string.
  void finish() {
    if (stream_) give(stops_.push(stream_->finish()), false);
    give(stops_.finish(), false);
  }

  bool stopped() const { return stops_.found(); }
  bool cancelled() const { return cancelled_; }

 private:
  void give(std::string_view piece, bool even_if_empty) {
    text_ += piece;
    if (cancelled_ || !on_text_ || (piece.empty() && !even_if_empty)) return;
    cancelled_ = !on_text_(piece);
  }

  StopStrings stops_;
  const TokenCallback& on_text_;
  std::string& text_;
  std::optional<TokenStream> stream_;
  std::string piece_;  // kept from token to token
  bool cancelled_ = false;
};

/// Lets the model read what it has not read yet. @return False when cancelled on the way.
bool catch_up(const Text& text, const std::stop_token& stop) {
  model::Sequence& sequence = *text.sequence;
  const auto end = static_cast<std::int64_t>(text.tokens->size());
  // The scores of the last token are needed: if it was read already, it is read again.
  if (sequence.position() == end) sequence.truncate(end - 1);
  while (sequence.position() < end) {
    if (stop.stop_requested()) return false;
    const std::int64_t n = std::min(sequence.chunk(), end - sequence.position());
    const auto ids = std::span<const TokenId>(*text.tokens)
                         .subspan(static_cast<std::size_t>(sequence.position()), static_cast<std::size_t>(n));
    const bool last = sequence.position() + n == end;
    sequence.forward(ids, false, last ? std::span<float>(*text.logits) : std::span<float>());
  }
  return true;
}

bool contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// State of one run.
class Run {
 public:
  Run(const Text& text, const Settings& settings, const Tokenizer* tokenizer, const TokenCallback& on_text,
      std::int64_t usable_vocab)
      : text_(text),
        settings_(settings),
        processors_(settings, static_cast<std::int64_t>(text.logits->size()), usable_vocab),
        sampler_(settings, static_cast<std::int64_t>(text.logits->size())),
        output_(settings, tokenizer, *text.tokens, on_text, result_.text) {}

  Generation generate() {
    const auto start = Clock::now();
    result_.timings.prompt_tokens =
        static_cast<std::int64_t>(text_.tokens->size()) - text_.sequence->position();
    reserve();
    result_.finish_reason = FinishReason::length;
    bool first = true;
    Clock::time_point decode_start = start;
    while (new_tokens() < settings_.max_new_tokens && room() > 0) {
      if (settings_.stop_token.stop_requested() || !catch_up(text_, settings_.stop_token)) {
        result_.finish_reason = FinishReason::cancelled;
        break;
      }
      const TokenId id = choose();
      if (first) {
        result_.timings.prefill_s = seconds_since(start);
        decode_start = Clock::now();
        first = false;
      }
      if (accept(id)) break;
    }
    finish();
    if (!first) result_.timings.decode_s = seconds_since(decode_start);
    result_.timings.new_tokens = new_tokens();
    result_.timings.peak_bytes = peak_resident_bytes();
    return std::move(result_);
  }

 private:
  /// Tokens that the context still holds.
  std::int64_t room() const {
    return text_.sequence->context() - static_cast<std::int64_t>(text_.tokens->size());
  }
  std::int64_t new_tokens() const { return static_cast<std::int64_t>(result_.tokens.size()); }

  /// Takes the memory of the whole run at once: the loop itself then allocates nothing.
  void reserve() {
    constexpr std::int64_t kReserveAtMost = 1 << 20;  // a limit of "as much as you like" is not reserved
    const auto n = static_cast<std::size_t>(
        std::clamp(std::min(settings_.max_new_tokens, room()), std::int64_t{0}, kReserveAtMost));
    text_.tokens->reserve(text_.tokens->size() + n);
    result_.tokens.reserve(n);
    result_.text.reserve(n * 8);
    if (settings_.logprobs > 0) result_.logprobs.reserve(n);
  }

  TokenId choose() {
    std::vector<float>& logits = *text_.logits;
    if (settings_.logprobs > 0) raw_logits_ = logits;
    processors_.apply(*text_.tokens, new_tokens(), logits);
    const TokenId id = sampler_.choose(logits);
    if (settings_.logprobs > 0) {
      result_.logprobs.push_back(token_logprobs(raw_logits_, id, settings_.logprobs));
      result_.score += static_cast<double>(result_.logprobs.back().logprob);
    }
    return id;
  }

  /// Appends a token. @return True when it ends the run.
  bool accept(TokenId id) {
    text_.tokens->push_back(id);
    result_.tokens.push_back(id);
    if (contains(settings_.eos_token_ids, id)) {
      result_.finish_reason = FinishReason::eos;
      return true;
    }
    output_.push(id);
    if (output_.stopped()) {
      result_.finish_reason = FinishReason::stop;
    } else if (output_.cancelled()) {
      result_.finish_reason = FinishReason::cancelled;
    } else {
      return false;
    }
    return true;
  }

  void finish() {
    if (result_.finish_reason == FinishReason::cancelled && output_.cancelled()) return;
    output_.finish();
    if (output_.stopped()) result_.finish_reason = FinishReason::stop;
  }

  const Text& text_;
  const Settings& settings_;
  Processors processors_;
  Sampler sampler_;
  Generation result_;
  TextOutput output_;
  std::vector<float> raw_logits_;
};

}  // namespace

Generation run(const Text& text, const Settings& settings, const Tokenizer* tokenizer,
               const TokenCallback& on_text) {
  const auto vocab = static_cast<std::int64_t>(text.logits->size());
  const std::int64_t usable =
      tokenizer == nullptr ? vocab : std::min(vocab, static_cast<std::int64_t>(tokenizer->vocab_size()));
  return Run(text, settings, tokenizer, on_text, usable).generate();
}

}  // namespace transom::generation
