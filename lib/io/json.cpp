// SPDX-License-Identifier: Apache-2.0
#include "io/json.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/checks.h"
#include "io/file.h"
#include "transom/error.h"

namespace transom::io {

using core::message;

/// SAX receiver that builds the tree. nlohmann's parser keeps its own explicit stack, so deep nesting costs
/// no call depth; max_depth bounds the tree and with it the recursion of its destructor.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonBuilder(std::string where, const JsonLimits& limits) : where_(std::move(where)), limits_(limits) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(Json{}); }
  bool boolean(bool value) override {
    Json node;
    node.kind_ = Json::Kind::boolean;
    node.boolean_ = value;
    return add(std::move(node));
  }
  bool number_integer(number_integer_t value) override { return add_integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(INT64_MAX))
      return add_integer(static_cast<std::int64_t>(value));
    return number_float(static_cast<double>(value), {});
  }
  bool number_float(number_float_t value, const string_t&) override {
    Json node;
    node.kind_ = Json::Kind::number;
    node.number_ = value;
    return add(std::move(node));
  }
  bool string(string_t& value) override {
    Json node;
    node.kind_ = Json::Kind::string;
    node.string_ = std::move(value);
    return add(std::move(node));
  }
  bool binary(binary_t&) override { throw FormatError(where_ + ": expected JSON text, found binary data"); }
  bool start_object(std::size_t) override { return open(Json::Kind::object); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::Kind::array); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second) {
      throw FormatError(message(where_, ": key \"", value, "\" appears twice in one object"));
    }
    stack_.back()->object_.emplace_back(std::move(value), Json{});
    return true;
  }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] ..." begins with a name that says nothing here.
    const std::string_view what = error.what();
    const std::size_t name_end = what.find("] ");
    throw FormatError(message(where_, ": not valid JSON at byte ", position, " (near \"",
                              last_token.substr(0, 40),
                              "\"): ", what.substr(name_end == std::string_view::npos ? 0 : name_end + 2)));
  }

 private:
  bool add_integer(std::int64_t value) {
    Json node;
    node.kind_ = Json::Kind::integer;
    node.integer_ = value;
    return add(std::move(node));
  }

  /// Puts the node where the document stands and returns its final place.
  Json* place(Json node) {
    if (++values_ > limits_.max_values) {
      throw FormatError(message(where_, ": more than ", limits_.max_values, " JSON values"));
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    Json& parent = *stack_.back();
    if (parent.kind_ == Json::Kind::array) return &parent.array_.emplace_back(std::move(node));
    Json& slot = parent.object_.back().second;
    slot = std::move(node);
    return &slot;
  }

  bool add(Json node) {
    place(std::move(node));
    return true;
  }

  // A pointer on the stack stays valid: while a child is open its parent's containers do not grow.
  bool open(Json::Kind kind) {
    if (stack_.size() >= limits_.max_depth) {
      throw FormatError(message(where_, ": nested deeper than ", limits_.max_depth, " levels"));
    }
    Json node;
    node.kind_ = kind;
    stack_.push_back(place(std::move(node)));
    keys_.emplace_back();
    return true;
  }

  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  std::string where_;
  JsonLimits limits_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Json*> stack_;
  std::vector<std::unordered_set<std::string>> keys_;
};

namespace {

/// Replaces the bare words NaN, Infinity and -Infinity outside strings by null.
std::string replace_bare_words(std::string_view text) {
  static constexpr std::string_view kWords[] = {"-Infinity", "Infinity", "NaN"};
  std::string out(text);
  bool in_string = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c != '-' && c != 'I' && c != 'N') continue;
    for (std::string_view word : kWords) {
      if (std::string_view(out).substr(i, word.size()) != word) continue;
      out.replace(i, word.size(), "null");
      break;
    }
  }
  return out;
}

[[noreturn]] void fail_kind(std::string_view path, std::string_view expected, Json::Kind found) {
  throw FormatError(message(path, ": expected ", expected, ", found ", Json::kind_name(found)));
}

}  // namespace

Json Json::parse(std::string_view text, std::string where, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw FormatError(
        message(where, ": expected at most ", limits.max_bytes, " bytes of JSON, found ", text.size()));
  }
  const bool has_bare_words = text.find("NaN") != text.npos || text.find("Infinity") != text.npos;
  const std::string cleaned = has_bare_words ? replace_bare_words(text) : std::string();
  const std::string_view input = has_bare_words ? std::string_view(cleaned) : text;
  JsonBuilder builder(std::move(where), limits);
  nlohmann::json::sax_parse(input.begin(), input.end(), &builder);
  return builder.take();
}

Json Json::parse_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse(read_text_file(path, limits.max_bytes), path.string(), limits);
}

bool Json::as_bool(std::string_view path) const {
  if (kind_ != Kind::boolean) fail_kind(path, "true or false", kind_);
  return boolean_;
}

std::int64_t Json::as_int(std::string_view path) const {
  if (kind_ == Kind::integer) return integer_;
  constexpr double kLimit = 9007199254740992.0;  // 2^53: beyond it a double no longer names one integer
  if (kind_ == Kind::number && std::trunc(number_) == number_ && std::abs(number_) <= kLimit) {
    return static_cast<std::int64_t>(number_);
  }
  if (kind_ == Kind::number) throw FormatError(message(path, ": expected an integer, found ", number_));
  fail_kind(path, "an integer", kind_);
}

double Json::as_double(std::string_view path) const {
  if (kind_ == Kind::integer) return static_cast<double>(integer_);
  if (kind_ != Kind::number) fail_kind(path, "a number", kind_);
  return number_;
}

const std::string& Json::as_string(std::string_view path) const {
  if (kind_ != Kind::string) fail_kind(path, "a string", kind_);
  return string_;
}

const std::vector<Json>& Json::as_array(std::string_view path) const {
  if (kind_ != Kind::array) fail_kind(path, "an array", kind_);
  return array_;
}

const std::vector<Json::Member>& Json::as_object(std::string_view path) const {
  if (kind_ != Kind::object) fail_kind(path, "an object", kind_);
  return object_;
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : object_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Json* Json::find_value(std::string_view key) const {
  const Json* found = find(key);
  return found != nullptr && !found->is_null() ? found : nullptr;
}

const Json& Json::at(std::string_view key, std::string_view path) const {
  if (kind_ != Kind::object) fail_kind(path, "an object", kind_);
  if (const Json* found = find(key)) return *found;
  throw FormatError(message(path, ": missing member \"", key, "\""));
}

std::string_view Json::kind_name(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
  }
  return "nothing";
}

}  // namespace transom::io
