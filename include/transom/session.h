// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "transom/export.h"
#include "transom/generation.h"
#include "transom/generation_config.h"
#include "transom/scoring.h"

namespace transom {

namespace api {
class SessionImpl;
}
class Model;

struct SessionOptions {
  /// Tokens that the session can hold. 0 = as max_context of the configuration says.
  /// Layers with a window hold only the window; when every layer has one, the text may be of any length
  /// unless this is set.
  std::int64_t max_context = 0;
  /// Prompt tokens that go through the model at once; larger is faster and takes more workspace memory.
  int prefill_chunk = 512;
};

enum class LogitsFor { last, all };

/// Scores of the next token, f32 [rows, vocab].
struct TRANSOM_API Logits {
  std::int64_t rows = 0;
  std::int64_t vocab = 0;
  std::vector<float> values;
  /// @return Row i, valid as long as this object. @throws InvalidArgument when there is no such row.
  std::span<const float> row(std::int64_t i) const;
};

/// One text in progress: KV cache and workspace. Keeps its model alive. Movable, not copyable; one thread at
/// a time, any number of sessions of one model on any threads.
class TRANSOM_API Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Appends tokens to the text and scores what follows: the last token only, or each of them.
  /// @throws InvalidArgument for no tokens, an id outside the vocabulary, or a text longer than the context;
  ///   the session is unchanged then.
  Logits forward(std::span<const TokenId> tokens, LogitsFor which = LogitsFor::last);

  /// Appends the prompt and generates. Text continues where the session stands: special tokens are added only
  /// when it is empty. An empty prompt continues a non-empty session.
  Generation generate(std::string_view prompt, const GenerationConfig& config = {},
                      const TokenCallback& on_text = {});
  Generation generate(std::span<const TokenId> prompt, const GenerationConfig& config = {},
                      const TokenCallback& on_text = {});

  /// Answers a conversation: `messages` is all of it, in the form of the model's chat template. What the
  /// session has read of it already, it does not read again, so that a chat of many turns costs only what is
  /// new.
  /// @param chat Tools and variables for the template; the answer is always prompted for.
  Generation chat(std::span<const ChatMessage> messages, const GenerationConfig& config = {},
                  const TokenCallback& on_text = {}, const ChatTemplateOptions& chat = {});

  /// A session that goes on from here by itself, on any thread. The two share the text so far: whoever goes
  /// on first copies its last block of at most 256 tokens (all of a window that is that short), no more.
  Session fork() const;

  /// Writes the text and its cache to one file, from which restore() goes on without reading the text again.
  /// A file that is there already is replaced in one step: a reader sees the old one or the new one. Of a
  /// symbolic link the file behind it is replaced, or made if there is none.
  /// @throws InvalidArgument for a path of something that is no regular file (a directory, device, FIFO or
  ///   socket), which stays as it is; DeviceError when the system refuses.
  void save(const std::filesystem::path& path) const;
  /// The session that was saved, with the options that it had: what it says next is the same, bit for bit on
  /// the same machine. Any process may restore it that has loaded the same weights with the same settings.
  /// @throws NotFound for no file; FormatError for a damaged one; InvalidArgument for a session of another
  ///   model, other weights, another window or another dtype, naming what differs; UnsupportedError for
  ///   another version of the format; OutOfMemory.
  static Session restore(const Model& model, const std::filesystem::path& path);

  /// One vector for a text, f32 [hidden_size]: the states of its tokens after the last norm, pooled. The text
  /// is read by itself; the session lends its workspace and stays as it is.
  /// @param text Special tokens are added. @param normalize Gives the vector the length 1.
  /// @throws InvalidArgument for no tokens, an id outside the vocabulary, or a text longer than the context.
  std::vector<float> embed(std::string_view text, Pooling pooling = Pooling::mean, bool normalize = true);
  std::vector<float> embed(std::span<const TokenId> ids, Pooling pooling = Pooling::mean,
                           bool normalize = true);

  /// Tokens in the session.
  std::int64_t position() const;
  /// Their ids, valid until the next call that changes the session.
  std::span<const TokenId> tokens() const;
  /// Bytes of the KV cache when it is full; memory becomes resident as it is used.
  std::int64_t kv_bytes() const;

  /// Forgets everything.
  void reset();
  /// Forgets the tokens from `position` on.
  /// @throws InvalidArgument when position is not in [0, position()], or a window has already overwritten
  ///   tokens that the shorter text would still see.
  void truncate(std::int64_t position);

  /// For the library's own use.
  explicit Session(std::unique_ptr<api::SessionImpl> impl);

 private:
  api::SessionImpl& impl() const;
  std::unique_ptr<api::SessionImpl> impl_;
};

}  // namespace transom
