// SPDX-License-Identifier: Apache-2.0
// A template mixes its own control tokens with what people wrote. To tell them apart afterwards, every
// spelling of a control token inside a message gets a mark, which no template looks at; the text is cut there
// again before it is encoded, so that the spelling is never seen whole.
#include "text/chat_encoding.h"

#include <set>
#include <string>

#include "text/tokenizer_impl.h"

namespace transom::text {

namespace {

constexpr std::string_view kMark = "\xEF\xB7\x90";  // U+FDD0, a noncharacter: for internal use, says Unicode

/// Whether people other than the application's author write messages of this role.
bool is_foreign(std::string_view role) {
  return role != "system" && role != "developer" && role != "assistant" && role != "model";
}

std::size_t first_character_length(std::string_view text) {
  std::size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

void remove_marks(std::string& text) {
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at))
    text.erase(at, kMark.size());
}

/// Puts a mark behind the first character of every spelling of a control token.
void mark_control_tokens(const AddedTokens& added, std::string& text) {
  std::set<std::size_t> places;
  for (const AddedToken& token : added.tokens()) {
    const std::size_t first = first_character_length(token.content);
    if (!spells_control(token) || first >= token.content.size()) continue;
    for (std::size_t at = text.find(token.content); at != std::string::npos;
         at = text.find(token.content, at + 1))
      places.insert(at + first);
  }
  for (auto place = places.rbegin(); place != places.rend(); ++place) text.insert(*place, kMark);
}

}  // namespace

std::vector<TokenId> encode_chat(const TokenizerImpl& tokenizer, std::span<const ChatMessage> messages,
                                 const ChatTemplateOptions& options) {
  std::vector<ChatMessage> marked(messages.begin(), messages.end());
  for (ChatMessage& message : marked) {
    remove_marks(message.content);
    if (!options.parse_special && is_foreign(message.role))
      mark_control_tokens(tokenizer.added_tokens(), message.content);
  }
  const std::string text = tokenizer.chat_templates().apply(marked, options);
  std::vector<TokenId> ids;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(kMark, begin), text.size());
    const std::vector<TokenId> part =
        tokenizer.encode(std::string_view(text).substr(begin, end - begin), {.add_special_tokens = false});
    ids.insert(ids.end(), part.begin(), part.end());
    begin = end + kMark.size();
  }
  return ids;
}

}  // namespace transom::text
