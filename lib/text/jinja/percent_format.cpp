// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/percent_format.h"

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, std::string_view format, const Value& values)
      : runtime_(runtime), format_(format), values_(values) {}

  std::string run() {
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out_ += format_[at_++];
        continue;
      }
      ++at_;
      conversion();
      runtime_.step();
    }
    const bool all_used =
        values_.is(Kind::dict) || used_ == (is_tuple() ? values_.sequence().items.size() : 1);
    if (!all_used) runtime_.fail("not all values were used by the format");
    return std::move(out_);
  }

 private:
  bool is_tuple() const {
    return values_.is(Kind::sequence) && values_.sequence().type == Sequence::Type::tuple;
  }

  const Value& next_value() {
    const std::size_t size = is_tuple() ? values_.sequence().items.size() : 1;
    if (used_ >= size) runtime_.fail("the format asks for more values than there are");
    const std::size_t at = used_++;
    return is_tuple() ? values_.sequence().items[at] : values_;
  }

  /// "(name)" of "%(name)s".
  const Value* named_value() {
    if (at_ >= format_.size() || format_[at_] != '(') return nullptr;
    const std::size_t end = format_.find(')', at_);
    if (end == format_.npos) runtime_.fail("the format has a name without end");
    if (!values_.is(Kind::dict)) runtime_.fail("the format names a value, so it expects a dict");
    const std::string_view name = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const Value* const found = values_.dict().find(name);
    if (found == nullptr) runtime_.fail(message("the format names \"", name, "\", which is not given"));
    return found;
  }

  std::int64_t number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      return integer_or(runtime_, "the width of a format", &next_value(), 0);
    }
    std::int64_t value = 0;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9') {
      value = std::min<std::int64_t>(10 * value + (format_[at_++] - '0'), std::int64_t{1} << 40);
    }
    return value;
  }

  void conversion() {
    const Value* value = named_value();
    FormatSpec spec;
    for (; at_ < format_.size(); ++at_) {
      const char flag = format_[at_];
      if (flag == '-')
        spec.align = '<';
      else if (flag == '0')
        spec.fill.assign(1, '0');
      else if (flag == '+')
        spec.sign = '+';
      else if (flag == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (flag == '#')
        spec.alternate = true;
      else
        break;
    }
    spec.width = number();
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = -std::max(spec.width, -(std::int64_t{1} << 40));
    }
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      spec.precision = std::max<std::int64_t>(number(), 0);
    }
    while (at_ < format_.size() && std::string_view("hlL").find(format_[at_]) != std::string_view::npos)
      ++at_;
    if (at_ >= format_.size()) runtime_.fail("the format is incomplete");
    const char type = format_[at_++];
    if (type == '%') {
      out_ += '%';
      return;
    }
    write(value != nullptr ? *value : next_value(), type, spec);
  }

  void write(const Value& value, char type, FormatSpec& spec) {
    std::string text;
    if (type == 's' || type == 'r' || type == 'c') {
      text = type == 'r' ? to_repr(runtime_, value) : to_text(runtime_, value);
      if (type == 'c') text = character(value);
      if (spec.precision >= 0) text.resize(byte_of(text, static_cast<std::size_t>(spec.precision)));
      spec.fill.assign(1, ' ');
      text = pad(runtime_, std::move(text), spec, '>');
    } else {
      if (std::string_view("diuoxXeEfFgG").find(type) == std::string_view::npos) {
        runtime_.fail(message("the format has an unknown conversion %", std::string_view(&type, 1)));
      }
      if (value.is_undefined()) runtime_.fail(value.problem());
      if (!value.as_real())
        runtime_.fail(message("a number is expected by the format, found ", value.type_name()));
      spec.type = type == 'i' || type == 'u' ? 'd' : type;
      if (spec.fill == "0") spec.align = spec.align == '<' ? '<' : '=';
      if (spec.align == '<') spec.fill.assign(1, ' ');
      text = format_number(runtime_, integral(value, spec.type), spec);
    }
    runtime_.charge(text.size());
    out_ += text;
  }

  /// %d cuts a float.
  Value integral(const Value& value, char type) {
    if (type != 'd' || !value.is(Kind::real)) return value;
    const double real = value.real();
    if (!(real > -9.2e18 && real < 9.2e18)) runtime_.fail("an integer leaves the range of 64 bits");
    return Value(static_cast<std::int64_t>(real));
  }

  std::string character(const Value& value) {
    std::string out;
    if (const auto code = value.as_integer()) {
      if (*code < 0 || *code > 0x10FFFF) runtime_.fail("%c expects a code point");
      append_utf8(out, static_cast<char32_t>(*code));
    } else {
      out = to_text(runtime_, value);
      if (text_length(out) != 1) runtime_.fail("%c expects one character");
    }
    return out;
  }

  Runtime& runtime_;
  std::string_view format_;
  const Value& values_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  std::string out_;
};

}  // namespace

Value percent_format(Runtime& runtime, std::string_view format, const Value& values) {
  runtime.charge(format.size());
  return runtime.string(PercentFormatter(runtime, format, values).run());
}

}  // namespace transom::text::jinja
