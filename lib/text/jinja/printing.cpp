// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/printing.h"

#include <charconv>
#include <cmath>

#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

namespace {

class ReprWriter {
 public:
  explicit ReprWriter(Runtime& runtime) : runtime_(runtime) {}

  void write(const Value& value) {
    runtime_.step();
    const Runtime::Nesting nesting(runtime_);
    switch (value.kind()) {
      case Kind::undefined:
        return append("Undefined");
      case Kind::string:
        return append(string_repr(value.string()));
      case Kind::sequence:
        return write_sequence(value.sequence());
      case Kind::dict:
        return write_dict(value.dict());
      default:
        return append(to_text(runtime_, value));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void append(std::string_view text) {
    runtime_.charge(text.size());
    out_ += text;
  }

  void write_items(const std::vector<Value>& items) {
    bool first = true;
    for (const Value& item : items) {
      if (!first) append(", ");
      first = false;
      write(item);
    }
  }

  void write_sequence(const Sequence& sequence) {
    switch (sequence.type) {
      case Sequence::Type::range:
        return append(sequence.label);
      case Sequence::Type::generator:
        return append("<generator object>");
      case Sequence::Type::tuple:
        append("(");
        write_items(sequence.items);
        return append(sequence.items.size() == 1 ? ",)" : ")");
      case Sequence::Type::list:
        append("[");
        write_items(sequence.items);
        return append("]");
      default:
        append(sequence.type == Sequence::Type::keys     ? "dict_keys(["
               : sequence.type == Sequence::Type::values ? "dict_values(["
                                                         : "dict_items([");
        write_items(sequence.items);
        return append("])");
    }
  }

  void write_dict(const Dict& dict) {
    append("{");
    bool first = true;
    for (const auto& [key, value] : dict.items) {
      if (!first) append(", ");
      first = false;
      write(key);
      append(": ");
      write(value);
    }
    append("}");
  }

  Runtime& runtime_;
  std::string out_;
};

void append_escape(std::string& out, char32_t c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const int width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += width == 2 ? "\\x" : width == 4 ? "\\u" : "\\U";
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out += kDigits[(c >> shift) & 15];
}

}  // namespace

std::string real_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  int exponent = 0;
  const std::size_t e = text.find('e');
  const char* const digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string out(buffer, fixed);
  if (out.find('.') == out.npos) out += ".0";
  return out;
}

std::string string_repr(std::string_view text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for_each_character(text, [&](char32_t c, std::string_view) {
    if (c == U'\\' || c == static_cast<char32_t>(quote)) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == U'\n' || c == U'\r' || c == U'\t') {
      out += c == U'\n' ? "\\n" : c == U'\r' ? "\\r" : "\\t";
    } else if ((c >= 0x20 && c < 0x7F) || (c > 0x7F && is_printable(c))) {
      append_utf8(out, c);
    } else {
      append_escape(out, c);
    }
  });
  out += quote;
  return out;
}

std::string to_repr(Runtime& runtime, const Value& value) {
  ReprWriter writer(runtime);
  writer.write(value);
  return writer.take();
}

std::string to_text(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return {};
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.boolean() ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.integer());
    case Kind::real:
      return real_repr(value.real());
    case Kind::string:
      return value.string();
    case Kind::object:
      return value.object().text();
    default:
      return to_repr(runtime, value);
  }
}

}  // namespace transom::text::jinja
