// SPDX-License-Identifier: Apache-2.0
#include "transom/session.h"

#include <algorithm>

#include "api/session_impl.h"
#include "core/checks.h"
#include "generation/beams/beam_search.h"
#include "generation/loop.h"
#include "io/file.h"
#include "io/safetensors_write.h"
#include "io/weight_sample.h"
#include "model/description.h"
#include "model/sequence/pooling.h"
#include "transom/error.h"
#include "transom/model.h"

namespace transom {

using core::message;

namespace api {

namespace {

std::string describe(const ModelImpl& model) {
  return model::describe(*model.transformer, io::sample_weights(*model.checkpoint));
}

}  // namespace

SessionImpl::SessionImpl(std::shared_ptr<const ModelImpl> model, const SessionOptions& options)
    : model_(std::move(model)),
      sequence_(std::make_unique<model::Sequence>(
          *model_->transformer, model::SequenceOptions{options.max_context, options.prefill_chunk})),
      logits_(static_cast<std::size_t>(model_->transformer->spec().vocab)) {}

SessionImpl::SessionImpl(model::SavedText text, std::shared_ptr<const ModelImpl> model)
    : model_(std::move(model)),
      sequence_(std::move(text.sequence)),
      tokens_(std::move(text.tokens)),
      logits_(static_cast<std::size_t>(model_->transformer->spec().vocab)) {}

SessionImpl::SessionImpl(const SessionImpl& other)
    : model_(other.model_),
      sequence_(other.sequence_->fork()),
      tokens_(other.tokens_),
      logits_(other.logits_.size()) {}

class SessionImpl::Use {
 public:
  explicit Use(SessionImpl& session) : session_(session) {
    if (session.in_use_) {
      throw InvalidArgument("the session is in use: a callback can not change the session that calls it");
    }
    session.in_use_ = true;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { session_.in_use_ = false; }

 private:
  SessionImpl& session_;
};

/// Before anything changes: a refused call leaves the session as it was.
void SessionImpl::check_new_tokens(std::span<const TokenId> ids) const {
  sequence_->check_ids(ids, static_cast<std::int64_t>(tokens_.size()));
}

Logits SessionImpl::forward(std::span<const TokenId> ids, LogitsFor which) {
  const Use use(*this);
  if (ids.empty()) throw InvalidArgument("forward: expected at least one token, found none");
  check_new_tokens(ids);
  const std::vector<TokenId> own(ids.begin(), ids.end());  // ids may be this session's own tokens()
  Logits logits;
  logits.vocab = static_cast<std::int64_t>(logits_.size());
  logits.rows = which == LogitsFor::all ? static_cast<std::int64_t>(ids.size()) : 1;
  try {
    logits.values.resize(static_cast<std::size_t>(logits.rows) * logits_.size());
  } catch (const std::exception&) {  // bad_alloc or length_error
    throw OutOfMemory(message("cannot allocate logits of ", logits.rows, " x ", logits.vocab, " values"));
  }
  const auto unread =
      std::span<const TokenId>(tokens_).subspan(static_cast<std::size_t>(sequence_->position()));
  if (!unread.empty()) sequence_->forward(unread, false, {});
  tokens_.insert(tokens_.end(), own.begin(), own.end());
  sequence_->forward(own, which == LogitsFor::all, logits.values);
  return logits;
}

Generation SessionImpl::generate(std::string_view prompt, const GenerationConfig& config,
                                 const TokenCallback& on_text) {
  return generate(encode(prompt), config, on_text);
}

Generation SessionImpl::generate(std::span<const TokenId> prompt, const GenerationConfig& config,
                                 const TokenCallback& on_text) {
  const Use use(*this);
  const std::size_t begin = tokens_.size();
  const generation::Settings settings = append(prompt, config);
  const generation::Call call = model_->call(settings);
  const generation::Text text{sequence_.get(), &tokens_, begin};
  model::PrefixCache* const prefixes = begin == 0 ? model_->prefixes.get() : nullptr;
  // Scores of the prompt need all of it to be read.
  if (prefixes != nullptr && !(settings.echo && settings.logprobs > 0)) prefixes->recall(tokens_, *sequence_);
  Generation result = settings.beam.beams > 1
                          ? std::move(generation::beam_search(text, call, on_text).front())
                          : generation::run(text, call, on_text, logits_);
  if (prefixes != nullptr) prefixes->remember(tokens_, *sequence_);
  result.timings.load_s = model_->load_s;
  return result;
}

std::vector<Generation> SessionImpl::generate_all(std::span<const TokenId> prompt,
                                                  const GenerationConfig& config) {
  const Use use(*this);
  const std::size_t begin = tokens_.size();
  const generation::Settings settings = append(prompt, config);
  const generation::Call call = model_->call(settings);
  const generation::Text text{sequence_.get(), &tokens_, begin};
  std::vector<Generation> results = settings.beam.beams > 1 ? generation::beam_search(text, call, {})
                                                            : generation::run_samples(text, call, logits_);
  for (Generation& result : results) result.timings.load_s = model_->load_s;
  return results;
}

Generation SessionImpl::chat(std::span<const ChatMessage> messages, const GenerationConfig& config,
                             const TokenCallback& on_text, const ChatTemplateOptions& options) {
  ChatTemplateOptions prompted = options;
  prompted.add_generation_prompt = !options.continue_final_message;
  const std::vector<TokenId> ids = model_->require_tokenizer().encode_chat(messages, prompted);
  // Everything is checked before the text is cut back: a refused call leaves the session as it was.
  sequence_->check_ids(ids, 0);
  model_->settings(config, static_cast<std::int64_t>(ids.size()));
  auto common = std::ranges::mismatch(ids, tokens_).in1 - ids.begin();
  // A window may have overwritten what the shorter text would see: then all of it is read anew.
  if (!sequence_->can_truncate(common)) common = 0;
  truncate(common);
  return generate(std::span(ids).subspan(static_cast<std::size_t>(common)), config, on_text);
}

std::unique_ptr<SessionImpl> SessionImpl::fork() const {
  check_idle("fork");
  return std::unique_ptr<SessionImpl>(new SessionImpl(*this));
}

void SessionImpl::check_idle(const char* what) const {
  if (in_use_) {
    throw InvalidArgument(
        message("the session is in use: a callback can not ", what, " the session that calls it"));
  }
}

std::unique_ptr<SessionImpl> SessionImpl::restore(std::shared_ptr<const ModelImpl> model,
                                                  const std::filesystem::path& path) {
  const io::MappedFile file(path);
  model::SavedText text =
      model::read_session(file.bytes(), path.string(), *model->transformer, describe(*model),
                          [&](std::span<const std::byte> bytes) { file.release_pages(bytes); });
  return std::unique_ptr<SessionImpl>(new SessionImpl(std::move(text), std::move(model)));
}

void SessionImpl::save(const std::filesystem::path& path) const {
  check_idle("save");
  const std::string description = describe(*model_);
  io::replace_file(io::behind_links(path),
                   [&](std::ostream& out) { model::write_session(out, *sequence_, tokens_, description); });
}

std::vector<float> SessionImpl::embed(std::span<const TokenId> ids, Pooling pooling, bool normalize) {
  const Use use(*this);
  const std::unique_ptr<model::Sequence> scratch = sequence_->sibling();
  return model::embed(*scratch, ids, pooling, normalize);
}

/// Checks everything, then makes the prompt part of the text.
generation::Settings SessionImpl::append(std::span<const TokenId> prompt, const GenerationConfig& config) {
  if (prompt.empty() && tokens_.empty()) {
    throw InvalidArgument(
        "generate: expected a prompt of at least one token, found none, and the session is empty");
  }
  check_new_tokens(prompt);
  generation::Settings settings =
      model_->settings(config, static_cast<std::int64_t>(tokens_.size() + prompt.size()));
  const std::vector<TokenId> own(prompt.begin(), prompt.end());  // prompt may be this session's own tokens()
  tokens_.insert(tokens_.end(), own.begin(), own.end());
  return settings;
}

std::vector<TokenId> SessionImpl::encode(std::string_view prompt) const {
  return model_->require_tokenizer().encode(prompt, {.add_special_tokens = tokens_.empty()});
}

void SessionImpl::truncate(std::int64_t position) {
  const Use use(*this);
  const auto size = static_cast<std::int64_t>(tokens_.size());
  if (position < 0 || position > size) {
    throw InvalidArgument(message("truncate: expected a position from 0 to ", size, ", found ", position));
  }
  if (position < sequence_->position()) sequence_->truncate(position);
  tokens_.resize(static_cast<std::size_t>(position));
}

}  // namespace api

std::span<const float> Logits::row(std::int64_t i) const {
  if (i < 0 || i >= rows)
    throw InvalidArgument(message("logits: expected a row from 0 to ", rows - 1, ", found ", i));
  return std::span(values).subspan(static_cast<std::size_t>(i * vocab), static_cast<std::size_t>(vocab));
}

Session::Session(std::unique_ptr<api::SessionImpl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Logits Session::forward(std::span<const TokenId> tokens, LogitsFor which) {
  return impl().forward(tokens, which);
}

Generation Session::generate(std::string_view prompt, const GenerationConfig& config,
                             const TokenCallback& on_text) {
  return impl().generate(prompt, config, on_text);
}

Generation Session::generate(std::span<const TokenId> prompt, const GenerationConfig& config,
                             const TokenCallback& on_text) {
  return impl().generate(prompt, config, on_text);
}

Generation Session::chat(std::span<const ChatMessage> messages, const GenerationConfig& config,
                         const TokenCallback& on_text, const ChatTemplateOptions& chat) {
  return impl().chat(messages, config, on_text, chat);
}

Session Session::fork() const { return Session(impl().fork()); }

void Session::save(const std::filesystem::path& path) const { impl().save(path); }

Session Session::restore(const Model& model, const std::filesystem::path& path) {
  model.impl();
  return Session(api::SessionImpl::restore(model.impl_, path));
}

std::vector<float> Session::embed(std::string_view text, Pooling pooling, bool normalize) {
  return impl().embed(impl().model().require_tokenizer().encode(text), pooling, normalize);
}

std::vector<float> Session::embed(std::span<const TokenId> ids, Pooling pooling, bool normalize) {
  return impl().embed(ids, pooling, normalize);
}

std::int64_t Session::position() const { return static_cast<std::int64_t>(impl().tokens().size()); }
std::span<const TokenId> Session::tokens() const { return impl().tokens(); }
std::int64_t Session::kv_bytes() const { return impl().kv_bytes(); }
void Session::reset() { impl().truncate(0); }
void Session::truncate(std::int64_t position) { impl().truncate(position); }

api::SessionImpl& Session::impl() const {
  if (impl_ == nullptr) throw InvalidArgument("the session was moved from");
  return *impl_;
}

}  // namespace transom
