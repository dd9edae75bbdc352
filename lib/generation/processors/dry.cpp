// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/dry.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace transom::generation {

namespace {

/// matches[i]: how many tokens before and at `i` from the end equal the last ones of the text (the Z function
/// of the reversed text, in linear time).
void match_ends(std::span<const TokenId> text, std::vector<std::size_t>& matches) {
  const std::size_t n = text.size();
  const auto from_end = [&](std::size_t i) { return text[n - 1 - i]; };
  matches.assign(n, 0);
  std::size_t left = 0, right = 0;  // the match that reaches furthest back so far
  for (std::size_t i = 1; i < n; ++i) {
    std::size_t length = i < right ? std::min(matches[i - left], right - i) : 0;
    while (i + length < n && from_end(length) == from_end(i + length)) ++length;
    matches[i] = length;
    if (i + length > right) {
      left = i;
      right = i + length;
    }
  }
}

}  // namespace

void Dry::apply(std::span<const TokenId> text, std::span<float> logits) {
  if (settings_.last_n >= 0)
    text = text.last(std::min(text.size(), static_cast<std::size_t>(settings_.last_n)));
  const auto allowed = static_cast<std::size_t>(settings_.allowed_length);
  if (text.size() <= allowed) return;
  match_ends(text, matches_);
  std::size_t limit = *std::max_element(matches_.begin(), matches_.end());
  if (limit < allowed) return;
  limit = tokens_since_breaker(text, limit);
  longest_.clear();
  for (std::size_t i = 1; i < text.size(); ++i) {
    const std::size_t length = std::min(matches_[i], limit);
    if (length < allowed) continue;
    std::size_t& longest = longest_[text[text.size() - i]];  // the token that followed
    longest = std::max(longest, length);
  }
  // base ^ exponent stays a finite float.
  const double base = static_cast<double>(settings_.base);
  const double most = base > 1
                          ? std::log(static_cast<double>(std::numeric_limits<float>::max())) / std::log(base)
                          : std::numeric_limits<double>::max();
  for (const auto& [id, length] : longest_) {
    const double exponent = std::min(static_cast<double>(length - allowed), std::floor(most));
    logits[static_cast<std::size_t>(id)] -=
        settings_.multiplier * static_cast<float>(std::pow(base, exponent));
  }
}

/// How many tokens at the end of the text follow the last breaker; not more than `at_most` are looked at.
std::size_t Dry::tokens_since_breaker(std::span<const TokenId> text, std::size_t at_most) {
  if (tokenizer_ == nullptr || settings_.breakers.empty()) return at_most;
  const std::size_t longest = std::ranges::max(settings_.breakers, {}, &std::string::size).size();
  std::string here;        // the token in hand and the beginning of the text behind it
  std::size_t behind = 0;  // bytes of the text behind the token in hand
  std::vector<std::size_t>
      lengths;  // bytes from the beginning of each token to the end of the text, ascending
  std::size_t limit = at_most;
  for (std::size_t i = 0; i < limit; ++i) {
    const std::string& piece = spelling(text[text.size() - 1 - i]);
    here.resize(std::min(here.size(), longest - 1));
    here.insert(0, piece);
    for (const std::string& breaker : settings_.breakers) {
      // The last occurrence that begins in this token; it may end in a later one.
      const std::size_t at = piece.empty() ? std::string::npos : here.rfind(breaker, piece.size() - 1);
      if (at == std::string::npos) continue;
      const std::size_t rest = piece.size() + behind - (at + breaker.size());  // bytes behind the breaker
      const auto after = std::ranges::upper_bound(lengths, rest) - lengths.begin();
      limit = std::min(limit, static_cast<std::size_t>(after));
    }
    behind += piece.size();
    lengths.push_back(behind);
  }
  return limit;
}

const std::string& Dry::spelling(TokenId id) {
  const auto [entry, is_new] = spellings_.try_emplace(id);
  if (is_new) entry->second = tokenizer_->decode({&id, 1}, {.skip_special_tokens = false});
  return entry->second;
}

}  // namespace transom::generation
