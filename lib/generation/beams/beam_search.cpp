// SPDX-License-Identifier: Apache-2.0
#include "generation/beams/beam_search.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "generation/beams/beam_caches.h"
#include "generation/beams/beam_group.h"
#include "generation/processors/processors.h"
#include "generation/processors/watermark.h"
#include "generation/sampling/sampler.h"
#include "generation/text_output.h"

namespace transom::generation {

namespace {

using Clock = std::chrono::steady_clock;

const TokenCallback kNoCallback;

class BeamSearch {
 public:
  BeamSearch(const Text& text, const Call& call)
      : text_(text),
        call_(call),
        settings_(call.settings),
        vocab_(static_cast<std::size_t>(text.sequence->vocab())),
        group_size_(static_cast<std::size_t>(settings_.beam.beams / settings_.beam.groups)),
        processors_(settings_, text.sequence->vocab(), call.usable_vocab, call.tokenizer),
        sampler_(settings_, text.sequence->vocab()),
        start_(Clock::now()) {
    const std::int64_t room = text.sequence->context() - static_cast<std::int64_t>(text.tokens->size());
    max_new_tokens_ = std::min(settings_.max_new_tokens, room);
    if (settings_.watermark) watermark_.emplace(*settings_.watermark, vocab_);
    Beam empty;
    if (settings_.constraint != nullptr) empty.matcher.emplace(settings_.constraint, settings_.eos_token_ids);
    for (int i = 0; i < settings_.beam.groups; ++i)
      groups_.emplace_back(settings_, group_size_, max_new_tokens_, empty);
  }

  std::vector<Generation> search(const TokenCallback& on_text);

 private:
  bool interrupted();
  void step(std::span<float> logits);
  void step_group(std::size_t index, std::span<float> logits);
  void process(Beam& beam, std::span<float> logits);
  bool completes_stop_string(const Beam& beam, TokenId token) const;
  std::optional<FinishReason> ending(const Beam& beam, TokenId token) const;
  void read_step(BeamCaches& caches, std::vector<float>& logits, bool first);
  std::vector<FinishedBeam> ranking();
  Generation result(FinishedBeam finished, const TokenCallback& on_text) const;

  Text text_;
  const Call& call_;
  const Settings& settings_;
  std::size_t vocab_, group_size_;
  std::int64_t max_new_tokens_ = 0;
  Processors processors_;
  Sampler sampler_;
  std::optional<Watermark> watermark_;
  std::vector<BeamGroup> groups_;
  std::vector<TokenId> so_far_,
      chosen_;              // scratch: a beam's whole text; tokens of earlier groups in this step
  std::vector<float> raw_;  // scratch: logits of the beams before processing
  Clock::time_point start_;
  double prefill_s_ = 0;
  Echo echo_;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<Generation> BeamSearch::search(const TokenCallback& on_text) {
  const std::int64_t prompt_tokens =
      static_cast<std::int64_t>(text_.tokens->size()) - text_.sequence->position();
  std::vector<float> logits(static_cast<std::size_t>(settings_.beam.beams) * vocab_);
  if (settings_.echo) echo_ = echo_prompt(text_, call_);
  if (max_new_tokens_ > 0 && !interrupted()) {
    read_text(text_, settings_.stop_token, std::span(logits).first(vocab_));
    prefill_s_ = seconds_since(start_);
    for (std::size_t g = 1; g < groups_.size(); ++g)
      std::copy_n(logits.begin(), vocab_,
                  logits.begin() + static_cast<std::ptrdiff_t>(g * group_size_ * vocab_));
    BeamCaches caches(*text_.sequence, static_cast<std::size_t>(settings_.beam.beams));
    bool first = true;
    while (!interrupted()) {
      step(logits);
      if (std::ranges::all_of(groups_, [](const BeamGroup& group) { return group.done(); })) break;
      read_step(caches, logits, std::exchange(first, false));
    }
  }
  for (BeamGroup& group : groups_) group.end_all(FinishReason::length);
  std::vector<Generation> results;
  for (FinishedBeam& finished : ranking()) {
    results.push_back(result(std::move(finished), results.empty() ? on_text : kNoCallback));
    results.back().timings.prompt_tokens = prompt_tokens;
  }
  text_.tokens->insert(text_.tokens->end(), results.front().tokens.begin(), results.front().tokens.end());
  return results;
}

/// Ends all beams where the caller or the clock says so.
bool BeamSearch::interrupted() {
  const auto end = [&](FinishReason reason) {
    for (BeamGroup& group : groups_) group.end_all(reason);
    return true;
  };
  if (settings_.stop_token.stop_requested()) return end(FinishReason::cancelled);
  if (settings_.max_time > 0 && seconds_since(start_) >= static_cast<double>(settings_.max_time))
    return end(FinishReason::length);
  return false;
}

/// Chooses the next token of every beam. @param logits [beams, vocab], the rows of a group beginning at
/// group * group_size.
void BeamSearch::step(std::span<float> logits) {
  chosen_.clear();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].done()) continue;
    step_group(g, logits.subspan(g * group_size_ * vocab_, groups_[g].running().size() * vocab_));
    for (const Beam& beam : groups_[g].running()) chosen_.push_back(beam.tokens.back());
  }
}

void BeamSearch::step_group(std::size_t index, std::span<float> logits) {
  BeamGroup& group = groups_[index];
  if (settings_.logprobs > 0) raw_.assign(logits.begin(), logits.end());
  for (std::size_t i = 0; i < group.running().size(); ++i)
    process(group.running()[i], logits.subspan(i * vocab_, vocab_));
  std::vector<BeamGroup::Step> steps;
  for (const Continuation& continuation : best_continuations(
           group.running(), logits, group.candidates(), settings_.do_sample ? &sampler_.random() : nullptr)) {
    steps.push_back({continuation, ending(group.running()[continuation.parent], continuation.token)});
  }
  // Nothing may follow that this vocabulary can spell: the texts are complete (else mask() had thrown).
  if (steps.empty() && settings_.constraint != nullptr) return group.end_all(FinishReason::stop);
  if (steps.empty()) fail_no_token();
  group.advance(steps, [&](const Continuation& continuation) {
    Beam beam = group.running()[continuation.parent];
    beam.tokens.push_back(continuation.token);
    if (beam.matcher) beam.matcher->accept(continuation.token);
    beam.score = continuation.score;
    if (settings_.logprobs > 0) {
      beam.logprobs.push_back(token_logprobs(std::span(raw_).subspan(continuation.parent * vocab_, vocab_),
                                             continuation.token, settings_.logprobs));
    }
    return beam;
  });
}

/// Logits to the log-probabilities that beams are compared by.
void BeamSearch::process(Beam& beam, std::span<float> logits) {
  log_softmax(logits);
  so_far_.assign(text_.tokens->begin(), text_.tokens->end());
  so_far_.insert(so_far_.end(), beam.tokens.begin(), beam.tokens.end());
  for (const TokenId id : chosen_) logits[static_cast<std::size_t>(id)] -= settings_.beam.diversity_penalty;
  processors_.apply(so_far_, logits);
  if (beam.matcher) beam.matcher->mask(logits);
  if (settings_.do_sample) sampler_.truncate(logits);
  if (watermark_) watermark_->apply(so_far_, logits);
  if (settings_.beam.renormalize) log_softmax(logits);
}

/// Whether a beam ends with this token, and why.
std::optional<FinishReason> BeamSearch::ending(const Beam& beam, TokenId token) const {
  const auto& eos = settings_.eos_token_ids;
  if (std::find(eos.begin(), eos.end(), token) != eos.end()) return FinishReason::eos;
  if (!settings_.stop.empty() && completes_stop_string(beam, token)) return FinishReason::stop;
  if (beam.matcher) {
    Matcher matcher = *beam.matcher;
    matcher.accept(token);
    if (matcher.must_end()) return FinishReason::stop;
  }
  if (static_cast<std::int64_t>(beam.tokens.size()) + 1 >= max_new_tokens_) return FinishReason::length;
  return std::nullopt;
}

bool BeamSearch::completes_stop_string(const Beam& beam, TokenId token) const {
  // A token adds a byte or more, special ones apart: the string can not begin further back than this.
  const std::size_t reach = std::ranges::max(settings_.stop, {}, &std::string::size).size();
  const std::size_t before = beam.tokens.size() - std::min(reach, beam.tokens.size());
  std::vector<TokenId> context(*text_.tokens);
  context.insert(context.end(), beam.tokens.begin(),
                 beam.tokens.begin() + static_cast<std::ptrdiff_t>(before));
  std::string text;
  TextOutput output(settings_, call_.tokenizer, context, kNoCallback, text);
  for (std::size_t i = before; i < beam.tokens.size(); ++i) output.push(beam.tokens[i]);
  output.push(token);
  return output.stopped();
}

/// Lets the model read the token that each open beam chose.
void BeamSearch::read_step(BeamCaches& caches, std::vector<float>& logits, bool first) {
  std::vector<BeamCaches::Move> moves;
  std::vector<TokenId> ids;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].done()) continue;
    for (std::size_t i = 0; i < groups_[g].running().size(); ++i) {
      moves.push_back({g * group_size_ + i, g * group_size_ + groups_[g].parents()[i]});
      ids.push_back(groups_[g].running()[i].tokens.back());
    }
  }
  if (first) {
    caches.start(moves);
  } else {
    caches.follow(moves);
  }
  std::vector<model::Sequence*> sequences;
  for (std::size_t i = 0; i < moves.size(); ++i) {
    sequences.push_back(caches.sequence(moves[i].slot));
    caches.note(moves[i].slot, ids[i]);
  }
  model::Sequence::step(sequences, ids, std::span(logits).first(moves.size() * vocab_));
  // Rows come out close together; each goes to its slot, the last one first.
  for (std::size_t i = moves.size(); i-- > 0;) {
    if (moves[i].slot == i) continue;
    std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(i * vocab_), vocab_,
                logits.begin() + static_cast<std::ptrdiff_t>(moves[i].slot * vocab_));
  }
}

/// The best texts of all groups.
std::vector<FinishedBeam> BeamSearch::ranking() {
  std::vector<FinishedBeam> all;
  for (BeamGroup& group : groups_)
    std::move(group.finished().begin(), group.finished().end(), std::back_inserter(all));
  std::ranges::stable_sort(all, std::ranges::greater(), &FinishedBeam::score);
  all.resize(std::min(all.size(), static_cast<std::size_t>(settings_.num_return_sequences)));
  return all;
}

Generation BeamSearch::result(FinishedBeam finished, const TokenCallback& on_text) const {
  Generation generation;
  generation.score = static_cast<double>(finished.score);
  generation.finish_reason = finished.reason;
  generation.logprobs = std::move(finished.beam.logprobs);
  generation.tokens = std::move(finished.beam.tokens);
  TextOutput output(settings_, call_.tokenizer, *text_.tokens, kNoCallback, generation.text);
  output.push_prompt(echo_.text);
  generation.prompt_logprobs = echo_.logprobs;
  const bool ends_in_eos = finished.reason == FinishReason::eos;
  for (std::size_t i = 0; i + (ends_in_eos ? 1 : 0) < generation.tokens.size(); ++i)
    output.push(generation.tokens[i]);
  output.finish();
  if (on_text && !generation.text.empty() && !on_text(generation.text))
    generation.finish_reason = FinishReason::cancelled;
  generation.timings.prefill_s = prefill_s_;
  generation.timings.decode_s = seconds_since(start_) - prefill_s_;
  generation.timings.peak_bytes = peak_resident_bytes();
  generation.timings.new_tokens = static_cast<std::int64_t>(generation.tokens.size());
  return generation;
}

}  // namespace

std::vector<Generation> beam_search(const Text& text, const Call& call, const TokenCallback& on_text) {
  return BeamSearch(text, call).search(on_text);
}

}  // namespace transom::generation
