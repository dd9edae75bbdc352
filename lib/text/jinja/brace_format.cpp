// SPDX-License-Identifier: Apache-2.0
/// str.format: "{}", "{0.name[key]!r:>8}".
#include <algorithm>

#include "text/jinja/members.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t to_number(std::string_view digits) { return std::stoll(std::string(digits)); }

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, std::string_view format, const Arguments& arguments)
      : runtime_(runtime), format_(format), arguments_(arguments) {}

  std::string run() {
    for (std::size_t i = 0; i < format_.size(); ++i) {
      const char c = format_[i];
      const bool doubled = i + 1 < format_.size() && format_[i + 1] == c;
      if (c == '}' && !doubled) runtime_.fail("the format has a single }");
      if (c == '{' && !doubled) {
        const std::size_t end = format_.find('}', i);
        if (end == format_.npos) runtime_.fail("the format has a { without its }");
        const std::string_view field = format_.substr(i + 1, end - i - 1);
        if (field.find('{') != field.npos) runtime_.unsupported("a field within a field of a format");
        write_field(field);
        i = end;
        continue;
      }
      out_ += c;
      if (c == '{' || c == '}') ++i;
    }
    return std::move(out_);
  }

 private:
  void write_field(std::string_view field) {
    runtime_.step();
    const std::size_t colon = std::min(field.find(':'), field.size());
    const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : std::string_view();
    std::string_view name = field.substr(0, colon);
    char conversion = '\0';
    if (name.size() >= 2 && name[name.size() - 2] == '!') {
      conversion = name.back();
      name.remove_suffix(2);
    }
    Value value = find_value(name);
    if (conversion == 'r') {
      value = runtime_.string(to_repr(runtime_, value));
    } else if (conversion == 's') {
      value = runtime_.string(to_text(runtime_, value));
    } else if (conversion != '\0') {
      runtime_.fail("the conversions of a format are !r and !s");
    }
    const std::string text = format_value(value, spec);
    runtime_.charge(text.size());
    out_ += text;
  }

  Value find_value(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = first_value(name.substr(0, end));
    name.remove_prefix(end);
    while (!name.empty()) {
      runtime_.step();
      if (name[0] == '.') {
        const std::size_t stop = std::min(name.find_first_of(".[", 1), name.size());
        value = attribute_of(runtime_, value, name.substr(1, stop - 1));
        name.remove_prefix(stop);
      } else {
        const std::size_t stop = name.find(']');
        if (name[0] != '[' || stop == name.npos) runtime_.fail("the format has a broken field name");
        const std::string_view key = name.substr(1, stop - 1);
        value = item_of(runtime_, value,
                        is_digits(key) ? Value(to_number(key)) : runtime_.string(std::string(key)));
        name.remove_prefix(stop + 1);
      }
    }
    return value;
  }

  Value first_value(std::string_view name) {
    if (name.empty() || is_digits(name)) {
      const std::size_t index = name.empty() ? next_++ : static_cast<std::size_t>(to_number(name));
      if (index < arguments_.positional.size()) return arguments_.positional[index];
      runtime_.fail("the format asks for more values than there are");
    }
    runtime_.step(arguments_.named.size() / 8);
    for (const auto& [one, value] : arguments_.named) {
      if (one == name) return value;
    }
    runtime_.fail(message("the format names \"", name, "\", which is not given"));
  }

  FormatSpec parse_spec(std::string_view text) {
    FormatSpec spec;
    static constexpr std::string_view kAligns = "<>^=";
    const std::size_t first = text.empty() ? 0 : utf8_length(text[0]);
    if (text.size() > first && kAligns.find(text[first]) != kAligns.npos) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (!text.empty() && kAligns.find(text[0]) != kAligns.npos) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
    const auto take = [&text](std::string_view set) {
      if (text.empty() || set.find(text[0]) == set.npos) return '\0';
      const char c = text[0];
      text.remove_prefix(1);
      return c;
    };
    if (const char sign = take("+- ")) spec.sign = sign;
    spec.alternate = take("#") != '\0';
    if (take("0") != '\0' && spec.align == '\0') {
      spec.fill.assign(1, '0');
      spec.align = '=';
    }
    spec.width = take_number(text).value_or(0);
    spec.grouping = take(",_");
    if (take(".") != '\0') {
      const auto precision = take_number(text);
      if (!precision) runtime_.fail("the format lacks a precision behind the point");
      spec.precision = *precision;
    }
    spec.type = take("bdoxXeEfFgGs%");
    if (!text.empty()) runtime_.fail(message("the format has a wrong part \"", text, "\""));
    return spec;
  }

  static std::optional<std::int64_t> take_number(std::string_view& text) {
    std::size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
    if (n == 0) return std::nullopt;
    const std::string_view digits = text.substr(0, n);
    text.remove_prefix(n);
    return is_digits(digits) ? to_number(digits) : std::int64_t{1} << 40;
  }

  std::string format_value(const Value& value, std::string_view spec_text) {
    if (spec_text.empty()) return to_text(runtime_, value);
    FormatSpec spec = parse_spec(spec_text);
    if (value.is_string()) {
      if ((spec.type != '\0' && spec.type != 's') || spec.align == '=') {
        runtime_.fail("the format does not fit a string");
      }
      std::string text = value.string();
      if (spec.precision >= 0) text.resize(byte_of(text, static_cast<std::size_t>(spec.precision)));
      return pad(runtime_, std::move(text), spec, '<');
    }
    if (!value.as_real() || spec.type == 's') {
      runtime_.fail(message("the format does not fit a value of type ", value.type_name()));
    }
    if (value.as_integer() && spec.precision >= 0 && (spec.type == '\0' || spec.type == 'd')) {
      runtime_.fail("an integer has no precision");
    }
    return format_number(runtime_, value, spec);
  }

  Runtime& runtime_;
  std::string_view format_;
  const Arguments& arguments_;
  std::size_t next_ = 0;
  std::string out_;
};

}  // namespace

Value brace_format(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  runtime.charge(format.size());
  return runtime.string(BraceFormatter(runtime, format, arguments).run());
}

}  // namespace transom::text::jinja
