// SPDX-License-Identifier: Apache-2.0
/// json.dumps for the filter tojson.
#include <algorithm>
#include <cmath>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

void append_unit(std::string& out, unsigned unit) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 15];
}

std::string json_text(std::string_view text, bool ensure_ascii) {
  static constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
  static constexpr std::string_view kLetters = "\"\\nrtfb";
  std::string out = "\"";
  for_each_character(text, [&](char32_t c, std::string_view) {
    const std::size_t known = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : kEscaped.npos;
    if (known != kEscaped.npos) {
      out += '\\';
      out += kLetters[known];
    } else if (c < 0x20 || (ensure_ascii && c >= 0x7F && c < 0x10000)) {
      append_unit(out, static_cast<unsigned>(c));
    } else if (ensure_ascii && c >= 0x10000) {
      append_unit(out, 0xD800 + static_cast<unsigned>((c - 0x10000) >> 10));
      append_unit(out, 0xDC00 + static_cast<unsigned>((c - 0x10000) & 0x3FF));
    } else {
      append_utf8(out, c);
    }
  });
  out += '"';
  return out;
}

std::string json_real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return real_repr(value);
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void write(const Value& value) {
    runtime_.step();
    const Runtime::Nesting nesting(runtime_);
    switch (value.kind()) {
      case Kind::string:
        return append(json_text(value.string(), style_.ensure_ascii));
      case Kind::dict:
        return write_dict(value.dict());
      case Kind::sequence:
        if (value.sequence().type != Sequence::Type::list && value.sequence().type != Sequence::Type::tuple)
          break;
        return write_list(value.sequence().items);
      case Kind::undefined:
      case Kind::object:
        break;
      default:
        return append(scalar(value));
    }
    runtime_.fail(message("a value of type ", value.type_name(), " cannot be written as JSON"));
  }
  std::string take() { return std::move(out_); }

 private:
  void append(std::string_view text) {
    runtime_.charge(text.size());
    out_ += text;
  }

  std::string scalar(const Value& value) const {
    if (value.is_none()) return "null";
    if (value.is(Kind::boolean)) return value.boolean() ? "true" : "false";
    if (value.is(Kind::integer)) return std::to_string(value.integer());
    return json_real(value.real());
  }

  void new_line() {
    if (!style_.indent) return;
    append("\n");
    for (std::size_t i = 0; i < level_; ++i) append(*style_.indent);
  }

  void write_list(const std::vector<Value>& items) {
    if (items.empty()) return append("[]");
    append("[");
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) append(style_.item_separator);
      new_line();
      write(items[i]);
    }
    --level_;
    new_line();
    append("]");
  }

  void write_dict(const Dict& dict) {
    if (dict.items.empty()) return append("{}");
    std::vector<const Dict::Item*> items;
    for (const Dict::Item& item : dict.items) items.push_back(&item);
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(),
                       [this](const auto* a, const auto* b) { return less(runtime_, a->first, b->first); });
    }
    append("{");
    ++level_;
    bool first = true;
    for (const Dict::Item* item : items) {
      if (!first) append(style_.item_separator);
      first = false;
      new_line();
      write_key(item->first);
      append(style_.key_separator);
      write(item->second);
    }
    --level_;
    new_line();
    append("}");
  }

  void write_key(const Value& key) {
    if (key.is_string()) return append(json_text(key.string(), style_.ensure_ascii));
    if (!key.is_none() && !key.as_real()) {
      runtime_.fail(message("a key of type ", key.type_name(), " cannot be written as JSON"));
    }
    append("\"" + scalar(key) + "\"");
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
  std::size_t level_ = 0;
};

}  // namespace

std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  writer.write(value);
  return writer.take();
}

}  // namespace transom::text::jinja
