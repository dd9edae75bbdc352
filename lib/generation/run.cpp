// SPDX-License-Identifier: Apache-2.0
#include "generation/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "generation/scoring.h"

namespace transom::generation {

namespace {

using Clock = std::chrono::steady_clock;

bool contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

std::int64_t peak_resident_bytes() {
  struct rusage usage {};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : 0;
}

namespace {

/// Lets the model read what it has not read yet: forward(ids, whether they are the last). False when
/// cancelled on the way.
template <typename Forward>
bool read_chunks(const Text& text, const std::stop_token& stop, const Forward& forward) {
  model::Sequence& sequence = *text.sequence;
  const auto end = static_cast<std::int64_t>(text.tokens->size());
  // The scores of the last token are needed: if it was read already, it is read again.
  if (sequence.position() == end) sequence.truncate(end - 1);
  while (sequence.position() < end) {
    if (stop.stop_requested()) return false;
    const std::int64_t n = std::min(sequence.chunk(), end - sequence.position());
    const auto ids = std::span<const TokenId>(*text.tokens)
                         .subspan(static_cast<std::size_t>(sequence.position()), static_cast<std::size_t>(n));
    forward(ids, sequence.position() + n == end);
  }
  return true;
}

}  // namespace

bool read_text(const Text& text, const std::stop_token& stop, std::span<float> logits) {
  return read_chunks(text, stop, [&](std::span<const TokenId> ids, bool last) {
    text.sequence->forward(ids, false, last ? logits : std::span<float>());
  });
}

std::optional<TokenId> read_and_choose(const Text& text, const std::stop_token& stop,
                                       const model::TokenChoice& choice) {
  TokenId chosen = -1;
  const bool read = read_chunks(text, stop, [&](std::span<const TokenId> ids, bool last) {
    if (!last) return text.sequence->forward(ids, false, {});
    chosen = text.sequence->forward_and_choose(ids, choice);
  });
  return read ? std::optional(chosen) : std::nullopt;
}

Echo echo_prompt(const Text& text, const Call& call) {
  Echo echo;
  const Settings& settings = call.settings;
  if (settings.logprobs > 0) {
    echo.logprobs = score_tokens(*text.sequence, *text.tokens, text.prompt_begin, settings.logprobs,
                                 [&] { return settings.stop_token.stop_requested(); });
  }
  const auto prompt = std::span<const TokenId>(*text.tokens).subspan(text.prompt_begin);
  if (call.tokenizer != nullptr) echo.text = call.tokenizer->decode(prompt);
  return echo;
}

Run::Run(const Text& text, const Call& call, const TokenCallback& on_text)
    : text_(text),
      call_(call),
      settings_(call.settings),
      processors_(call.settings, text.sequence->vocab(), call.usable_vocab, call.tokenizer),
      sampler_(call.settings, text.sequence->vocab(), text.stream),
      output_(call.settings, call.tokenizer, *text.tokens, on_text, result_.text),
      start_(Clock::now()) {
  result_.finish_reason = FinishReason::length;
  result_.timings.prompt_tokens =
      static_cast<std::int64_t>(text_.tokens->size()) - text_.sequence->position();
  if (settings_.guidance_scale != 1) guidance_.emplace(settings_, *text.sequence);
  if (settings_.constraint != nullptr) matcher_.emplace(settings_.constraint, settings_.eos_token_ids);
  if (settings_.watermark)
    watermark_.emplace(*settings_.watermark, static_cast<std::size_t>(text.sequence->vocab()));
  reserve();
}

/// Tokens that the context still holds.
std::int64_t Run::room() const {
  return text_.sequence->context() - static_cast<std::int64_t>(text_.tokens->size());
}

std::int64_t Run::room_for_tokens() const {
  return std::min(settings_.max_new_tokens - new_tokens(), room());
}

void Run::count_draft(std::size_t drafted, std::size_t accepted) {
  result_.timings.drafted_tokens += static_cast<std::int64_t>(drafted);
  result_.timings.accepted_tokens += static_cast<std::int64_t>(accepted);
}

/// Takes the memory of the whole run at once: the loop itself then allocates nothing.
void Run::reserve() {
  constexpr std::int64_t kReserveAtMost = 1 << 20;  // a limit of "as much as you like" is not reserved
  const auto n = static_cast<std::size_t>(std::clamp(room_for_tokens(), std::int64_t{0}, kReserveAtMost));
  // At least twice as much as before: many short calls would each copy the whole text otherwise.
  const std::size_t needed = text_.tokens->size() + n;
  if (needed > text_.tokens->capacity())
    text_.tokens->reserve(std::max(needed, 2 * text_.tokens->capacity()));
  result_.tokens.reserve(n);
  result_.text.reserve(n * 8);
  if (settings_.logprobs > 0) result_.logprobs.reserve(n);
}

double Run::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

bool Run::open() {
  if (ended_) return false;
  if (settings_.echo && !std::exchange(echoed_, true)) {
    Echo echo = echo_prompt(text_, call_);
    result_.prompt_logprobs = std::move(echo.logprobs);
    output_.push_prompt(echo.text);
  }
  if (settings_.stop_token.stop_requested() || output_.cancelled()) {
    end(FinishReason::cancelled);
  } else if (settings_.max_time > 0 && seconds() >= static_cast<double>(settings_.max_time)) {
    end(FinishReason::length);
  } else if (room_for_tokens() <= 0 || (guidance_ && !guidance_->has_room())) {
    end(FinishReason::length);
  } else if (matcher_ && matcher_->must_end()) {
    end(FinishReason::stop);
  }
  return !ended_;
}

void Run::read(std::span<float> logits) {
  if (!read_text(text_, settings_.stop_token, logits)) end(FinishReason::cancelled);
}

void Run::take(std::span<float> logits) {
  if (ended_) return;
  const TokenId id = choose(logits);
  if (!ended_) append(id);
}

void Run::read_and_take(std::span<float> logits) {
  if (!leaves_choice_to_device()) {
    read(logits);
    return take(logits);
  }
  const std::optional<TokenId> id = read_and_choose(text_, settings_.stop_token, next_choice());
  if (!id) return end(FinishReason::cancelled);
  take_chosen(*id);
}

bool Run::leaves_choice_to_device() const {
  return text_.sequence->chooses_tokens() && settings_.logprobs == 0 && !guidance_ && !matcher_ &&
         !watermark_ && sampler_.fits_choice() && processors_.idle(text_.tokens->size());
}

void Run::take_chosen(TokenId id) {
  if (id < 0) fail_no_token();
  append(id);
}

void Run::append(TokenId id) {
  if (new_tokens() == 0) result_.timings.prefill_s = seconds();
  accept(id);
}

TokenId Run::choose(std::span<float> logits) {
  if (settings_.logprobs > 0) raw_logits_.assign(logits.begin(), logits.end());
  if (guidance_) guidance_->apply(*text_.tokens, logits);
  processors_.apply(*text_.tokens, logits);
  // Last, so that nothing can allow what the constraint forbids.
  if (matcher_ && !matcher_->mask(logits)) {
    end(FinishReason::stop);
    return 0;
  }
  const TokenId id = sample(logits);
  if (matcher_) matcher_->accept(id);
  if (settings_.logprobs > 0) {
    result_.logprobs.push_back(token_logprobs(raw_logits_, id, settings_.logprobs));
    result_.score += static_cast<double>(result_.logprobs.back().logprob);
  }
  return id;
}

TokenId Run::sample(std::span<float> logits) {
  if (!watermark_) return sampler_.choose(logits);
  if (settings_.do_sample) sampler_.truncate(logits);
  watermark_->apply(*text_.tokens, logits);
  return sampler_.choose_truncated(logits);
}

void Run::accept(TokenId id) {
  text_.tokens->push_back(id);
  result_.tokens.push_back(id);
  if (contains(settings_.eos_token_ids, id)) {
    end(FinishReason::eos);
    return;
  }
  output_.push(id);
  if (output_.stopped()) {
    end(FinishReason::stop);
  } else if (output_.cancelled()) {
    end(FinishReason::cancelled);
  }
}

void Run::end(FinishReason reason) {
  ended_ = true;
  result_.finish_reason = reason;
}

Generation Run::finish() {
  ended_ = true;
  if (!output_.cancelled()) {
    output_.finish();
    if (output_.stopped()) result_.finish_reason = FinishReason::stop;
  }
  result_.timings.decode_s = new_tokens() > 0 ? seconds() - result_.timings.prefill_s : 0;
  result_.timings.new_tokens = new_tokens();
  result_.timings.peak_bytes = peak_resident_bytes();
  return std::move(result_);
}

}  // namespace transom::generation
