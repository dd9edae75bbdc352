// SPDX-License-Identifier: Apache-2.0
#include "model/sequence/sequence.h"

#include <algorithm>
#include <functional>

#include "core/checks.h"
#include "model/fitting_layers.h"
#include "model/sequence/sequence_workspace.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

Sequence::Sequence(const Transformer& transformer, const SequenceOptions& options) try
    : transformer_(transformer),
      size_(sequence_size(transformer.spec(), options)),
      cache_(transformer.spec(), transformer.kv_dtype(), size_.context, size_.chunk, transformer.placement()),
      workspace_(make_workspace()) {
  const ModelSpec& spec = transformer.spec();
  for (const LayerSpan& span : transformer.placement().spans())
    span.device->reserve({size_.chunk, spec.n_heads, spec.n_kv_heads, spec.head_dim});
  cache_.check_room();
} catch (const OutOfMemory& error) {
  const auto [context, chunk] = sequence_size(transformer.spec(), options);
  throw OutOfMemory(error.what() + fitting_layers(error, transformer.spec(), transformer.placement(),
                                                  transformer.weights(), context, chunk));
}

Sequence::Sequence(const Sequence& other, std::shared_ptr<Workspace> workspace, KvCache cache)
    : transformer_(other.transformer_),
      size_(other.size_),
      cache_(std::move(cache)),
      workspace_(std::move(workspace)) {}

Sequence::~Sequence() = default;

std::shared_ptr<Sequence::Workspace> Sequence::make_workspace() const {
  return std::make_shared<Workspace>(transformer_.spec(), size_, transformer_.placement());
}

std::unique_ptr<Sequence> Sequence::fork() const {
  std::unique_ptr<Sequence> copy(new Sequence(*this, make_workspace(), KvCache(cache_, furthest_)));
  copy->position_ = position_;
  copy->furthest_ = furthest_;
  return copy;
}

std::unique_ptr<Sequence> Sequence::sibling() const {
  KvCache cache(transformer_.spec(), transformer_.kv_dtype(), size_.context, size_.chunk,
                transformer_.placement());
  cache.check_room();
  return std::unique_ptr<Sequence>(new Sequence(*this, workspace_, std::move(cache)));
}

void Sequence::copy_from(const Sequence& other, std::int64_t from) {
  if (from == 0) {
    cache_.share(other.cache_, other.furthest_);
  } else {
    cache_.copy_positions(other.cache_, from, other.furthest_);
  }
  position_ = other.position_;
  furthest_ = other.furthest_;
}

void Sequence::adopt(const KvCache& cache, std::int64_t position, std::int64_t furthest) {
  furthest_ = cache.needed_end(position, furthest);
  cache_.share(cache, furthest_);
  position_ = position;
}

void Sequence::resume(std::int64_t position, std::int64_t furthest) {
  cache_.make_writable(0, furthest);
  position_ = position;
  furthest_ = furthest;
}

std::int64_t Sequence::workspace_bytes() const { return workspace_->bytes(); }

bool Sequence::chooses_tokens() const {
  return transformer_.placement().last().chooses_tokens() && vocab() <= backend::kMostTokensToChoose;
}

void Sequence::check_ids(std::span<const std::int32_t> ids, std::int64_t position) const {
  const std::int64_t vocab = transformer_.spec().vocab;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab) {
      throw InvalidArgument(message("token ", i, ": id ", ids[i], " is outside the vocabulary of ", vocab));
    }
  }
  const auto count = static_cast<std::int64_t>(ids.size());
  if (count > size_.context - position) {
    throw InvalidArgument(message("the text would have ", position + count, " tokens; this session holds ",
                                  size_.context, " (see max_context and attention_window)"));
  }
}

void Sequence::forward(std::span<const std::int32_t> ids, bool all, std::span<float> logits) {
  const auto vocab = static_cast<std::size_t>(transformer_.spec().vocab);
  if (!ids.empty() && !logits.empty() && logits.size() != (all ? ids.size() : 1) * vocab) {
    throw InvalidArgument(message("logits: expected room for ", (all ? ids.size() : 1) * vocab,
                                  " values, found ", logits.size()));
  }
  forward_chunks(ids, all, {.logits = logits, .choices = {}, .chosen = {}});
}

std::int32_t Sequence::forward_and_choose(std::span<const std::int32_t> ids, const TokenChoice& choice) {
  std::int32_t chosen = -1;
  forward_chunks(ids, false, {.logits = {}, .choices = {&choice, 1}, .chosen = {&chosen, 1}});
  return chosen;
}

void Sequence::forward_chunks(std::span<const std::int32_t> ids, bool all, const Results& results) {
  if (ids.empty()) throw InvalidArgument("expected at least one token, found none");
  check_ids(ids, position_);
  const auto vocab = static_cast<std::size_t>(transformer_.spec().vocab);
  cache_.make_writable(position_, position_ + static_cast<std::int64_t>(ids.size()));
  const auto chunk = static_cast<std::size_t>(size_.chunk);
  for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
    const auto part = ids.subspan(begin, std::min(chunk, ids.size() - begin));
    const auto tokens = static_cast<std::int64_t>(part.size());
    const bool last = begin + part.size() == ids.size();
    Results out;
    if (all && !results.logits.empty())
      out.logits = results.logits.subspan(begin * vocab, part.size() * vocab);
    if (!all && last) out = results;
    const TokenRun run{&cache_, position_, 0, tokens};
    run_step(transformer_, *workspace_, {&run, 1}, part, all ? 0 : tokens - 1, out);
    advance(tokens);
  }
}

void Sequence::states(std::span<const std::int32_t> ids, std::span<float> states) {
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const std::int64_t width = hidden();
  if (ids.empty() || tokens > size_.chunk || static_cast<std::int64_t>(states.size()) != tokens * width) {
    throw InvalidArgument(message("states: expected 1 to ", size_.chunk, " tokens and ", width,
                                  " values for each, found ", tokens, " and ", states.size()));
  }
  check_ids(ids, position_);
  cache_.make_writable(position_, position_ + tokens);
  const TokenRun run{&cache_, position_, 0, tokens};
  const auto download = [&] {
    for (std::int64_t row = 0; row < tokens; row += workspace_->score_rows) {
      const std::int64_t rows = std::min(workspace_->score_rows, tokens - row);
      transformer_.placement().last().download(
          states.subspan(static_cast<std::size_t>(row * width), static_cast<std::size_t>(rows * width)),
          norm_rows(transformer_, *workspace_, row, rows));
    }
  };
  run_layers(transformer_, *workspace_, {&run, 1}, ids, std::cref(download));
  advance(tokens);
}

void Sequence::step(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                    std::span<float> logits) {
  step_chunks(sequences, ids, {.logits = logits, .choices = {}, .chosen = {}});
}

void Sequence::step_and_choose(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                               std::span<const TokenChoice> choices, std::span<std::int32_t> chosen) {
  step_chunks(sequences, ids, {.logits = {}, .choices = choices, .chosen = chosen});
}

void Sequence::step_chunks(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                           const Results& results) {
  const Transformer& transformer = sequences.front()->transformer_;
  const auto vocab = static_cast<std::size_t>(transformer.spec().vocab);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    sequences[i]->check_ids(ids.subspan(i, 1), sequences[i]->position_);
    sequences[i]->cache_.make_writable(sequences[i]->position_, sequences[i]->position_ + 1);
  }
  Workspace& workspace = *sequences.front()->workspace_;
  const auto chunk = static_cast<std::size_t>(sequences.front()->chunk());
  for (std::size_t begin = 0; begin < sequences.size(); begin += chunk) {
    const auto part = sequences.subspan(begin, std::min(chunk, sequences.size() - begin));
    workspace.runs.clear();
    for (Sequence* sequence : part) {
      workspace.runs.push_back(
          {&sequence->cache_, sequence->position_, static_cast<std::int64_t>(workspace.runs.size()), 1});
    }
    Results out;
    if (results.choices.empty()) {
      out.logits = results.logits.subspan(begin * vocab, part.size() * vocab);
    } else {
      out.choices = results.choices.subspan(begin, part.size());
      out.chosen = results.chosen.subspan(begin, part.size());
    }
    run_step(transformer, workspace, workspace.runs, ids.subspan(begin, part.size()), 0, out);
    for (Sequence* sequence : part) sequence->advance(1);
  }
}

void Sequence::advance(std::int64_t tokens) {
  position_ += tokens;
  furthest_ = std::max(furthest_, position_);
}

bool Sequence::can_truncate(std::int64_t position) const {
  return position == 0 || position >= std::min(position_, cache_.oldest_restorable(furthest_));
}

void Sequence::truncate(std::int64_t position) {
  if (position < 0 || position > position_) {
    throw InvalidArgument(
        message("truncate: expected a position from 0 to ", position_, ", found ", position));
  }
  if (!can_truncate(position)) {
    throw InvalidArgument(message("truncate: the window has overwritten what position ", position,
                                  " would see; the smallest possible is ",
                                  cache_.oldest_restorable(furthest_)));
  }
  position_ = position;
  if (position > 0) return;
  cache_.start_again();
  furthest_ = 0;
}

}  // namespace transom::model
