// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/json_ranges.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transom/error.h"

namespace transom::generation {

namespace {

constexpr std::uint32_t kFractionDigits = 16;

/// Beyond this no whole part is written.
constexpr long double kLargest = 9e18L;

/// The digits behind the point of a number >= 0, without trailing zeros.
std::string fraction_of(long double value) {
  char buffer[512];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof buffer, static_cast<double>(value), std::chars_format::fixed).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t point = text.find('.');
  return point == text.npos ? "" : std::string(text.substr(point + 1));
}

/// Builds numbers that are >= 0.
class Digits {
 public:
  explicit Digits(Grammar& grammar) : grammar_(grammar) {}

  NodeId nothing() { return grammar_.choice({}); }
  NodeId set(char first, char last) {
    if (first > last) return nothing();
    return grammar_.set(CharSet({{static_cast<char32_t>(first), static_cast<char32_t>(last)}}));
  }
  NodeId any(std::uint32_t min, std::uint32_t max) { return grammar_.repeat(set('0', '9'), min, max); }
  NodeId sequence(std::vector<NodeId> parts) { return grammar_.sequence(std::move(parts)); }
  NodeId digit(char c) { return grammar_.literal({&c, 1}); }

  /// Whole numbers of any length.
  NodeId whole_between(std::uint64_t low, std::uint64_t high) {
    std::vector<NodeId> out;
    while (low <= high) {
      const std::string from = std::to_string(low);
      const std::string nines(from.size(), '9');
      // Numbers of more digits follow in the next round; 20 digits do not occur.
      const std::uint64_t last = from.size() >= 19 ? high : std::min<std::uint64_t>(high, std::stoull(nines));
      out.push_back(same_length(from, std::to_string(last)));
      if (last == high) break;
      low = last + 1;
    }
    return grammar_.choice(std::move(out));
  }

  /// Digits behind the point whose value is at least that of `bound`; strict: more.
  NodeId fraction_at_least(std::string_view bound, bool strict) {
    if (bound.empty()) {
      if (!strict) return any(0, kFractionDigits);
      return sequence(
          {grammar_.repeat(digit('0'), 0, kFractionDigits), set('1', '9'), any(0, kFractionDigits)});
    }
    const auto above = static_cast<char>(bound[0] + 1);
    return grammar_.choice({sequence({set(above, '9'), any(0, kFractionDigits)}),
                            sequence({digit(bound[0]), fraction_at_least(bound.substr(1), strict)})});
  }

  /// The same for at most; `bound` has no trailing zeros. @param first No digit was written yet.
  NodeId fraction_at_most(std::string_view bound, bool strict, bool first) {
    if (bound.empty()) {
      if (strict) return nothing();
      return grammar_.repeat(digit('0'), first ? 1 : 0, kFractionDigits);
    }
    const auto below = static_cast<char>(bound[0] - 1);
    std::vector<NodeId> out{sequence({set('0', below), any(0, kFractionDigits)}),
                            sequence({digit(bound[0]), fraction_at_most(bound.substr(1), strict, false)})};
    if (!first) out.push_back(grammar_.empty());
    return grammar_.choice(std::move(out));
  }

  NodeId fraction_between(std::string_view low, bool low_strict, std::string_view high, bool high_strict,
                          bool first) {
    if (low.empty() && !low_strict) return fraction_at_most(high, high_strict, first);
    if (high.empty()) return nothing();
    const char a = low.empty() ? '0' : low[0];
    const char b = high[0];
    if (a > b) return nothing();
    const std::string_view low_rest = low.substr(std::min<std::size_t>(1, low.size()));
    const std::string_view high_rest = high.substr(1);
    if (a == b) {
      return sequence({digit(a), fraction_between(low_rest, low_strict, high_rest, high_strict, false)});
    }
    return grammar_.choice(
        {sequence({digit(a), fraction_at_least(low_rest, low_strict)}),
         sequence({set(static_cast<char>(a + 1), static_cast<char>(b - 1)), any(0, kFractionDigits)}),
         sequence({digit(b), fraction_at_most(high_rest, high_strict, false)})});
  }

 private:
  NodeId same_length(std::string_view low, std::string_view high) {
    if (low.empty()) return grammar_.empty();
    const auto rest = static_cast<std::uint32_t>(low.size() - 1);
    if (low.find_first_not_of('0') == low.npos && high.find_first_not_of('9') == high.npos) {
      return any(rest + 1, rest + 1);
    }
    if (low[0] == high[0]) return sequence({digit(low[0]), same_length(low.substr(1), high.substr(1))});
    const std::string nines(rest, '9');
    const std::string zeros(rest, '0');
    return grammar_.choice(
        {sequence({digit(low[0]), same_length(low.substr(1), nines)}),
         sequence({set(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)), any(rest, rest)}),
         sequence({digit(high[0]), same_length(zeros, high.substr(1))})});
  }

  Grammar& grammar_;
};

/// Numbers >= 0 between bounds that are >= 0.
NodeId positive_numbers(Grammar& grammar, Bound low, Bound high) {
  Digits digits(grammar);
  const std::string from = fraction_of(low.value);
  const std::string to = fraction_of(high.value);
  const auto first = static_cast<std::uint64_t>(std::floor(low.value));
  const auto last = static_cast<std::uint64_t>(std::floor(high.value));
  const auto number = [&](std::uint64_t whole, NodeId fraction) {
    return grammar.sequence({grammar.literal(std::to_string(whole) + "."), fraction});
  };
  std::vector<NodeId> out;
  const std::uint64_t least = first + ((!from.empty() || low.exclusive) ? 1 : 0);
  std::uint64_t most = last;
  if (high.exclusive && to.empty()) {
    // Nothing whole below zero; the ranges below are then empty too.
    if (last == 0) return grammar.choice({});
    most = last - 1;
  }
  if (least <= most) out.push_back(digits.whole_between(least, most));
  if (first == last) {
    out.push_back(number(first, digits.fraction_between(from, low.exclusive, to, high.exclusive, true)));
    return grammar.choice(std::move(out));
  }
  const NodeId fraction = digits.any(1, kFractionDigits);
  if (from.empty() && !low.exclusive) {
    out.push_back(number(first, fraction));
  } else {
    out.push_back(number(first, digits.fraction_at_least(from, low.exclusive)));
  }
  if (first + 1 < last) {
    out.push_back(
        grammar.sequence({digits.whole_between(first + 1, last - 1), grammar.literal("."), fraction}));
  }
  out.push_back(number(last, digits.fraction_at_most(to, high.exclusive, true)));
  return grammar.choice(std::move(out));
}

}  // namespace

NodeId integers_between(Grammar& grammar, std::int64_t low, std::int64_t high) {
  Digits digits(grammar);
  std::vector<NodeId> out;
  const auto magnitude = [](std::int64_t value) {
    return std::uint64_t{0} - static_cast<std::uint64_t>(value);
  };
  if (low < 0 && low <= high) {
    const std::int64_t least = std::min<std::int64_t>(high, -1);
    out.push_back(
        grammar.sequence({grammar.literal("-"), digits.whole_between(magnitude(least), magnitude(low))}));
  }
  if (high >= 0 && low <= high) {
    out.push_back(digits.whole_between(static_cast<std::uint64_t>(std::max<std::int64_t>(low, 0)),
                                       static_cast<std::uint64_t>(high)));
  }
  return grammar.choice(std::move(out));
}

NodeId numbers_between(Grammar& grammar, std::optional<Bound> low, std::optional<Bound> high) {
  const auto widest = static_cast<long double>(kLargestInteger);
  Bound from = low ? *low : Bound{-std::max(widest, high ? -10 * high->value : 0), false};
  Bound to = high ? *high : Bound{std::max(widest, 10 * from.value), false};
  if (from.value > kLargest || to.value < -kLargest) {
    throw UnsupportedError("numbers of more than 18 digits before the point are not supported");
  }
  if (from.value < -kLargest) from = {-kLargest, false};
  if (to.value > kLargest) to = {kLargest, false};
  std::vector<NodeId> out;
  if (from.value > to.value) return grammar.choice({});
  if (to.value >= 0) {
    out.push_back(positive_numbers(grammar, from.value < 0 ? Bound{0, false} : from, to));
  }
  if (from.value < 0) {
    // Zero is written without a sign.
    const Bound least = to.value >= 0 ? Bound{0, true} : Bound{-to.value, to.exclusive};
    out.push_back(grammar.sequence(
        {grammar.literal("-"), positive_numbers(grammar, least, {-from.value, from.exclusive})}));
  }
  return grammar.choice(std::move(out));
}

NodeId numbers_of_precision(Grammar& grammar, std::uint32_t digits) {
  const NodeId fraction = grammar.sequence({grammar.literal("."), Digits(grammar).any(1, digits)});
  return grammar.sequence(
      {integers_between(grammar, -kLargestInteger, kLargestInteger), grammar.optional(fraction)});
}

}  // namespace transom::generation
