// SPDX-License-Identifier: Apache-2.0
/// Filters of text.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/members.h"
#include "text/jinja/operators.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

/// The input as text, counted since it is about to be rewritten.
std::string input_text(Runtime& runtime, const Value& input) {
  std::string text = to_text(runtime, input);
  runtime.charge(2 * text.size());
  return text;
}

const std::string& string_input(Runtime& runtime, std::string_view filter, const Value& input) {
  if (input.is_string()) return input.string();
  if (input.is_undefined()) runtime.fail(input.problem());
  runtime.fail(message(filter, " expects a string, found ", input.type_name()));
}

void no_arguments(Runtime& runtime, std::string_view filter, const Arguments& arguments) {
  bind<0>(runtime, filter, arguments, {}, 0);
}

Value upper_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "upper", arguments);
  return runtime.string(upper(input_text(runtime, input)));
}

Value lower_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "lower", arguments);
  return runtime.string(lower(input_text(runtime, input)));
}

Value capitalize_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "capitalize", arguments);
  return runtime.string(capitalize(input_text(runtime, input)));
}

/// Unlike str.title, words begin only behind white space, hyphens and opening brackets.
Value title_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "title", arguments);
  const std::string text = input_text(runtime, input);
  const auto is_break = [](char32_t c) {
    return is_python_space(c) || c == U'-' || c == U'(' || c == U'{' || c == U'[' || c == U'<';
  };
  std::string out;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const char* const begin = p;
    const char32_t first = next_code_point(p);
    if (is_break(first)) {
      out.append(begin, p);
      continue;
    }
    const char* const rest = p;
    const char* stop = p;
    while (stop != end) {
      p = stop;
      if (is_break(next_code_point(p))) break;
      stop = p;
    }
    out += upper({begin, static_cast<std::size_t>(rest - begin)});
    out += lower({rest, static_cast<std::size_t>(stop - rest)});
    p = stop;
  }
  return runtime.string(std::move(out));
}

Value trim_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [characters] = bind<1>(runtime, "trim", arguments, {"chars"}, 0);
  const std::string text = input_text(runtime, input);
  if (characters == nullptr || characters->is_none()) return runtime.string(std::string(strip(text)));
  const std::string& set = string_input(runtime, "trim", *characters);
  runtime.step(set.size() * (1 + text.size() / 64));
  return runtime.string(std::string(strip_left(strip_right(text, set), set)));
}

Value string_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "string", arguments);
  return input.is_string() ? input : runtime.string(to_text(runtime, input));
}

Value replace_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [old, fresh, count] = bind<3>(runtime, "replace", arguments, {"old", "new", "count"}, 2);
  Arguments call;
  call.positional = {runtime.string(to_text(runtime, *old)), runtime.string(to_text(runtime, *fresh))};
  if (count != nullptr && !count->is_none()) call.positional.push_back(*count);
  return find_string_method("replace")(runtime, runtime.string(to_text(runtime, input)), call);
}

Value indent_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [width, first, blank] = bind<3>(runtime, "indent", arguments, {"width", "first", "blank"}, 0);
  std::string indentation;
  if (width != nullptr && width->is_string()) {
    indentation = width->string();
    runtime.charge(indentation.size());
  } else {
    const std::int64_t n = std::max<std::int64_t>(integer_or(runtime, "indent", width, 4), 0);
    runtime.charge(static_cast<std::size_t>(n));
    indentation.assign(static_cast<std::size_t>(n), ' ');
  }
  const std::string text = string_input(runtime, "indent", input) + "\n";
  const bool indent_blank = flag_or(blank, false);
  runtime.charge(text.size());
  std::string out = flag_or(first, false) ? indentation : std::string();
  bool is_first = true;
  for (const std::string_view line : split_lines(text)) {
    const bool indented = !is_first && (indent_blank || !line.empty());
    runtime.charge(line.size() + (indented ? indentation.size() : 0) + 1);
    if (!is_first) out += '\n';
    if (indented) out += indentation;
    out += line;
    is_first = false;
  }
  return runtime.string(std::move(out));
}

Value center_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [width] = bind<1>(runtime, "center", arguments, {"width"}, 0);
  Arguments call;
  call.positional = {Value(integer_or(runtime, "center", width, 80))};
  return find_string_method("center")(runtime, runtime.string(to_text(runtime, input)), call);
}

Value truncate_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [length, kill, end, leeway] =
      bind<4>(runtime, "truncate", arguments, {"length", "killwords", "end", "leeway"}, 0);
  const std::string& text = string_input(runtime, "truncate", input);
  const std::string tail = text_or(runtime, end, "...");
  const std::int64_t most = integer_or(runtime, "truncate", length, 255);
  const bool has_leeway = leeway != nullptr && !leeway->is_none();
  const std::int64_t slack = has_leeway ? integer_or(runtime, "truncate", leeway, 5) : 5;
  const auto tail_length = static_cast<std::int64_t>(text_length(tail));
  if (most < tail_length || slack < 0) runtime.fail("truncate expects a length not below that of its end");
  runtime.charge(text.size());
  const auto size = static_cast<std::int64_t>(text_length(text));
  if (size <= most || size - most <= slack) return input;
  std::string kept = text.substr(0, byte_of(text, static_cast<std::size_t>(most - tail_length)));
  if (!flag_or(kill, false)) kept = kept.substr(0, kept.rfind(' '));
  return runtime.string(kept + tail);
}

Value wordcount_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "wordcount", arguments);
  const std::string text = input_text(runtime, input);
  std::int64_t words = 0;
  bool in_word = false;
  for_each_character(text, [&](char32_t c, std::string_view) {
    const bool word = is_word(c) || is_numeric(c);
    words += word && !in_word ? 1 : 0;
    in_word = word;
  });
  return Value(words);
}

Value escape_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments(runtime, "escape", arguments);
  std::string out;
  for (const char c : input_text(runtime, input)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return runtime.string(std::move(out));
}

Value format_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    runtime.fail("format takes positional or named arguments, not both");
  }
  Value values;
  if (arguments.named.empty()) {
    values = runtime.tuple(arguments.positional);
  } else {
    std::vector<Dict::Item> items;
    for (const auto& [name, value] : arguments.named) items.emplace_back(runtime.string(name), value);
    values = runtime.dict(std::move(items));
  }
  return percent_format(runtime, to_text(runtime, input), values);
}

Value tojson_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [ensure_ascii, indent, separators, sort_keys] =
      bind<4>(runtime, "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  JsonStyle style;
  style.ensure_ascii = flag_or(ensure_ascii, false);
  style.sort_keys = flag_or(sort_keys, false);
  if (indent != nullptr && !indent->is_none()) {
    if (indent->is_string()) {
      style.indent = indent->string();
      runtime.charge(style.indent->size());
    } else {
      const std::int64_t n = std::max<std::int64_t>(integer_or(runtime, "tojson", indent, 0), 0);
      runtime.charge(static_cast<std::size_t>(n));
      style.indent = std::string(static_cast<std::size_t>(n), ' ');
    }
    style.item_separator.assign(1, ',');
  }
  if (separators != nullptr && !separators->is_none()) {
    const std::vector<Value> both = items_of(runtime, *separators);
    if (both.size() != 2) runtime.fail("tojson expects two separators");
    style.item_separator = string_input(runtime, "tojson", both[0]);
    style.key_separator = string_input(runtime, "tojson", both[1]);
    runtime.charge(style.item_separator.size() + style.key_separator.size());
  }
  return runtime.string(to_json(runtime, input, style));
}

constexpr Named<Filter> kFilters[] = {
    {"upper", upper_filter},   {"lower", lower_filter},       {"capitalize", capitalize_filter},
    {"title", title_filter},   {"trim", trim_filter},         {"string", string_filter},
    {"safe", string_filter},   {"replace", replace_filter},   {"indent", indent_filter},
    {"center", center_filter}, {"truncate", truncate_filter}, {"wordcount", wordcount_filter},
    {"escape", escape_filter}, {"e", escape_filter},          {"forceescape", escape_filter},
    {"format", format_filter}, {"tojson", tojson_filter},
};

}  // namespace

Filter find_text_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace transom::text::jinja
