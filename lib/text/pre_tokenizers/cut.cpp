// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizers/cut.h"

#include "text/scripts.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

/// Begins a new piece at each character for which `begins(code point)` holds; `begins` starts anew with each
/// piece of the list. What stands before the first such character is dropped.
template <typename MakeBegins>
void cut_pieces(PieceList& list, const MakeBegins& make_begins) {
  std::vector<Piece> out;
  out.reserve(list.pieces.size());
  for (const Piece& piece : list.pieces) {
    auto begins = make_begins();
    const char* const text = list.text.data();
    const char* p = text + piece.begin;
    bool open = false;
    while (p != text + piece.end) {
      const auto pos = static_cast<std::size_t>(p - text);
      if (!begins(next_code_point(p))) continue;
      if (open) out.back().end = pos;
      out.push_back({pos, piece.end, piece.at_start && pos == piece.begin});
      open = true;
    }
  }
  list.pieces.swap(out);
}

/// The script that the cutter sees. The hiragana and katakana of Japanese words go with their ideographs.
Script joined_script(char32_t c) {
  constexpr char32_t kIdeograph = 0x4E00;
  constexpr char32_t kHiragana = 0x3042;
  constexpr char32_t kKatakana = 0x30AB;
  constexpr char32_t kLongVowelMark = 0x30FC;  // common to both
  if (c == ' ') return kNoScript;
  const Script script = script_of(c);
  const bool japanese =
      c == kLongVowelMark || script == script_of(kHiragana) || script == script_of(kKatakana);
  return japanese ? script_of(kIdeograph) : script;
}

class UnicodeScripts final : public PreTokenizer {
 public:
  void apply(PieceList& list) const override {
    cut_pieces(list, [] {
      return [last = kNoScript](char32_t c) mutable {
        const Script script = joined_script(c);
        if (script == kNoScript || script == last) return false;
        last = script;
        return true;
      };
    });
  }
};

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(std::size_t length) : length_(length) {}

  void apply(PieceList& list) const override {
    cut_pieces(
        list, [this] { return [this, n = std::size_t{0}](char32_t) mutable { return n++ % length_ == 0; }; });
  }

 private:
  std::size_t length_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_unicode_scripts() { return std::make_unique<UnicodeScripts>(); }

std::unique_ptr<PreTokenizer> make_fixed_length(std::size_t length) {
  return std::make_unique<FixedLength>(length);
}

}  // namespace transom::text
