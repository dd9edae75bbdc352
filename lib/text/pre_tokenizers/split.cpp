// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizers/split.h"

#include <algorithm>

namespace transom::text {

namespace {

/// A match, or what lies between two.
struct Part {
  std::size_t begin;
  std::size_t end;
  bool is_match;
};

void list_parts(std::string_view text, const std::vector<Match>& matches, bool invert,
                std::vector<Part>& out) {
  out.clear();
  std::size_t done = 0;
  for (const Match& match : matches) {
    if (match.begin != done) out.push_back({done, match.begin, invert});
    out.push_back({match.begin, match.end, !invert});
    done = match.end;
  }
  if (done != text.size()) out.push_back({done, text.size(), invert});
}

/// Joins each match to the part before it; a match that follows a match stands alone.
void merge_with_previous(std::vector<Part>& parts) {
  std::vector<Part> out;
  bool previous_match = false;
  for (const Part& part : parts) {
    if (part.is_match && !previous_match && !out.empty()) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
    previous_match = part.is_match;
  }
  parts.swap(out);
}

void merge_with_next(std::vector<Part>& parts) {
  std::vector<Part> out;
  bool previous_match = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_match && !previous_match && !out.empty()) {
      out.back().begin = part->begin;
    } else {
      out.push_back(*part);
    }
    previous_match = part->is_match;
  }
  std::reverse(out.begin(), out.end());
  parts.swap(out);
}

void fuse_matches(std::vector<Part>& parts) {
  std::vector<Part> out;
  bool previous_match = false;
  for (const Part& part : parts) {
    if (part.is_match == previous_match && !out.empty()) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
    previous_match = part.is_match;
  }
  parts.swap(out);
}

void apply_behavior(SplitBehavior behavior, std::vector<Part>& parts) {
  switch (behavior) {
    case SplitBehavior::removed:
      std::erase_if(parts, [](const Part& part) { return part.is_match; });
      break;
    case SplitBehavior::isolated:
      break;
    case SplitBehavior::merged_with_previous:
      merge_with_previous(parts);
      break;
    case SplitBehavior::merged_with_next:
      merge_with_next(parts);
      break;
    case SplitBehavior::contiguous:
      fuse_matches(parts);
      break;
  }
}

}  // namespace

SplitBehavior load_split_behavior(const io::Json& json, const JsonPath& path) {
  const std::string& name = json.as_string(path);
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  path.fail(core::message(
      "expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous, found \"", name, "\""));
}

void SplitPreTokenizer::apply(PieceList& list) const {
  std::vector<Piece> out;
  out.reserve(list.pieces.size() + list.text.size() / 4);
  std::vector<Match> matches;
  std::vector<Part> parts;
  for (const Piece& piece : list.pieces) {
    const std::string_view text = list.view(piece);
    matches.clear();
    pattern_->find_all(text, matches);
    list_parts(text, matches, invert_, parts);
    apply_behavior(behavior_, parts);
    for (const Part& part : parts) {
      if (part.begin == part.end) continue;
      out.push_back({piece.begin + part.begin, piece.begin + part.end, piece.at_start && part.begin == 0});
    }
  }
  list.pieces.swap(out);
}

}  // namespace transom::text
