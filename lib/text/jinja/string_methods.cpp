// SPDX-License-Identifier: Apache-2.0
/// Methods of str that give text, lists or positions.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/members.h"
#include "text/jinja/operators.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

const std::string& text_argument(Runtime& runtime, std::string_view method, const Value& value) {
  if (value.is_string()) return value.string();
  if (value.is_undefined()) runtime.fail(value.problem());
  runtime.fail(message(method, " expects a string, found ", value.type_name()));
}

bool is_given(const Value* value) { return value != nullptr && !value->is_none(); }

template <std::string (*Map)(std::string_view)>
Value mapped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "a method of str", arguments, {}, 0);
  runtime.charge(4 * self.string().size());
  return runtime.string(Map(self.string()));
}

template <bool Left, bool Right>
Value strip_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [characters] = bind<1>(runtime, "strip", arguments, {"chars"}, 0);
  runtime.step(self.string().size() / 32);
  std::string_view text = self.string();
  if (!is_given(characters)) {
    if (Right) text = strip_right(text);
    if (Left) text = strip_left(text);
  } else {
    const std::string& set = text_argument(runtime, "strip", *characters);
    runtime.step(set.size() * (1 + text.size() / 64));
    if (Right) text = strip_right(text, set);
    if (Left) text = strip_left(text, set);
  }
  return runtime.string(std::string(text));
}

/// A list of texts.
Value texts(Runtime& runtime, const std::vector<std::string_view>& parts) {
  std::vector<Value> out;
  out.reserve(parts.size());
  for (const std::string_view part : parts) out.push_back(runtime.string(std::string(part)));
  return runtime.list(std::move(out));
}

/// Splits at white space, at most `most` times (without bound when negative).
std::vector<std::string_view> split_space(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  for (text = strip_left(text); !text.empty(); text = strip_left(text)) {
    if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
      parts.push_back(text);
      break;
    }
    const char* p = text.data();
    const char* const end = p + text.size();
    const char* stop = p;
    while (p != end && !is_python_space(next_code_point(p))) stop = p;
    parts.push_back(text.substr(0, static_cast<std::size_t>(stop - text.data())));
    text.remove_prefix(parts.back().size());
  }
  return parts;
}

std::vector<std::string_view> split_text(std::string_view text, std::string_view separator,
                                         std::int64_t most) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
    const std::size_t end = find_text(text, separator, begin);
    if (end == text.npos) break;
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

struct SplitArguments {
  std::optional<std::string> separator;
  std::int64_t most;
};

SplitArguments split_arguments(Runtime& runtime, std::string_view method, const Value& self,
                               const Arguments& arguments) {
  const auto [separator, most] = bind<2>(runtime, method, arguments, {"sep", "maxsplit"}, 0);
  runtime.charge(self.string().size() * 2);
  SplitArguments out{std::nullopt, integer_or(runtime, method, most, -1)};
  if (is_given(separator)) {
    out.separator = text_argument(runtime, method, *separator);
    if (out.separator->empty()) runtime.fail(message(method, " expects a separator that is not empty"));
  }
  return out;
}

Value split_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const SplitArguments given = split_arguments(runtime, "split", self, arguments);
  return texts(runtime, given.separator ? split_text(self.string(), *given.separator, given.most)
                                        : split_space(self.string(), given.most));
}

Value rsplit_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const SplitArguments given = split_arguments(runtime, "rsplit", self, arguments);
  std::string_view text = self.string();
  if (given.most < 0) return split_method(runtime, self, arguments);
  std::vector<std::string_view> parts;
  if (!given.separator) text = strip_right(text);
  while (static_cast<std::int64_t>(parts.size()) < given.most && !text.empty()) {
    runtime.step();
    std::size_t begin = 0;
    std::size_t end = 0;
    if (given.separator) {
      runtime.step(given.separator->size() * (1 + text.size() / 64));
      end = text.rfind(*given.separator);
      if (end == text.npos) break;
      begin = end + given.separator->size();
    } else {
      begin = text.size();
      while (begin > 0) {  // back to the space in front of the last word
        std::size_t last = begin - 1;
        while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
        const char* p = text.data() + last;
        if (is_python_space(next_code_point(p))) break;
        begin = last;
      }
      if (begin == 0) break;
      end = strip_right(text.substr(0, begin)).size();
    }
    parts.push_back(text.substr(begin));
    text = text.substr(0, end);
  }
  if (given.separator || !text.empty()) parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return texts(runtime, parts);
}

Value splitlines_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [keep] = bind<1>(runtime, "splitlines", arguments, {"keepends"}, 0);
  runtime.charge(self.string().size() * 2);
  return texts(runtime, split_lines(self.string(), flag_or(keep, false)));
}

Value partition_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [separator] = bind<1>(runtime, "partition", arguments, {"sep"}, 1);
  const std::string& wanted = text_argument(runtime, "partition", *separator);
  if (wanted.empty()) runtime.fail("partition expects a separator that is not empty");
  const std::string& text = self.string();
  runtime.charge(text.size());
  const std::size_t at = find_text(text, wanted);
  const bool found = at != text.npos;
  return runtime.tuple({runtime.string(text.substr(0, at)), runtime.string(found ? wanted : ""),
                        runtime.string(found ? text.substr(at + wanted.size()) : "")});
}

Value rpartition_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [separator] = bind<1>(runtime, "rpartition", arguments, {"sep"}, 1);
  const std::string& wanted = text_argument(runtime, "rpartition", *separator);
  if (wanted.empty()) runtime.fail("rpartition expects a separator that is not empty");
  const std::string& text = self.string();
  runtime.step(wanted.size() * (1 + text.size() / 64));
  const std::size_t at = text.rfind(wanted);
  const bool found = at != text.npos;
  return runtime.tuple({runtime.string(found ? text.substr(0, at) : ""), runtime.string(found ? wanted : ""),
                        runtime.string(found ? text.substr(at + wanted.size()) : text)});
}

Value join_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [items] = bind<1>(runtime, "join", arguments, {"iterable"}, 1);
  std::string out;
  bool first = true;
  for (const Value& item : items_of(runtime, *items)) {
    const std::string& text = text_argument(runtime, "join", item);
    runtime.charge(text.size() + self.string().size());
    if (!first) out += self.string();
    first = false;
    out += text;
  }
  return runtime.string(std::move(out));
}

Value replace_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [old_value, fresh_value, count] =
      bind<3>(runtime, "replace", arguments, {"old", "new", "count"}, 2);
  const std::string& old = text_argument(runtime, "replace", *old_value);
  const std::string& fresh = text_argument(runtime, "replace", *fresh_value);
  const std::int64_t most = integer_or(runtime, "replace", count, -1);
  const std::string& text = self.string();
  runtime.charge(text.size());
  std::string out;
  std::size_t begin = 0;
  for (std::int64_t n = 0; most < 0 || n < most; ++n) {
    // An empty text stands in front of every character and at the end.
    std::size_t at = find_text(text, old, begin);
    if (old.empty() && n > 0) at = begin < text.size() ? begin + utf8_length(text[begin]) : text.npos;
    if (at == text.npos) break;
    runtime.charge(fresh.size());
    runtime.step();
    out.append(text, begin, at - begin);
    out += fresh;
    begin = at + old.size();
  }
  out.append(text, begin, text.npos);
  return runtime.string(std::move(out));
}

/// The part of the text that optional `start` and `end` arguments leave, and its first index.
struct Window {
  std::string_view text;
  std::int64_t start;
};

Window window(Runtime& runtime, std::string_view method, const std::string& text, const Value* start_value,
              const Value* end_value) {
  runtime.step(text.size() / 32);
  const auto size = static_cast<std::int64_t>(text_length(text));
  const auto index = [&](const Value* value, std::int64_t fallback) {
    const std::int64_t given = is_given(value) ? integer_or(runtime, method, value, 0) : fallback;
    return given < 0 ? std::max<std::int64_t>(given + size, 0) : given;
  };
  const std::int64_t start = index(start_value, 0);
  const std::int64_t end = std::min(index(end_value, size), size);
  if (start > end) return {{}, -1};
  const std::size_t from = byte_of(text, static_cast<std::size_t>(start));
  const std::size_t to = byte_of(text, static_cast<std::size_t>(end));
  return {std::string_view(text).substr(from, to - from), start};
}

template <bool FromRight>
std::int64_t position(Runtime& runtime, std::string_view method, const Value& self,
                      const Arguments& arguments) {
  const auto [wanted, start, end] = bind<3>(runtime, method, arguments, {"sub", "start", "end"}, 1);
  const std::string& text = text_argument(runtime, method, *wanted);
  const Window part = window(runtime, method, self.string(), start, end);
  if (part.start < 0) return -1;
  if (FromRight) runtime.step(text.size() * (1 + part.text.size() / 64));
  const std::size_t at = FromRight ? part.text.rfind(text) : find_text(part.text, text);
  if (at == part.text.npos) return -1;
  return part.start + static_cast<std::int64_t>(text_length(part.text.substr(0, at)));
}

template <bool FromRight>
Value find_method_of(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return Value(position<FromRight>(runtime, "find", self, arguments));
}

template <bool FromRight>
Value index_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const std::int64_t at = position<FromRight>(runtime, "index", self, arguments);
  if (at < 0) runtime.fail("index: the text is not found");
  return Value(at);
}

Value count_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [wanted, start, end] = bind<3>(runtime, "count", arguments, {"sub", "start", "end"}, 1);
  const std::string& text = text_argument(runtime, "count", *wanted);
  const Window part = window(runtime, "count", self.string(), start, end);
  if (part.start < 0) return Value(std::int64_t{0});
  if (text.empty()) return Value(static_cast<std::int64_t>(text_length(part.text)) + 1);
  std::int64_t n = 0;
  for (std::size_t at = find_text(part.text, text); at != part.text.npos;
       at = find_text(part.text, text, at + text.size())) {
    runtime.step();
    ++n;
  }
  return Value(n);
}

template <bool AtEnd>
Value affix_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [affix, start, end] = bind<3>(runtime, "startswith", arguments, {"prefix", "start", "end"}, 1);
  const Window part = window(runtime, "startswith", self.string(), start, end);
  if (part.start < 0) return Value(false);
  const auto holds = [&](const Value& one) {
    const std::string& text = text_argument(runtime, AtEnd ? "endswith" : "startswith", one);
    return AtEnd ? part.text.ends_with(text) : part.text.starts_with(text);
  };
  if (affix->is(Kind::sequence) && affix->sequence().type == Sequence::Type::tuple) {
    const std::vector<Value>& all = affix->sequence().items;
    return Value(std::any_of(all.begin(), all.end(), holds));
  }
  return Value(holds(*affix));
}

template <bool AtEnd>
Value remove_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [affix] = bind<1>(runtime, "removeprefix", arguments, {"prefix"}, 1);
  const std::string& part = text_argument(runtime, "removeprefix", *affix);
  std::string_view text = self.string();
  if (AtEnd ? text.ends_with(part) : text.starts_with(part)) {
    text = AtEnd ? text.substr(0, text.size() - part.size()) : text.substr(part.size());
  }
  return runtime.string(std::string(text));
}

/// Which side gets how much of the filling.
enum class Place { left, right, middle };

template <Place Where>
Value justify(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [width, fill] = bind<2>(runtime, "ljust", arguments, {"width", "fillchar"}, 1);
  const std::string filling = fill == nullptr ? " " : text_argument(runtime, "ljust", *fill);
  if (text_length(filling) != 1) runtime.fail("the filling is one character");
  const std::int64_t wanted = integer_or(runtime, "ljust", width, 0);
  const std::int64_t missing = wanted - length_of(runtime, self);
  if (missing <= 0) return self;
  if (missing > std::int64_t{1} << 40) runtime.charge(std::size_t{1} << 42);
  runtime.charge(static_cast<std::size_t>(missing) * filling.size());
  const std::int64_t middle = missing / 2 + (missing & wanted & 1);
  const std::int64_t before = Where == Place::left ? 0 : Where == Place::right ? missing : middle;
  std::string out;
  for (std::int64_t i = 0; i < before; ++i) out += filling;
  out += self.string();
  for (std::int64_t i = before; i < missing; ++i) out += filling;
  return runtime.string(std::move(out));
}

Value zfill_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [width] = bind<1>(runtime, "zfill", arguments, {"width"}, 1);
  const std::int64_t missing = integer_or(runtime, "zfill", width, 0) - length_of(runtime, self);
  if (missing <= 0) return self;
  if (missing > std::int64_t{1} << 40) runtime.charge(std::size_t{1} << 42);
  runtime.charge(static_cast<std::size_t>(missing));
  std::string out = self.string();
  const bool has_sign = out.starts_with('-') || out.starts_with('+');
  out.insert(has_sign ? 1 : 0, static_cast<std::size_t>(missing), '0');
  return runtime.string(std::move(out));
}

Value format_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return brace_format(runtime, self.string(), arguments);
}

constexpr Named<Method> kMethods[] = {
    {"upper", mapped<upper>},
    {"lower", mapped<lower>},
    {"casefold", mapped<lower>},
    {"title", mapped<title>},
    {"capitalize", mapped<capitalize>},
    {"swapcase", mapped<swap_case>},
    {"strip", strip_method<true, true>},
    {"lstrip", strip_method<true, false>},
    {"rstrip", strip_method<false, true>},
    {"split", split_method},
    {"rsplit", rsplit_method},
    {"splitlines", splitlines_method},
    {"partition", partition_method},
    {"rpartition", rpartition_method},
    {"join", join_method},
    {"replace", replace_method},
    {"find", find_method_of<false>},
    {"rfind", find_method_of<true>},
    {"index", index_method<false>},
    {"rindex", index_method<true>},
    {"count", count_method},
    {"startswith", affix_method<false>},
    {"endswith", affix_method<true>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"ljust", justify<Place::left>},
    {"rjust", justify<Place::right>},
    {"center", justify<Place::middle>},
    {"zfill", zfill_method},
    {"format", format_method},
};

}  // namespace

Method find_string_method(std::string_view name) { return look_up(kMethods, name); }

}  // namespace transom::text::jinja
