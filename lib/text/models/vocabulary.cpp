// SPDX-License-Identifier: Apache-2.0
#include "text/models/vocabulary.h"

#include <bit>
#include <functional>

namespace transom::text {

void Vocabulary::reserve(std::size_t n_tokens, std::size_t n_bytes) {
  bytes_.reserve(n_bytes);
  entries_.reserve(n_tokens);
  grow(std::bit_ceil(2 * n_tokens + 2));
}

Vocabulary::Added Vocabulary::add(std::string_view token, TokenId id, bool again) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow(std::bit_ceil(4 * (entries_.size() + 1)));
  const std::size_t slot = slot_for(token);
  if (slots_[slot] != 0 && !again) return Added::duplicate_token;
  const auto index = static_cast<std::size_t>(id);
  if (index < entry_of_id_.size() && entry_of_id_[index] != 0) return Added::duplicate_id;
  if (index >= entry_of_id_.size()) entry_of_id_.resize(index + 1);
  has_repeats_ = has_repeats_ || slots_[slot] != 0;
  entries_.push_back({bytes_.size(), static_cast<std::uint32_t>(token.size()), id});
  bytes_.append(token);
  slots_[slot] = entry_of_id_[index] = static_cast<std::uint32_t>(entries_.size());
  return Added::ok;
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint32_t found = slots_[slot_for(token)];
  if (found == 0) return std::nullopt;
  return entries_[found - 1].id;
}

std::optional<std::string_view> Vocabulary::spelling(TokenId id) const {
  const auto index = static_cast<std::size_t>(id);
  if (id < 0 || index >= entry_of_id_.size() || entry_of_id_[index] == 0) return std::nullopt;
  return text_of(entries_[entry_of_id_[index] - 1]);
}

void Vocabulary::grow(std::size_t n_slots) {
  slots_.assign(n_slots, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    slots_[slot_for(text_of(entries_[i]))] = static_cast<std::uint32_t>(i + 1);
  }
}

std::size_t Vocabulary::slot_for(std::string_view token) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(token)&mask;
  while (slots_[slot] != 0 && text_of(entries_[slots_[slot] - 1]) != token) slot = (slot + 1) & mask;
  return slot;
}

TokenId read_token_id(const io::Json& json, const JsonPath& path) {
  const std::int64_t id = json.as_int(path);
  if (id < 0) path.fail(core::message("expected a token id of at least 0, found ", id));
  if (id >= kMaxTokenId) {
    path.unsupported(core::message("expected a token id below ", kMaxTokenId, ", found ", id));
  }
  return static_cast<TokenId>(id);
}

Vocabulary load_vocabulary(const io::Json& json, const JsonPath& path) {
  const std::vector<io::Json::Member>& members = json.as_object(path);
  std::size_t n_bytes = 0;
  for (const auto& [token, id] : members) n_bytes += token.size();
  Vocabulary vocabulary;
  vocabulary.reserve(members.size(), n_bytes);
  for (const auto& [token, json_id] : members) {
    // The path of a member is spelled out only when something is wrong with it.
    const bool plain = json_id.is_integer() && json_id.as_int({}) >= 0 && json_id.as_int({}) < kMaxTokenId;
    const TokenId id =
        plain ? static_cast<TokenId>(json_id.as_int({})) : read_token_id(json_id, path.member(token));
    switch (vocabulary.add(token, id)) {
      case Vocabulary::Added::ok:
        break;
      case Vocabulary::Added::duplicate_token:
        path.fail(core::message("token \"", token, "\" appears twice"));
      case Vocabulary::Added::duplicate_id:
        path.fail(core::message("id ", id, " is given to both \"", *vocabulary.spelling(id), "\" and \"",
                                token, "\""));
    }
  }
  return vocabulary;
}

}  // namespace transom::text
