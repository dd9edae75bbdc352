// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

// The time to search a text grows with the longest literal.
constexpr std::size_t kMaxContentBytes = 1024;

/// The beginning of the last character before `end`.
std::size_t previous_character(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

char32_t code_point_at(std::string_view text, std::size_t pos) {
  const char* p = text.data() + pos;
  return next_code_point(p);
}

bool touches_word(std::string_view text, const Match& match) {
  if (match.begin > 0 && is_word(code_point_at(text, previous_character(text, match.begin)))) return true;
  return match.end < text.size() && is_word(code_point_at(text, match.end));
}

std::size_t skip_spaces_back(std::string_view text, std::size_t pos, std::size_t limit) {
  while (pos > limit) {
    const std::size_t previous = previous_character(text, pos);
    if (previous < limit || !is_space(code_point_at(text, previous))) break;
    pos = previous;
  }
  return pos;
}

std::size_t skip_spaces(std::string_view text, std::size_t pos) {
  while (pos < text.size() && is_space(code_point_at(text, pos))) pos += utf8_length(text[pos]);
  return pos;
}

}  // namespace

void AddedTokens::add(AddedToken token) {
  const auto found = by_content_.find(token.content);
  if (found != by_content_.end()) {
    tokens_[found->second] = std::move(token);
    return;
  }
  by_content_.emplace(token.content, tokens_.size());
  by_id_.emplace(token.id, tokens_.size());
  tokens_.push_back(std::move(token));
}

void AddedTokens::index(const Normalizer* normalizer) {
  sets_ = {};
  for (const bool special : {true, false}) {  // of two equal spellings the special token goes first
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const AddedToken& token = tokens_[i];
      if (token.special != special) continue;
      const std::string spelling =
          token.normalized && normalizer != nullptr ? normalizer->normalize(token.content) : token.content;
      sets_[2 * token.normalized + 1].add(spelling, i);
      if (!spells_control(token)) sets_[2 * token.normalized].add(spelling, i);
    }
  }
}

void AddedTokens::split(std::string_view text, bool normalized, bool all, std::vector<Segment>& out) const {
  const LiteralSet& set = set_for(normalized, all);
  std::size_t done = 0;
  if (!set.empty()) {
    std::size_t pos = 0;
    while (const std::optional<LiteralSet::Found> found = set.find(text, pos)) {
      const AddedToken& token = tokens_[found->value];
      Match match = found->match;
      pos = match.end;
      if (token.single_word && touches_word(text, match)) continue;
      // Never back into what an earlier token has taken.
      if (token.lstrip) match.begin = skip_spaces_back(text, match.begin, std::min(done, match.begin));
      if (token.rstrip) match.end = skip_spaces(text, match.end);
      if (done < match.begin) out.push_back({std::nullopt, text.substr(done, match.begin - done)});
      out.push_back({token.id, {}});
      done = match.end;
    }
  }
  if (done < text.size()) out.push_back({std::nullopt, text.substr(done)});
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

bool spells_control(const AddedToken& token) {
  constexpr std::string_view kFullwidthBar = "\xEF\xBD\x9C";  // U+FF5C
  return token.special || token.content.find_first_of("<>[]{}|") != std::string::npos ||
         token.content.find(kFullwidthBar) != std::string::npos;
}

AddedToken load_added_token(const io::Json& json, const JsonPath& path) {
  AddedToken token;
  token.content = required_string(json, "content", path);
  if (token.content.size() > kMaxContentBytes) {
    path.member("content").unsupported(core::message("added token of ", token.content.size(),
                                                     " bytes, at most ", kMaxContentBytes, " are supported"));
  }
  token.single_word = bool_member(json, "single_word", false, path);
  token.lstrip = bool_member(json, "lstrip", false, path);
  token.rstrip = bool_member(json, "rstrip", false, path);
  token.special = bool_member(json, "special", false, path);
  token.normalized = bool_member(json, "normalized", !token.special, path);
  return token;
}

void add_checked(AddedTokens& tokens, AddedToken token, const Vocabulary& vocabulary, const JsonPath& path) {
  const std::optional<TokenId> in_vocabulary = vocabulary.find(token.content);
  if (in_vocabulary && *in_vocabulary != token.id) {
    path.fail(core::message("added token \"", token.content, "\" has id ", token.id,
                            ", but the vocabulary gives it id ", *in_vocabulary));
  }
  const std::optional<std::string_view> other = vocabulary.spelling(token.id);
  if (other && *other != token.content) {
    path.fail(core::message("added token \"", token.content, "\" has id ", token.id, ", which belongs to \"",
                            *other, "\""));
  }
  const AddedToken* const same_id = tokens.find(token.id);
  const AddedToken* const same_content = tokens.find(token.content);
  if (same_id != nullptr && same_id->content != token.content) {
    path.fail(core::message("id ", token.id, " is given to both \"", same_id->content, "\" and \"",
                            token.content, "\""));
  }
  if (same_content != nullptr && same_content->id != token.id) {
    path.fail(core::message("added token \"", token.content, "\" has both id ", same_content->id, " and id ",
                            token.id));
  }
  tokens.add(std::move(token));
}

AddedTokens load_added_tokens(const io::Json* json, const Vocabulary& vocabulary, const JsonPath& path) {
  AddedTokens tokens;
  if (json == nullptr) return tokens;
  std::size_t i = 0;
  for (const io::Json& entry : json->as_array(path)) {
    const JsonPath entry_path = path.element(i++);
    AddedToken token = load_added_token(entry, entry_path);
    token.id = read_token_id(entry.at("id", entry_path), entry_path.member("id"));
    if (token.content.empty()) continue;  // the reference implementation ignores it as well
    add_checked(tokens, std::move(token), vocabulary, entry_path);
  }
  return tokens;
}

}  // namespace transom::text
