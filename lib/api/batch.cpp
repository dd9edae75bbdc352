// SPDX-License-Identifier: Apache-2.0
#include "api/batch.h"

#include <algorithm>

#include "core/checks.h"
#include "generation/beams/beam_search.h"
#include "generation/loop.h"
#include "transom/error.h"

namespace transom::api {

namespace {

// Texts that take their steps together. More would gain little: the products are compute bound by then.
constexpr std::size_t kMostAtOnce = 32;

/// The texts of one batch, each with settings and a sequence of its own; the sequences are siblings.
class Batch {
 public:
  /// @param first_index Of the first prompt, for messages.
  Batch(const ModelImpl& model, std::span<const std::vector<TokenId>> prompts, std::size_t first_index,
        const GenerationConfig& config)
      : tokens_(prompts.begin(), prompts.end()) {
    settings_.reserve(prompts.size());
    std::int64_t longest = 0;
    for (const std::vector<TokenId>& prompt : prompts) {
      const auto size = static_cast<std::int64_t>(prompt.size());
      settings_.push_back(model.settings(config, size));
      calls_.push_back(model.call(settings_.back()));
      longest = std::max(longest, size + std::min(settings_.back().max_new_tokens, kMostReserved));
    }
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      sequences_.push_back(i == 0 ? first_sequence(model, longest) : sequences_.front()->sibling());
      check_prompt(*sequences_.back(), prompts[i], first_index + i);
      texts_.push_back({sequences_.back().get(), &tokens_[i]});
    }
  }

  std::vector<Generation> run(const BatchCallback& on_text) const {
    if (settings_.front().beam.beams == 1) return generation::run_batch(texts_, calls_, on_text);
    std::vector<Generation> results;  // beams of one prompt fill a step by themselves
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      TokenCallback callback;
      if (on_text) callback = [&](std::string_view piece) { return on_text(i, piece); };
      results.push_back(std::move(generation::beam_search(texts_[i], calls_[i], callback).front()));
    }
    return results;
  }

 private:
  // A limit of "as much as you like" asks for the whole context.
  static constexpr std::int64_t kMostReserved = 1 << 20;

  static void check_prompt(const model::Sequence& sequence, std::span<const TokenId> ids, std::size_t index) {
    try {
      sequence.check_ids(ids, 0);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(core::message("generate_batch: prompt ", index, ": ", error.what()));
    }
  }

  /// Caches no longer than these texts can become.
  static std::unique_ptr<model::Sequence> first_sequence(const ModelImpl& model, std::int64_t longest) {
    model::SequenceOptions options;
    const std::int64_t context = model::default_context(model.transformer->spec());
    options.max_context = std::min(longest, context);
    return std::make_unique<model::Sequence>(*model.transformer, options);
  }

  std::vector<std::vector<TokenId>> tokens_;
  std::vector<generation::Settings> settings_;
  std::vector<generation::Call> calls_;
  std::vector<std::unique_ptr<model::Sequence>> sequences_;
  std::vector<generation::Text> texts_;
};

}  // namespace

std::vector<Generation> generate_batch(const ModelImpl& model, std::span<const std::vector<TokenId>> prompts,
                                       const GenerationConfig& config, const BatchCallback& on_text) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].empty())
      throw InvalidArgument(core::message("generate_batch: prompt ", i, " has no token"));
  }
  std::vector<Generation> results;
  for (std::size_t begin = 0; begin < prompts.size(); begin += kMostAtOnce) {
    const auto part = prompts.subspan(begin, std::min(kMostAtOnce, prompts.size() - begin));
    BatchCallback shifted;
    if (on_text) shifted = [&](std::size_t i, std::string_view piece) { return on_text(begin + i, piece); };
    for (Generation& generation : Batch(model, part, begin, config).run(shifted)) {
      generation.timings.load_s = model.load_s;
      results.push_back(std::move(generation));
    }
  }
  return results;
}

}  // namespace transom::api
