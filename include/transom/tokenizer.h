// SPDX-License-Identifier: Apache-2.0
/// @file
/// Text to token ids and back, as the model's tokenizer files say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transom/export.h"
#include "transom/value.h"

namespace transom {

namespace text {
class TokenizerImpl;
class StreamDecoder;
}  // namespace text

/// Index of a token in the model's vocabulary.
using TokenId = std::int32_t;

struct EncodeOptions {
  /// Adds what the tokenizer's post-processor adds (usually the BOS token).
  bool add_special_tokens = true;
  /// Recognises added and special tokens (`<|im_end|>`) inside the text. Set it to false for text from users,
  /// who could otherwise write control tokens: then only added tokens are recognised that are not special and
  /// have none of `<>[]{}|` or U+FF5C in their spelling, such as runs of spaces and plain words.
  bool parse_special = true;
};

struct DecodeOptions {
  /// Leaves out tokens that the tokenizer marks as special (BOS, EOS, padding).
  bool skip_special_tokens = true;
};

/// One message of a conversation.
struct ChatMessage {
  std::string role;     ///< "system", "user", "assistant", "tool", or what else the template knows
  std::string content;  ///< UTF-8
  /// Further members of the message as a JSON object: `{"tool_calls": [...]}`, `tool_call_id`, `name`,
  /// `reasoning_content`. A member `role` or `content` replaces the one above, so that content may be a list
  /// of parts or null (which a template sees as absent).
  std::string fields_json = {};
};

struct ChatTemplateOptions {
  /// Ends the text with what opens an answer of the assistant.
  bool add_generation_prompt = false;
  /// Ends the text where the last message's content ends, so that the model goes on with that message.
  /// Excludes add_generation_prompt.
  bool continue_final_message = false;
  /// The tools that the model may call: a JSON array of objects. Empty: no tools.
  std::string tools_json = {};
  /// Documents to answer from: a JSON array of objects. Empty: none.
  std::string documents_json = {};
  /// Further variables for the template, such as {"enable_thinking", false}. They win over special tokens.
  std::map<std::string, Value> variables = {};
  /// The same as a JSON object, which keeps the order of its members, as a template may print them.
  std::string variables_json = {};
  /// One of chat_template_names(). Empty: "tool_use" where tools are given and it exists, else "default".
  std::string template_name = {};
  /// The text of a template to use instead of the model's own.
  std::string chat_template = {};
  /// For encode_chat: recognises control tokens (`<|im_end|>`) inside the contents of user and tool messages.
  /// Off, people can not forge turns of the conversation.
  bool parse_special = false;
};

/// Decodes one id at a time. Each push returns the text that became complete; a UTF-8 character whose bytes
/// are spread over several tokens is held back until its last byte. The concatenation of everything returned,
/// finish() included, equals Tokenizer::decode of all ids.
/// Movable, not copyable; one thread at a time; keeps its tokenizer alive.
class TRANSOM_API TokenStream {
 public:
  TokenStream(TokenStream&&) noexcept;
  TokenStream& operator=(TokenStream&&) noexcept;
  ~TokenStream();

  /// @param id A token id; an id outside the vocabulary adds no text.
  /// @return New complete UTF-8 text; possibly empty.
  std::string push(TokenId id);
  /// The same, appended to `out`: a loop that keeps its string allocates nothing.
  void push(TokenId id, std::string& out);
  /// @return What is left: an unfinished character becomes U+FFFD. The stream starts anew afterwards.
  std::string finish();

 private:
  friend class Tokenizer;
  explicit TokenStream(std::unique_ptr<text::StreamDecoder> impl);
  std::unique_ptr<text::StreamDecoder> impl_;
};

/// A tokenizer as loaded from a model directory. Immutable; copies are cheap and share one body; every member
/// may be called from any number of threads at once.
/// `truncation` and `padding` of tokenizer.json are ignored: encode never cuts or pads. The dropout of a BPE
/// model is ignored as well: it is for training. `clean_up_tokenization_spaces` of tokenizer_config.json
/// takes spaces before English punctuation out of decoded text, except for BPE models, whose texts it would
/// damage.
class TRANSOM_API Tokenizer {
 public:
  /// @param text UTF-8; an invalid byte sequence is read as U+FFFD.
  /// @return Token ids, special tokens included as the options say.
  /// @throws InvalidArgument when the text is longer than 1 GiB; UnsupportedError when a regular expression
  /// of tokenizer.json takes too long on it; FormatError when the text has a character that only the unknown
  /// token could stand for and the vocabulary lacks that token.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const;

  /// @param ids Token ids. An id outside the vocabulary adds no text.
  /// @return UTF-8 text, always valid: bytes that form no character become U+FFFD.
  std::string decode(std::span<const TokenId> ids, DecodeOptions options = {}) const;

  /// Starts decoding one id at a time.
  TokenStream stream(DecodeOptions options = {}) const;

  /// @return The id of a token by its exact spelling in the vocabulary, or nothing.
  std::optional<TokenId> token_to_id(std::string_view token) const;
  /// @return The spelling of a token in the vocabulary ("\u0120the", "<0x0A>"), not its decoded text.
  /// @throws NotFound when the vocabulary has no such id.
  std::string id_to_token(TokenId id) const;
  /// @return One more than the largest id, added tokens included.
  std::size_t vocab_size() const;

  /// @return The beginning-of-sequence token of tokenizer_config.json, when it names one.
  std::optional<TokenId> bos_id() const;
  /// @return The end-of-sequence tokens of tokenizer_config.json. The model's generation_config.json may name
  /// more; generation uses those.
  std::vector<TokenId> eos_ids() const;

  /// Writes a conversation as the one text that the model was trained on, by the model's Jinja template
  /// (chat_template.jinja, additional_chat_templates/, or chat_template of tokenizer_config.json). The text
  /// holds its special tokens already: encode it with `add_special_tokens = false`.
  /// `apply_chat_template({{{"user", "Hello"}}}, {.add_generation_prompt = true})`
  /// @param messages At least one; borrowed for the call.
  /// @throws NotFound when the model has no template, or none of that name; InvalidArgument when the messages
  /// or options are wrong or the template refuses them (raise_exception); FormatError when the template is
  /// wrong, cannot cope with the messages, or computes without end; UnsupportedError when it uses a filter or
  /// a statement that this version lacks. Messages name the template and its line.
  std::string apply_chat_template(std::span<const ChatMessage> messages,
                                  const ChatTemplateOptions& options = {}) const;
  /// The same for messages as a JSON array of objects, as they are sent to chat services.
  std::string apply_chat_template_json(std::string_view messages_json,
                                       const ChatTemplateOptions& options = {}) const;
  /// The token ids of a conversation: encodes apply_chat_template, but control tokens that messages other
  /// than the system's and the assistant's spell in their `content` stay plain text (see parse_special
  /// there).
  std::vector<TokenId> encode_chat(std::span<const ChatMessage> messages,
                                   const ChatTemplateOptions& options = {}) const;
  /// Whether the model has a template.
  bool has_chat_template() const;
  /// The names of its templates; {"default"} for a model with one.
  std::vector<std::string> chat_template_names() const;

  /// For the library's own use: wraps a loaded body, and gives it back.
  explicit Tokenizer(std::shared_ptr<const text::TokenizerImpl> impl);
  const text::TokenizerImpl& impl() const { return *impl_; }
  Tokenizer(const Tokenizer&);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(const Tokenizer&);
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

 private:
  std::shared_ptr<const text::TokenizerImpl> impl_;
};

}  // namespace transom
