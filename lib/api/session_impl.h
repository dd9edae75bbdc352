// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "api/model_impl.h"
#include "model/sequence/session_file.h"
#include "transom/session.h"

namespace transom::api {

/// The body of a Session. tokens() is the text; the sequence has read a part of it, all but the last
/// generated token at most.
class SessionImpl {
 public:
  SessionImpl(std::shared_ptr<const ModelImpl> model, const SessionOptions& options);
  /// @throws as Session::restore.
  static std::unique_ptr<SessionImpl> restore(std::shared_ptr<const ModelImpl> model,
                                              const std::filesystem::path& path);

  Logits forward(std::span<const TokenId> ids, LogitsFor which);
  Generation generate(std::string_view prompt, const GenerationConfig& config, const TokenCallback& on_text);
  Generation generate(std::span<const TokenId> prompt, const GenerationConfig& config,
                      const TokenCallback& on_text);
  std::vector<Generation> generate_all(std::span<const TokenId> prompt, const GenerationConfig& config);
  Generation chat(std::span<const ChatMessage> messages, const GenerationConfig& config,
                  const TokenCallback& on_text, const ChatTemplateOptions& options);
  std::unique_ptr<SessionImpl> fork() const;
  void truncate(std::int64_t position);
  void save(const std::filesystem::path& path) const;
  std::vector<float> embed(std::span<const TokenId> ids, Pooling pooling, bool normalize);
  /// Special tokens are added only to an empty session.
  std::vector<TokenId> encode(std::string_view prompt) const;
  const ModelImpl& model() const { return *model_; }

  std::span<const TokenId> tokens() const { return tokens_; }
  std::int64_t kv_bytes() const { return sequence_->kv_bytes(); }

 private:
  SessionImpl(const SessionImpl& other);  // for fork()
  SessionImpl(model::SavedText text, std::shared_ptr<const ModelImpl> model);
  /// Marks the session as busy for one call. @throws InvalidArgument when a callback of a running call comes
  /// back.
  class Use;
  /// @throws InvalidArgument when a callback of a running call does `what`.
  void check_idle(const char* what) const;
  void check_new_tokens(std::span<const TokenId> ids) const;
  generation::Settings append(std::span<const TokenId> prompt, const GenerationConfig& config);

  std::shared_ptr<const ModelImpl> model_;
  std::unique_ptr<model::Sequence> sequence_;
  std::vector<TokenId> tokens_;
  std::vector<float> logits_;  // [vocab]
  bool in_use_ = false;
};

}  // namespace transom::api
