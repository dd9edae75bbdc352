// SPDX-License-Identifier: Apache-2.0
#include "text/models/unigram.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "text/utf8.h"

namespace transom::text {

namespace {

// An unknown character costs this much more than the worst token (SentencePiece's choice).
constexpr double kUnkPenalty = 10.0;

}  // namespace

UnigramModel::UnigramModel(Vocabulary vocabulary, std::vector<double> scores, UnigramOptions options,
                           const std::vector<bool>& excluded)
    : vocabulary_(std::move(vocabulary)),
      scores_(std::move(scores)),
      options_(options),
      byte_tokens_(vocabulary_) {
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t id = 0; id < scores_.size(); ++id) {
    if (!excluded.empty() && excluded[id]) continue;
    lowest = std::min(lowest, scores_[id]);
    trie_.add(*vocabulary_.spelling(static_cast<TokenId>(id)), static_cast<std::int32_t>(id));
  }
  unk_score_ = lowest - kUnkPenalty;
}

void UnigramModel::tokenize(std::string_view piece, std::vector<TokenId>& out) const {
  if (piece.empty()) return;
  std::array<Node, 128> on_stack;
  std::vector<Node> storage;
  Node* nodes = on_stack.data();
  if (piece.size() >= on_stack.size()) {
    storage.resize(piece.size() + 1);
    nodes = storage.data();
  }
  find_best(piece, nodes);
  // Backwards from the end: the tokens come out last to first, and unknown characters that touch are one run.
  const std::size_t first = out.size();
  const auto is_unknown = [&](std::size_t end) {
    return options_.unk_id && nodes[end].id == *options_.unk_id;
  };
  for (std::size_t end = piece.size(); end > 0;) {
    std::size_t begin = nodes[end].begin;
    if (!is_unknown(end)) {
      out.push_back(nodes[end].id);
    } else {
      while (begin > 0 && is_unknown(begin)) begin = nodes[begin].begin;
      const std::size_t run = out.size();
      append_unknown(piece.substr(begin, end - begin), out);
      std::reverse(out.begin() + static_cast<std::ptrdiff_t>(run), out.end());
    }
    end = begin;
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

void UnigramModel::find_best(std::string_view piece, Node* nodes) const {
  const auto offer = [nodes](std::size_t begin, std::size_t end, double score, TokenId id) {
    Node& node = nodes[end];
    // Of equal sums the first found stays.
    if (node.begin == UINT32_MAX || score > node.score) {
      node = {score, static_cast<std::uint32_t>(begin), id};
    }
  };
  for (std::size_t begin = 0; begin < piece.size();) {
    const double before = nodes[begin].score;
    const std::size_t next = begin + utf8_length(piece[begin]);
    bool has_character = false;
    Trie::Node node = Trie::kRoot;
    for (std::size_t end = begin; end < piece.size();) {
      node = trie_.child(node, static_cast<unsigned char>(piece[end++]));
      if (node == Trie::kNone) break;
      const TokenId id = trie_.value(node);
      if (id == Trie::kNoValue) continue;
      offer(begin, end, scores_[static_cast<std::size_t>(id)] + before, id);
      if (end == next) has_character = true;
    }
    if (!has_character) {
      if (!options_.unk_id) {
        throw FormatError(core::message("model.unk_id: the text has the unknown character \"",
                                        piece.substr(begin, next - begin), "\", and no token stands for it"));
      }
      offer(begin, next, unk_score_ + before, *options_.unk_id);
    }
    begin = next;
  }
}

void UnigramModel::append_unknown(std::string_view text, std::vector<TokenId>& out) const {
  // The unknown token can be spelled out in a text, and so can a run that is a token.
  const Trie::Node node = trie_.walk(Trie::kRoot, text);
  if (node != Trie::kNone && trie_.value(node) != Trie::kNoValue) {
    out.push_back(trie_.value(node));
  } else if (!options_.byte_fallback || !byte_tokens_.append(text, out)) {
    out.push_back(*options_.unk_id);
  }
}

}  // namespace transom::text
