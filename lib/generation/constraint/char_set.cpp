// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/char_set.h"

#include <algorithm>
#include <map>
#include <utility>

namespace transom::generation {

namespace {

constexpr char32_t kLast = 0x10FFFF;
constexpr CodeRange kSurrogates{0xD800, 0xDFFF};

/// Builds a Utf8Graph from the tails up.
class GraphBuilder {
 public:
  Utf8Graph build(const CharSet& set) {
    struct Length {
      CodeRange range;
      int tails;
      std::uint8_t lead;
    };
    constexpr Length kLengths[] = {
        {{0, 0x7F}, 0, 0}, {{0x80, 0x7FF}, 1, 0xC0}, {{0x800, 0xFFFF}, 2, 0xE0}, {{0x10000, kLast}, 3, 0xF0}};
    std::vector<Utf8Edge> start;
    for (const Length& length : kLengths) {
      std::vector<CodeRange> part;
      for (const CodeRange& range : set.ranges()) {
        const CodeRange cut{std::max(range.first, length.range.first),
                            std::min(range.last, length.range.last)};
        if (cut.first <= cut.last) part.push_back(cut);
      }
      for (Utf8Edge edge : edges(part, length.tails)) {
        edge.low = static_cast<std::uint8_t>(edge.low | length.lead);
        edge.high = static_cast<std::uint8_t>(edge.high | length.lead);
        start.push_back(edge);
      }
    }
    graph_.start = node(std::move(start));
    return std::move(graph_);
  }

 private:
  std::uint32_t node(std::vector<Utf8Edge> edges) {
    const auto [at, is_new] = known_.try_emplace(edges, static_cast<std::uint32_t>(graph_.nodes.size()));
    if (is_new) graph_.nodes.push_back(std::move(edges));
    return at->second;
  }

  /// Edges over the uppermost digit of numbers that have `tails` further digits of base 64.
  std::vector<Utf8Edge> edges(const std::vector<CodeRange>& ranges, int tails) {
    const int shift = 6 * tails;
    const char32_t block = char32_t{1} << shift;
    std::vector<Utf8Edge> out;
    std::vector<CodeRange> pending;  // the parts of one block that is not covered whole
    char32_t pending_digit = 0;
    const auto flush = [&] {
      if (pending.empty()) return;
      append(out, pending_digit, pending_digit, tail(pending, tails));
      pending.clear();
    };
    for (CodeRange range : ranges) {
      while (range.first <= range.last) {
        const char32_t digit = range.first >> shift;
        if (digit != pending_digit) flush();
        const char32_t begin = range.first & (block - 1);
        char32_t last_digit = (range.last + 1) >> shift;  // one past the last whole block
        if (begin == 0 && last_digit > digit) {
          append(out, digit, last_digit - 1, tail({{0, block - 1}}, tails));
          range.first = last_digit << shift;
          continue;
        }
        const char32_t end = std::min<char32_t>(range.last, (digit << shift) + block - 1);
        pending_digit = digit;
        pending.push_back({begin, end & (block - 1)});
        range.first = end + 1;
      }
    }
    flush();
    return out;
  }

  std::uint32_t tail(const std::vector<CodeRange>& ranges, int tails) {
    if (tails == 0) return kUtf8End;
    std::vector<Utf8Edge> out = edges(ranges, tails - 1);
    for (Utf8Edge& edge : out) {
      edge.low = static_cast<std::uint8_t>(edge.low | 0x80);
      edge.high = static_cast<std::uint8_t>(edge.high | 0x80);
    }
    return node(std::move(out));
  }

  static void append(std::vector<Utf8Edge>& out, char32_t low, char32_t high, std::uint32_t to) {
    if (!out.empty() && out.back().to == to && out.back().high + 1u == low) {
      out.back().high = static_cast<std::uint8_t>(high);
    } else {
      out.push_back({static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high), to});
    }
  }

  Utf8Graph graph_;
  std::map<std::vector<Utf8Edge>, std::uint32_t> known_;
};

}  // namespace

CharSet::CharSet(std::vector<CodeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.first < b.first; });
  const auto add = [this](char32_t first, char32_t last) {
    last = std::min(last, kLast);
    if (first > last) return;
    if (!ranges_.empty() && first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, last);
    } else {
      ranges_.push_back({first, last});
    }
  };
  for (const CodeRange& range : ranges) {
    if (range.last < kSurrogates.first || range.first > kSurrogates.last) {
      add(range.first, range.last);
    } else {
      if (range.first < kSurrogates.first) add(range.first, kSurrogates.first - 1);
      if (range.last > kSurrogates.last) add(kSurrogates.last + 1, range.last);
    }
  }
}

CharSet CharSet::all() { return CharSet({{0, kLast}}); }

CharSet CharSet::complement() const {
  std::vector<CodeRange> out;
  char32_t next = 0;
  for (const CodeRange& range : ranges_) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLast) out.push_back({next, kLast});
  return CharSet(std::move(out));
}

CharSet CharSet::without(const CharSet& other) const {
  std::vector<CodeRange> both = complement().ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CharSet(std::move(both)).complement();
}

bool CharSet::contains(char32_t c) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), c,
                                      [](char32_t value, const CodeRange& r) { return value < r.first; });
  return after != ranges_.begin() && c <= std::prev(after)->last;
}

Utf8Graph utf8_graph(const CharSet& set) { return GraphBuilder().build(set); }

}  // namespace transom::generation
