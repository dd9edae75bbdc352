// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_impl.h"

#include <algorithm>
#include <utility>

#include "text/decoders/stream_decoder.h"
#include "text/growth.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

std::size_t index_of(TokenId id) { return static_cast<std::size_t>(id); }

}  // namespace

TokenizerImpl::TokenizerImpl(Parts parts)
    : parts_(std::move(parts)), vocab_size_(parts_.model->vocabulary().id_end()) {
  parts_.added.index(parts_.normalizer.get());
  for (const AddedToken& token : parts_.added.tokens()) {
    vocab_size_ = std::max(vocab_size_, static_cast<std::size_t>(token.id) + 1);
  }
  special_.resize(vocab_size_);
  control_.resize(vocab_size_);
  for (const AddedToken& token : parts_.added.tokens()) {
    special_[index_of(token.id)] = token.special;
    if (!spells_control(token) || !parts_.model->vocabulary().find(token.content)) continue;
    control_[index_of(token.id)] = true;
    controls_.add(token.content, 0);
  }
  if (!parts_.model->vocabulary().has_repeats()) return;
  for (std::size_t id = 0; id < vocab_size_; ++id) {  // every id of a special token's spelling is special
    const std::optional<std::string_view> token = spelling(static_cast<TokenId>(id));
    const AddedToken* const added = token ? parts_.added.find(*token) : nullptr;
    special_[id] = added != nullptr && added->special;
  }
}

std::vector<TokenId> TokenizerImpl::encode(std::string_view text, const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    throw InvalidArgument(
        core::message("encode: expected a text of at most ", kMaxTextBytes, " bytes, found ", text.size()));
  }
  std::string mended;
  if (valid_utf8_prefix(text) != text.size()) {
    mended = replace_invalid_utf8(text);
    text = mended;
  }
  std::vector<TokenId> out;
  out.reserve(text.size() / 4 + 8);
  if (options.add_special_tokens) out = parts_.frame.prefix;
  std::vector<Segment> segments;
  parts_.added.split(text, false, options.parse_special, segments);
  for (const Segment& segment : segments) {
    if (segment.id) {
      out.push_back(*segment.id);
    } else {
      encode_segment(segment.text, segment.text.data() == text.data(), options.parse_special, out);
    }
  }
  if (options.add_special_tokens) {
    out.insert(out.end(), parts_.frame.suffix.begin(), parts_.frame.suffix.end());
  }
  return out;
}

void TokenizerImpl::encode_segment(std::string_view text, bool at_start, bool all_added,
                                   std::vector<TokenId>& out) const {
  std::string normalized(text);
  if (parts_.normalizer != nullptr) {
    normalized = parts_.normalizer->normalize(std::move(normalized));
    check_growth(text.size(), normalized.size());
  }
  std::vector<Segment> segments;
  parts_.added.split(normalized, true, all_added, segments);
  if (segments.size() == 1 && !segments[0].id) {
    return encode_normalized(std::move(normalized), at_start, all_added, out);
  }
  for (const Segment& segment : segments) {
    if (segment.id) {
      out.push_back(*segment.id);
    } else {
      const bool first = at_start && segment.text.data() == normalized.data();
      encode_normalized(std::string(segment.text), first, all_added, out);
    }
  }
}

void TokenizerImpl::encode_normalized(std::string text, bool at_start, bool all_added,
                                      std::vector<TokenId>& out) const {
  PieceList list;
  list.pieces.push_back({0, text.size(), at_start});
  list.text = std::move(text);
  if (parts_.pre_tokenizer != nullptr) parts_.pre_tokenizer->apply(list);
  for (const Piece& piece : list.pieces) {
    if (all_added) {
      parts_.model->tokenize(list.view(piece), out);
    } else {
      encode_plainly(list.view(piece), out);
    }
  }
}

/// The model itself may know control tokens as words. Where it finds one that the piece spells out, the piece
/// is cut behind the first character of each such spelling.
void TokenizerImpl::encode_plainly(std::string_view piece, std::vector<TokenId>& out) const {
  const std::size_t begin = out.size();
  parts_.model->tokenize(piece, out);
  const bool has_control = std::any_of(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                                       [this](TokenId id) { return control_[index_of(id)]; });
  if (!has_control || !controls_.find(piece, 0)) return;
  out.resize(begin);
  std::size_t done = 0;
  std::size_t pos = 0;
  while (const std::optional<LiteralSet::Found> found = controls_.find(piece, pos)) {
    pos = found->match.begin + utf8_length(piece[found->match.begin]);
    parts_.model->tokenize(piece.substr(done, pos - done), out);
    done = pos;
  }
  parts_.model->tokenize(piece.substr(done), out);
}

std::string TokenizerImpl::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  // Borrowed for the duration of the call: no reference count is touched.
  const std::shared_ptr<const TokenizerImpl> self(std::shared_ptr<const TokenizerImpl>(), this);
  StreamDecoder decoder(self, options);
  std::string out;
  out.reserve(4 * ids.size());
  for (const TokenId id : ids) decoder.push(id, out);
  decoder.finish(out);
  return out;
}

std::optional<TokenId> TokenizerImpl::token_to_id(std::string_view token) const {
  if (const AddedToken* added = parts_.added.find(token)) return added->id;
  return parts_.model->vocabulary().find(token);
}

std::optional<std::string_view> TokenizerImpl::spelling(TokenId id) const {
  if (const AddedToken* added = parts_.added.find(id)) return added->content;
  return parts_.model->vocabulary().spelling(id);
}

std::vector<TokenId> TokenizerImpl::special_ids() const {
  std::vector<TokenId> ids;
  for (const AddedToken& token : parts_.added.tokens()) {
    if (token.special) ids.push_back(token.id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace transom::text
