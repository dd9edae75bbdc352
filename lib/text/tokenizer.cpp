// SPDX-License-Identifier: Apache-2.0
/// Bodies of the public classes; the work is done in text/.
#include "transom/tokenizer.h"

#include <utility>

#include "core/checks.h"
#include "text/chat_encoding.h"
#include "text/decoders/stream_decoder.h"
#include "text/tokenizer_impl.h"
#include "transom/error.h"

namespace transom {

namespace {

/// The body behind a handle; a moved-from handle has none.
template <typename Pointer>
auto& checked(const Pointer& impl) {
  if (impl == nullptr) throw InvalidArgument("the tokenizer, or the stream of one, was moved from");
  return *impl;
}

}  // namespace

TokenStream::TokenStream(std::unique_ptr<text::StreamDecoder> impl) : impl_(std::move(impl)) {}
TokenStream::TokenStream(TokenStream&&) noexcept = default;
TokenStream& TokenStream::operator=(TokenStream&&) noexcept = default;
TokenStream::~TokenStream() = default;

std::string TokenStream::push(TokenId id) {
  std::string out;
  checked(impl_).push(id, out);
  return out;
}

void TokenStream::push(TokenId id, std::string& out) { checked(impl_).push(id, out); }

std::string TokenStream::finish() {
  std::string out;
  checked(impl_).finish(out);
  return out;
}

Tokenizer::Tokenizer(std::shared_ptr<const text::TokenizerImpl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(const Tokenizer&) = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(const Tokenizer&) = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  return checked(impl_).encode(text, options);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, DecodeOptions options) const {
  return checked(impl_).decode(ids, options);
}

TokenStream Tokenizer::stream(DecodeOptions options) const {
  checked(impl_);
  return TokenStream(std::make_unique<text::StreamDecoder>(impl_, options));
}

std::optional<TokenId> Tokenizer::token_to_id(std::string_view token) const {
  return checked(impl_).token_to_id(token);
}

std::string Tokenizer::id_to_token(TokenId id) const {
  const std::optional<std::string_view> spelling = checked(impl_).spelling(id);
  if (!spelling) {
    throw NotFound(core::message("id_to_token: expected an id of the vocabulary (below ",
                                 checked(impl_).vocab_size(), "), found ", id));
  }
  return std::string(*spelling);
}

std::string Tokenizer::apply_chat_template(std::span<const ChatMessage> messages,
                                           const ChatTemplateOptions& options) const {
  return checked(impl_).chat_templates().apply(messages, options);
}

std::string Tokenizer::apply_chat_template_json(std::string_view messages_json,
                                                const ChatTemplateOptions& options) const {
  return checked(impl_).chat_templates().apply_json(messages_json, options);
}

std::vector<TokenId> Tokenizer::encode_chat(std::span<const ChatMessage> messages,
                                            const ChatTemplateOptions& options) const {
  return text::encode_chat(checked(impl_), messages, options);
}

bool Tokenizer::has_chat_template() const { return !checked(impl_).chat_templates().empty(); }

std::vector<std::string> Tokenizer::chat_template_names() const {
  return checked(impl_).chat_templates().names();
}

std::size_t Tokenizer::vocab_size() const { return checked(impl_).vocab_size(); }
std::optional<TokenId> Tokenizer::bos_id() const { return checked(impl_).bos_id(); }
std::vector<TokenId> Tokenizer::eos_ids() const { return checked(impl_).eos_ids(); }

}  // namespace transom
