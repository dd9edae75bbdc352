// SPDX-License-Identifier: Apache-2.0
#include "text/sentencepiece/whitespace.h"

#include <utility>

#include "text/growth.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";  // U+2581

class SentencePieceNormalizer final : public Normalizer {
 public:
  SentencePieceNormalizer(std::optional<Charsmap> map, SentencePieceSpaces spaces)
      : map_(std::move(map)), spaces_(spaces), space_(spaces.escape ? kEscapedSpace : " ") {}

  std::string normalize(std::string text) const override {
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    bool after_space = spaces_.remove_extra;  // spaces at the beginning go
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view part = rest.substr(0, utf8_length(rest[0]));
      std::size_t length = part.size();
      if (map_) {
        if (const auto found = map_->find(rest, Charsmap::Prefer::longest)) {
          part = found->replacement;
          length = found->length;
        }
      }
      rest.remove_prefix(length);
      check_growth(text.size(), out.size());
      while (after_space && part.starts_with(' ')) part.remove_prefix(1);
      if (part.empty()) continue;
      append(part, out);
      after_space = spaces_.remove_extra && part.ends_with(' ');
    }
    while (spaces_.remove_extra && out.ends_with(space_)) out.resize(out.size() - space_.size());
    return out;
  }

 private:
  void append(std::string_view part, std::string& out) const {
    for (const char c : part) {
      if (c == ' ') {
        out.append(space_);
      } else {
        out.push_back(c);
      }
    }
  }

  std::optional<Charsmap> map_;
  SentencePieceSpaces spaces_;
  std::string_view space_;
};

class DummyPrefix final : public PreTokenizer {
 public:
  DummyPrefix(PrependScheme scheme, bool escape) : scheme_(scheme), space_(escape ? kEscapedSpace : " ") {}

  void apply(PieceList& list) const override {
    std::string out;
    out.reserve(list.text.size() + space_.size());
    for (Piece& piece : list.pieces) {
      const std::size_t begin = out.size();
      const std::string_view text = list.view(piece);
      const bool wanted =
          scheme_ == PrependScheme::always || (scheme_ == PrependScheme::first && piece.at_start);
      if (wanted && !text.empty()) out.append(space_);
      out.append(text);
      piece.begin = begin;
      piece.end = out.size();
    }
    list.text.swap(out);
  }

 private:
  PrependScheme scheme_;
  std::string_view space_;
};

}  // namespace

std::unique_ptr<Normalizer> make_sentencepiece_normalizer(std::optional<Charsmap> map,
                                                          SentencePieceSpaces spaces) {
  return std::make_unique<SentencePieceNormalizer>(std::move(map), spaces);
}

std::unique_ptr<PreTokenizer> make_dummy_prefix(PrependScheme scheme, bool escape) {
  return std::make_unique<DummyPrefix>(scheme, escape);
}

}  // namespace transom::text
