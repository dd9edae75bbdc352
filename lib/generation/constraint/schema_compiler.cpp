// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/schema_compiler.h"

#include <algorithm>
#include <cmath>

#include "generation/constraint/limits.h"
#include "generation/constraint/schema_disjoint.h"
#include "text/utf8.h"

namespace transom::generation {

namespace {

using text::JsonPath;

constexpr std::int64_t kMostMultiples = 1000;
constexpr std::size_t kMostExclusive = 500;  // each is compared with each

/// Nothing but one list of alternatives.
bool is_plain_choice(const SchemaFacts& facts) {
  return facts.alternatives.size() == 1 && !facts.has_type && !facts.never && !facts.values &&
         facts.hinted_types == 0;
}

/// The smallest and largest integer within the bounds. @return False when there is none.
bool integer_range(const SchemaFacts& facts, std::int64_t& low, std::int64_t& high) {
  constexpr long double kEnd = 9.2e18L;
  long double from = -static_cast<long double>(kLargestInteger);
  long double to = static_cast<long double>(kLargestInteger);
  if (facts.high) {
    to = std::floor(facts.high->value);
    if (facts.high->exclusive && to == facts.high->value) to -= 1;
    if (to < from) from = -kEnd;
  }
  if (facts.low) {
    from = std::ceil(facts.low->value);
    if (facts.low->exclusive && from == facts.low->value) from += 1;
    if (from > to && !facts.high) to = kEnd;
  }
  if (from > to || from > kEnd || to < -kEnd) return false;
  low = static_cast<std::int64_t>(std::max(from, -kEnd));
  high = static_cast<std::int64_t>(std::min(to, kEnd));
  return true;
}

bool within(long double value, const SchemaFacts& facts) {
  if (facts.low && (value < facts.low->value || (value == facts.low->value && facts.low->exclusive)))
    return false;
  if (facts.high && (value > facts.high->value || (value == facts.high->value && facts.high->exclusive))) {
    return false;
  }
  return !facts.multiple_of || std::fmod(value, *facts.multiple_of) == 0;
}

std::uint32_t length_of(const std::string& text) {
  std::uint32_t length = 0;
  for (const char* p = text.data(); p != text.data() + text.size(); ++length) text::next_code_point(p);
  return length;
}

}  // namespace

Grammar SchemaCompiler::run() {
  // A rule of its own: the root may be called again from inside.
  grammar_.root = grammar_.add_rule("root");
  grammar_.define(grammar_.root, value({reader_.root()}));
  while (!pending_.empty()) {
    const auto [rule, schemas] = std::move(pending_.back());
    pending_.pop_back();
    grammar_.define(rule, build(reader_.read(schemas), schemas[0].path));
  }
  return std::move(grammar_);
}

NodeId SchemaCompiler::value(const Conjunction& schemas) {
  if (schemas.empty()) return text_.any_value();
  std::vector<const io::Json*> key;
  for (const SubSchema& schema : schemas) key.push_back(schema.json);
  std::sort(key.begin(), key.end());
  key.erase(std::unique(key.begin(), key.end()), key.end());
  const auto known = rules_.find(key);
  if (known != rules_.end()) return grammar_.call(known->second);
  const RuleId rule = grammar_.add_rule(schemas[0].path.str());
  rules_.emplace(std::move(key), rule);
  pending_.emplace_back(rule, schemas);
  return grammar_.call(rule);
}

NodeId SchemaCompiler::build(const SchemaFacts& facts, const JsonPath& path) {
  if (!facts.alternatives.empty()) return build_alternatives(facts, path);
  const unsigned types = facts.effective_types();
  if (facts.values) return build_values(facts, types, path);
  if (types == kAnyType && facts.hinted_types == 0) return text_.any_value();
  std::vector<NodeId> kinds;
  if ((types & kNull) != 0) kinds.push_back(grammar_.literal("null"));
  if ((types & kBoolean) != 0) {
    kinds.push_back(grammar_.choice({grammar_.literal("true"), grammar_.literal("false")}));
  }
  if ((types & kNumber) != 0) kinds.push_back(build_number(facts, types, path));
  if ((types & kString) != 0) kinds.push_back(build_string(facts, path));
  if ((types & kArray) != 0) kinds.push_back(build_array(facts));
  if ((types & kObject) != 0) kinds.push_back(build_object(facts, path));
  return grammar_.choice(std::move(kinds));
}

NodeId SchemaCompiler::build_alternatives(const SchemaFacts& facts, const JsonPath& path) {
  if (++alternatives_depth_ > kMaxNesting) path.unsupported("alternatives are nested too deep");
  const SchemaFacts::Alternatives& alternatives = facts.alternatives.front();
  const bool is_plain = is_plain_choice(facts);
  SchemaFacts base = facts;
  base.alternatives.erase(base.alternatives.begin());
  std::vector<SchemaFacts> branches;
  std::vector<NodeId> nodes;
  for (const SubSchema& branch : alternatives.branches) {
    if (!is_plain || alternatives.exclusive) {
      branches.push_back(base);
      reader_.read(branch, branches.back());
    }
    nodes.push_back(is_plain ? value({branch}) : build(branches.back(), branch.path));
  }
  if (branches.size() > kMostExclusive && alternatives.exclusive) {
    alternatives.path.unsupported(
        core::message("more than ", kMostExclusive, " alternatives are not supported"));
  }
  if (alternatives.exclusive) {
    for (std::size_t i = 0; i < branches.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (plainly_disjoint(branches[i], branches[j], reader_)) continue;
        alternatives.path.unsupported(
            core::message("it is not plain that no value satisfies both alternative ", j, " and alternative ",
                          i, "; anyOf accepts either"));
      }
    }
  }
  --alternatives_depth_;
  return grammar_.choice(std::move(nodes));
}

NodeId SchemaCompiler::build_values(const SchemaFacts& facts, unsigned types, const JsonPath& path) {
  std::vector<NodeId> literals;
  for (const io::Json* one : *facts.values) {
    const unsigned type = type_of(*one);
    if ((type & types) == 0) continue;
    if ((type & kNumber) != 0 && !within(static_cast<long double>(one->as_double("")), facts)) continue;
    if (type == kString) {
      const std::uint32_t length = length_of(one->as_string(""));
      if (length < facts.min_length || length > facts.max_length) continue;
      if (facts.pattern || facts.format) path.unsupported("enum beside pattern or format is not supported");
    }
    if ((type & (kArray | kObject) & facts.hinted_types) != 0) {
      path.unsupported("enum of arrays or objects beside their keywords is not supported");
    }
    literals.push_back(grammar_.literal(json_of(*one)));
  }
  return grammar_.choice(std::move(literals));
}

NodeId SchemaCompiler::build_number(const SchemaFacts& facts, unsigned types, const JsonPath& path) {
  const std::optional<long double> step = facts.multiple_of;
  const bool whole_step = step && std::floor(*step) == *step;
  const bool bounded = facts.low || facts.high;
  if ((types & kFraction) == 0 || whole_step) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (!integer_range(facts, low, high)) return grammar_.choice({});
    if (whole_step && *step != 1) return build_multiples(facts, low, high, path);
    // 1 is a multiple of 0.5 or 0.01, and so is every integer.
    if (step && !whole_step && std::fmod(1.0L / *step, 1.0L) > 1e-9L &&
        std::fmod(1.0L / *step, 1.0L) < 1 - 1e-9L) {
      path.member("multipleOf").unsupported("this number is not supported for integers");
    }
    return bounded ? integers_between(grammar_, low, high) : text_.integer();
  }
  if (!step) return bounded ? numbers_between(grammar_, facts.low, facts.high) : text_.number();
  for (std::uint32_t digits = 1; digits <= 9 && !bounded; ++digits) {
    if (static_cast<double>(*step) == std::stod("1e-" + std::to_string(digits))) {
      return numbers_of_precision(grammar_, digits);
    }
  }
  path.member("multipleOf")
      .unsupported("only integers and powers of ten are supported, the latter without other bounds");
}

NodeId SchemaCompiler::build_multiples(const SchemaFacts& facts, std::int64_t low, std::int64_t high,
                                       const JsonPath& path) {
  const long double step = *facts.multiple_of;
  const long double first = std::ceil(static_cast<long double>(low) / step);
  const long double last = std::floor(static_cast<long double>(high) / step);
  if (last - first > static_cast<long double>(kMostMultiples)) {
    path.member("multipleOf")
        .unsupported(core::message("more than ", kMostMultiples,
                                   " multiples between minimum and maximum are not supported"));
  }
  std::vector<NodeId> out;
  for (long double n = first; n <= last; n += 1) {
    out.push_back(grammar_.literal(std::to_string(static_cast<std::int64_t>(n * step))));
  }
  return grammar_.choice(std::move(out));
}

NodeId SchemaCompiler::build_string(const SchemaFacts& facts, const JsonPath& path) {
  const bool has_length = facts.min_length > 0 || facts.max_length != kUnlimited;
  if ((facts.pattern || facts.format) && (has_length || (facts.pattern && facts.format))) {
    path.unsupported("pattern, format and a length together are not supported");
  }
  if (facts.pattern) {
    const JsonPath at = path.member("pattern");
    try {
      return text_.string_matching(*facts.pattern);
    } catch (const FormatError& error) {
      at.fail(error.what());
    } catch (const UnsupportedError& error) {
      at.unsupported(error.what());
    }
  }
  if (facts.format) {
    const std::optional<NodeId> node = text_.string_of_format(*facts.format);
    if (!node)
      path.member("format").unsupported(core::message("the format \"", *facts.format, "\" is not supported"));
    return *node;
  }
  if (!has_length) return text_.any_string();
  if (facts.min_length > facts.max_length) return grammar_.choice({});
  // Longer strings than this are valid and never written.
  const std::uint32_t most =
      facts.max_length == kUnlimited ? kUnlimited : std::min(facts.max_length, kMaxRepetition);
  return text_.string(facts.min_length, most);
}

}  // namespace transom::generation
