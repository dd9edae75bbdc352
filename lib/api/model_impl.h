// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "generation/constraint/constraint_cache.h"
#include "generation/run.h"
#include "io/safetensors.h"
#include "model/sequence/prefix_cache.h"
#include "model/transformer.h"
#include "transom/config.h"
#include "transom/tokenizer.h"

namespace transom::api {

/// The shared body of a Model; handles hold it as const.
struct ModelImpl {
  /// @throws NotFound when the directory had no tokenizer files.
  const Tokenizer& require_tokenizer() const;
  /// What a call with this configuration does. @param prompt_tokens Everything before the first new token.
  generation::Settings settings(const GenerationConfig& own, std::int64_t prompt_tokens) const;
  generation::Call call(const generation::Settings& settings) const;
  /// @throws InvalidArgument when the assistant is empty or has another vocabulary.
  const model::Transformer* draft_model(const Model& assistant) const;

  Config config;
  std::filesystem::path directory;
  std::shared_ptr<const io::Checkpoint> checkpoint;
  std::unique_ptr<model::Transformer> transformer;
  std::optional<Tokenizer> tokenizer;
  GenerationConfig defaults;
  double load_s = 0;
  /// Null without a tokenizer. Its own lock makes it safe to use from a const model.
  std::unique_ptr<generation::ConstraintCache> constraints;
  /// Null unless asked for; the same holds. Behind the transformer, whose memory it uses.
  std::unique_ptr<model::PrefixCache> prefixes = nullptr;
};

}  // namespace transom::api
