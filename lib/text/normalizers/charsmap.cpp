// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/charsmap.h"

#include <cstring>

#include "text/utf8.h"

namespace transom::text {

namespace {

std::uint32_t read_u32(std::string_view bytes, std::size_t pos) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[pos + i]);
  return value;
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes, const JsonPath& path) {
  const std::size_t trie_bytes = bytes.size() < 4 ? 0 : read_u32(bytes, 0);
  if (bytes.size() < 4 || trie_bytes > bytes.size() - 4 || trie_bytes % 4 != 0 || trie_bytes == 0) {
    path.fail(core::message("expected a character map, found ", bytes.size(), " bytes of which ", trie_bytes,
                            " are said to be its trie"));
  }
  units_.resize(trie_bytes / 4);
  for (std::size_t i = 0; i < units_.size(); ++i) units_[i] = read_u32(bytes, 4 + 4 * i);
  replacements_ = bytes.substr(4 + trie_bytes);
  if (valid_utf8_prefix(replacements_) != replacements_.size()) {
    path.fail("expected replacements in UTF-8 in the character map");
  }
  if (replacements_.empty() || replacements_.back() != '\0') replacements_.push_back('\0');
  check(path);
}

/// Every value that a search can come to must be the place of a replacement. Units that no search reaches may
/// hold anything.
void Charsmap::check(const JsonPath& path) const {
  std::vector<bool> seen(units_.size());
  std::vector<std::size_t> open = {offset(units_[0])};
  while (!open.empty()) {
    const std::size_t children = open.back();
    open.pop_back();
    for (std::size_t byte = 1; byte < 256; ++byte) {
      const std::size_t node = children ^ byte;
      if (node >= units_.size() || seen[node] || label(units_[node]) != byte) continue;
      seen[node] = true;
      const std::size_t below = node ^ offset(units_[node]);
      if (ends_key(units_[node])) {
        const std::size_t value = below < units_.size() ? units_[below] & ~kIsValue : replacements_.size();
        if (value >= replacements_.size() || (value > 0 && (replacements_[value] & 0xC0) == 0x80)) {
          path.fail(core::message("the character map's trie leads to replacement ", value, ", but there are ",
                                  replacements_.size(), " bytes of replacements"));
        }
      }
      open.push_back(below);
    }
  }
}

std::string_view Charsmap::replacement_at(std::size_t place) const {
  return {replacements_.data() + place, std::strlen(replacements_.data() + place)};
}

std::optional<Charsmap::Found> Charsmap::find(std::string_view text, Prefer prefer) const {
  std::optional<Found> found;
  std::size_t children = offset(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t node = children ^ byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
    children = node ^ offset(units_[node]);
    if (!ends_key(units_[node])) continue;
    found = Found{i + 1, replacement_at(units_[children] & ~kIsValue)};
    if (prefer == Prefer::shortest) break;
  }
  return found;
}

}  // namespace transom::text
