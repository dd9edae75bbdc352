// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "transom/config.h"
#include "transom/export.h"
#include "transom/generation.h"
#include "transom/generation_config.h"
#include "transom/scoring.h"
#include "transom/session.h"
#include "transom/tokenizer.h"

namespace transom {

namespace api {
struct ModelImpl;
}

/// Progress of from_pretrained.
struct LoadProgress {
  std::string_view tensor;      ///< the tensor just loaded
  std::int64_t bytes_done = 0;  ///< of the weight files
  std::int64_t bytes_total = 0;
};

struct ModelOptions {
  /// "cpu", "cuda" (the first GPU) or "cuda:1". "cpu": as the configuration says, which is "cpu" unless it was
  /// changed. Calls to a model on a GPU leave it the current CUDA device of their thread.
  std::string device = "cpu";
  /// Decoder layers on the GPU, the last ones: for a model that is larger than its memory. The others, with
  /// their keys and values, are the CPU's. More than there are: all; 0: only the head, which turns states into
  /// logits, and the choice of tokens. -1 = as the configuration says, which is all unless it was changed.
  std::int64_t gpu_layers = -1;
  /// Threads of the model's own pool, shared by its sessions. 0 = every core this process may use.
  int threads = 0;
  /// Keeps each thread of the pool on one core. Set it to false where other work shares the cores.
  bool pin_threads = true;
  /// Keys, values and tokens of texts that were read, up to so many bytes: where a later prompt begins like
  /// one of them, its beginning is not read again. For generate() and chat() of the model, and the first call
  /// of a session. A window gives only whole texts. 0 = none.
  std::int64_t prefix_cache_bytes = 0;
  /// Called on the loading thread; false cancels: from_pretrained returns an empty model.
  std::function<bool(const LoadProgress&)> on_progress = {};
  /// Cancels loading from another thread.
  std::stop_token stop_token = {};
};

/// What was loaded and how it runs.
struct ModelInfo {
  std::int64_t parameters = 0;    ///< weights of the model, tied ones counted once
  std::int64_t weight_bytes = 0;  ///< memory that they take here
  std::int64_t decode_bytes = 0;  ///< weight bytes that one generated token reads
  std::string device;             ///< "cpu" or "cuda:0"
  std::int64_t gpu_layers = 0;    ///< decoder layers on a GPU
  std::string isa;                ///< of the kernels: "avx512_vnni", "sm_90 (NVIDIA H100)", or both
  int threads = 0;                ///< of the CPU's layers
  std::int64_t prefix_cache_bytes = 0;  ///< that texts to begin with take now
  double load_s = 0;
  std::vector<std::string>
      kernels;  ///< a line per kind of weight: the kernels chosen, and why others were not
};

/// A loaded model: immutable weights. Copies are cheap and share one body; every member may be called from
/// any number of threads at once, and one model serves many sessions.
class TRANSOM_API Model {
 public:
  /// An empty model; using it throws InvalidArgument.
  Model() = default;
  explicit operator bool() const noexcept { return impl_ != nullptr; }

  const Config& config() const;
  /// @throws NotFound when the directory has no tokenizer files.
  Tokenizer tokenizer() const;
  ModelInfo info() const;

  /// Generates with a session of its own.
  Generation generate(std::string_view prompt, const GenerationConfig& config = {},
                      const TokenCallback& on_text = {}) const;
  Generation generate(std::span<const TokenId> prompt, const GenerationConfig& config = {},
                      const TokenCallback& on_text = {}) const;

  /// Answers a conversation, written as the model's chat template says. For a chat of several turns,
  /// Session::chat reads only what is new.
  /// @param chat Tools and variables for the template; the answer is always prompted for.
  Generation chat(std::span<const ChatMessage> messages, const GenerationConfig& config = {},
                  const TokenCallback& on_text = {}, const ChatTemplateOptions& chat = {}) const;

  /// Every text of a call that makes several: the num_return_sequences best of num_beams, or as many
  /// independent samples. Best first with beams.
  std::vector<Generation> generate_all(std::string_view prompt, const GenerationConfig& config = {}) const;
  std::vector<Generation> generate_all(std::span<const TokenId> prompt,
                                       const GenerationConfig& config = {}) const;

  /// One text for each prompt: what generate() gives for it alone, up to rounding, but the weights are read
  /// once for up to 32 prompts at a time. With a seed, equal prompts give equal texts.
  std::vector<Generation> generate_batch(std::span<const std::string> prompts,
                                         const GenerationConfig& config = {},
                                         const BatchCallback& on_text = {}) const;
  std::vector<Generation> generate_batch(std::span<const std::vector<TokenId>> prompts,
                                         const GenerationConfig& config = {},
                                         const BatchCallback& on_text = {}) const;

  /// How probable each continuation is after the prompt, which is read once for all of them.
  ///
  /// Prompt and continuation are tokenised together, as lm-evaluation-harness does: spaces at the prompt's
  /// end move to the continuation, and what follows the tokens that the prompt has by itself is scored. Where
  /// characters of both merge into one token, it is scored with the continuation, whose probability then
  /// includes these characters of the prompt. (lm-evaluation-harness counts it as prompt, and may score
  /// nothing.) Without tokens to score the logprob is 0.
  /// @throws InvalidArgument when no token precedes a continuation, for an id outside the vocabulary, and for
  ///   a text longer than the context.
  std::vector<Score> score(std::string_view prompt, std::span<const std::string> continuations) const;
  /// The same for ids as they are.
  std::vector<Score> score(std::span<const TokenId> prompt,
                           std::span<const std::vector<TokenId>> continuations) const;

  /// A new empty text. @throws InvalidArgument for impossible options, OutOfMemory.
  Session new_session(const SessionOptions& options = {}) const;

  /// Writes a Hugging Face directory: the weights as stored in the source, the configuration as it is now,
  /// the tokenizer files. Files are written under temporary names and renamed, so that a reader never sees
  /// half a file. A model that was quantised while loading is written as a GPTQ checkpoint with the same
  /// integers (transom/quantize.h), which has to be computed again, into a directory that is new or empty.
  /// A symbolic link among the files is replaced by a file, and what it points to stays as it is: links to
  /// another model's files do it no harm. The directory itself may be a link.
  /// @throws InvalidArgument when that is not, and for a file of that directory which is no regular one;
  ///   UnsupportedError for sizes that GPTQ files can not hold.
  void save_pretrained(const std::filesystem::path& directory) const;

  /// For the library's own use.
  explicit Model(std::shared_ptr<const api::ModelImpl> impl);

 private:
  friend class Session;
  friend struct api::ModelImpl;
  const api::ModelImpl& impl() const;
  std::shared_ptr<const api::ModelImpl> impl_;
};

}  // namespace transom
