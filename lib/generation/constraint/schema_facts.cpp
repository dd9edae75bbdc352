// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/schema_facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "generation/constraint/limits.h"

namespace transom::generation {

namespace {

/// Schemas read for one compilation: alternatives that multiply, references to references.
constexpr std::size_t kMaxSchemaSteps = 50000;

using text::JsonPath;

/// Keywords that say nothing about which values are valid, or are read elsewhere.
constexpr std::array<std::string_view, 24> kSilent = {"$schema",
                                                      "$id",
                                                      "id",
                                                      "$comment",
                                                      "$defs",
                                                      "definitions",
                                                      "title",
                                                      "default",
                                                      "description",
                                                      "examples",
                                                      "example",
                                                      "deprecated",
                                                      "readOnly",
                                                      "writeOnly",
                                                      "nullable",
                                                      "contentEncoding",
                                                      "contentMediaType",
                                                      "$anchor",
                                                      "additionalItems",
                                                      "additionalProperties",
                                                      "properties",
                                                      "patternProperties",
                                                      "$vocabulary",
                                                      "contentSchema"};

std::uint32_t read_count(const SubSchema& value) {
  const std::int64_t count = value.json->as_int(value.path);
  if (count < 0) value.path.fail(core::message("expected a count, found ", count));
  return static_cast<std::uint32_t>(std::min<std::int64_t>(count, kUnlimited - 1));
}

long double read_number(const SubSchema& value) {
  return value.json->is_integer() ? static_cast<long double>(value.json->as_int(value.path))
                                  : static_cast<long double>(value.json->as_double(value.path));
}

unsigned type_named(const std::string& name, const JsonPath& path) {
  constexpr std::pair<std::string_view, unsigned> kTypes[] = {
      {"null", kNull},     {"boolean", kBoolean}, {"integer", kInteger}, {"number", kNumber},
      {"string", kString}, {"array", kArray},     {"object", kObject}};
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  path.fail(core::message("expected the name of a type, found \"", name, "\""));
}

unsigned read_types(const SubSchema& value) {
  if (value.json->is_string()) return type_named(value.json->as_string(value.path), value.path);
  unsigned types = 0;
  for (const io::Json& name : value.json->as_array(value.path)) {
    types |= type_named(name.as_string(value.path), value.path);
  }
  return types;
}

void keep_values(const std::vector<const io::Json*>& values, SchemaFacts& facts) {
  if (!facts.values) {
    facts.values = values;
    return;
  }
  std::erase_if(*facts.values, [&](const io::Json* value) {
    return std::none_of(values.begin(), values.end(),
                        [&](const io::Json* other) { return equal_values(*value, *other); });
  });
}

void keep_one(std::optional<std::string>& kept, const SubSchema& value) {
  const std::string& text = value.json->as_string(value.path);
  if (kept && *kept != text) value.path.unsupported("two of these at once are not supported");
  kept = text;
}

}  // namespace

unsigned type_of(const io::Json& value) {
  switch (value.kind()) {
    case io::Json::Kind::null:
      return kNull;
    case io::Json::Kind::boolean:
      return kBoolean;
    case io::Json::Kind::integer:
      return kInteger;
    case io::Json::Kind::number:
      return std::trunc(value.as_double("")) == value.as_double("") ? kInteger : kFraction;
    case io::Json::Kind::string:
      return kString;
    case io::Json::Kind::array:
      return kArray;
    case io::Json::Kind::object:
      return kObject;
  }
  return 0;
}

bool equal_values(const io::Json& a, const io::Json& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integer() && b.is_integer()) return a.as_int("") == b.as_int("");
    return a.as_double("") == b.as_double("");
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case io::Json::Kind::boolean:
      return a.as_bool("") == b.as_bool("");
    case io::Json::Kind::string:
      return a.as_string("") == b.as_string("");
    case io::Json::Kind::array:
      return std::equal(a.as_array("").begin(), a.as_array("").end(), b.as_array("").begin(),
                        b.as_array("").end(), equal_values);
    case io::Json::Kind::object:
      return a.as_object("").size() == b.as_object("").size() &&
             std::all_of(a.as_object("").begin(), a.as_object("").end(), [&](const io::Json::Member& member) {
               const io::Json* other = b.find(member.first);
               return other != nullptr && equal_values(member.second, *other);
             });
    default:
      return true;
  }
}

unsigned SchemaFacts::effective_types() const {
  if (never) return 0;
  unsigned out = types;
  if (!has_type && !values && hinted_types != 0) out &= hinted_types;
  if (values) {
    unsigned of_values = 0;
    for (const io::Json* value : *values) of_values |= type_of(*value);
    out &= of_values;
  }
  return out;
}

const SchemaFacts::Property* SchemaFacts::find(std::string_view name) const {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& property) { return property.name == name; });
  return found == properties.end() ? nullptr : &*found;
}

bool SchemaFacts::requires_property(std::string_view name) const {
  return std::find(required.begin(), required.end(), name) != required.end();
}

SchemaFacts SchemaReader::read(const Conjunction& schemas) {
  SchemaFacts facts;
  for (const SubSchema& schema : schemas) read(schema, facts);
  return facts;
}

void SchemaReader::read(const SubSchema& schema, SchemaFacts& facts) {
  if (++steps_ > kMaxSchemaSteps) schema.path.unsupported("the schema has too many combinations");
  if (schema.json->is_bool()) {
    facts.never = facts.never || !schema.json->as_bool(schema.path);
    return;
  }
  for (const auto& [key, value] : schema.json->as_object(schema.path)) {
    read_keyword(key, {&value, schema.path.member(key)}, schema, facts);
  }
  read_properties(schema, facts);
}

void SchemaReader::read_keyword(const std::string& key, const SubSchema& value, const SubSchema& schema,
                                SchemaFacts& facts) {
  if (std::find(kSilent.begin(), kSilent.end(), key) != kSilent.end()) return;
  if (read_number_keyword(key, value, facts) || read_string_keyword(key, value, facts) ||
      read_array_keyword(key, value, schema, facts) || read_object_keyword(key, value, facts)) {
    return;
  }
  if (key == "type") {
    unsigned types = read_types(value);
    const io::Json* nullable = schema.json->find("nullable");
    if (nullable != nullptr && nullable->as_bool(schema.path.member("nullable"))) types |= kNull;
    facts.types &= types;
    facts.has_type = true;
  } else if (key == "enum") {
    std::vector<const io::Json*> values;
    for (const io::Json& one : value.json->as_array(value.path)) values.push_back(&one);
    keep_values(values, facts);
  } else if (key == "const") {
    keep_values({value.json}, facts);
  } else if (key == "$ref") {
    const SubSchema target = resolve(value.json->as_string(value.path), value.path);
    if (std::find(open_references_.begin(), open_references_.end(), target.json) != open_references_.end()) {
      value.path.fail("the reference leads to itself");
    }
    open_references_.push_back(target.json);
    read(target, facts);
    open_references_.pop_back();
  } else if (key == "allOf") {
    std::size_t i = 0;
    for (const io::Json& one : value.json->as_array(value.path)) read({&one, value.path.element(i++)}, facts);
  } else if (key == "anyOf" || key == "oneOf") {
    SchemaFacts::Alternatives alternatives{key == "oneOf", {}, value.path};
    std::size_t i = 0;
    for (const io::Json& one : value.json->as_array(value.path)) {
      alternatives.branches.push_back({&one, value.path.element(i++)});
    }
    facts.alternatives.push_back(std::move(alternatives));
  } else {
    value.path.unsupported("the keyword is not supported");
  }
}

bool SchemaReader::read_number_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts) {
  const bool is_low = key == "minimum" || key == "exclusiveMinimum";
  const bool is_high = key == "maximum" || key == "exclusiveMaximum";
  if (!is_low && !is_high && key != "multipleOf") return false;
  facts.hinted_types |= kNumber;
  const long double number = read_number(value);
  const bool exclusive = key.starts_with("exclusive");
  if (is_low) {
    if (!facts.low || number > facts.low->value || (number == facts.low->value && exclusive)) {
      facts.low = Bound{number, exclusive};
    }
  } else if (is_high) {
    if (!facts.high || number < facts.high->value || (number == facts.high->value && exclusive)) {
      facts.high = Bound{number, exclusive};
    }
  } else {
    if (!(number > 0)) value.path.fail("expected a number above 0");
    if (facts.multiple_of && *facts.multiple_of != number)
      value.path.unsupported("two of these are not supported");
    facts.multiple_of = number;
  }
  return true;
}

bool SchemaReader::read_string_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts) {
  if (key == "minLength") {
    facts.min_length = std::max(facts.min_length, read_count(value));
  } else if (key == "maxLength") {
    facts.max_length = std::min(facts.max_length, read_count(value));
  } else if (key == "pattern") {
    keep_one(facts.pattern, value);
  } else if (key == "format") {
    keep_one(facts.format, value);
  } else {
    return false;
  }
  facts.hinted_types |= kString;
  return true;
}

bool SchemaReader::read_array_keyword(const std::string& key, const SubSchema& value, const SubSchema& schema,
                                      SchemaFacts& facts) {
  const auto set_items = [&](const SubSchema& items) {
    if (facts.items && facts.items->json != items.json)
      items.path.unsupported("two of these are not supported");
    facts.items = items;
  };
  if (key == "minItems") {
    facts.min_items = std::max(facts.min_items, read_count(value));
  } else if (key == "maxItems") {
    facts.max_items = std::min(facts.max_items, read_count(value));
  } else if (key == "prefixItems" || (key == "items" && value.json->is_array())) {
    if (facts.prefix) value.path.unsupported("two of these are not supported");
    facts.prefix.emplace();
    std::size_t i = 0;
    for (const io::Json& one : value.json->as_array(value.path)) {
      facts.prefix->push_back({&one, value.path.element(i++)});
    }
    const io::Json* further = schema.json->find("additionalItems");
    if (key == "items" && further != nullptr) set_items({further, schema.path.member("additionalItems")});
  } else if (key == "items") {
    set_items(value);
  } else if (key == "uniqueItems") {
    if (value.json->as_bool(value.path)) value.path.unsupported("the keyword is not supported");
  } else {
    return false;
  }
  facts.hinted_types |= kArray;
  return true;
}

bool SchemaReader::read_object_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts) {
  if (key == "required") {
    for (const io::Json& name : value.json->as_array(value.path)) {
      const std::string& text = name.as_string(value.path);
      if (!facts.requires_property(text)) facts.required.push_back(text);
    }
  } else if (key == "minProperties") {
    facts.min_properties = std::max(facts.min_properties, read_count(value));
  } else if (key == "maxProperties") {
    facts.max_properties = std::min(facts.max_properties, read_count(value));
  } else if (key == "unevaluatedProperties") {
    if (!value.json->is_bool()) value.path.unsupported("a schema here is not supported");
    facts.closed = facts.closed || !value.json->as_bool(value.path);
  } else {
    return false;
  }
  facts.hinted_types |= kObject;
  return true;
}

/// properties, patternProperties and additionalProperties, which speak of each other.
void SchemaReader::read_properties(const SubSchema& schema, SchemaFacts& facts) {
  SchemaFacts::Further further;
  if (const io::Json* properties = schema.json->find("properties")) {
    facts.hinted_types |= kObject;
    const JsonPath path = schema.path.member("properties");
    for (const auto& [name, value] : properties->as_object(path)) {
      const SubSchema sub{&value, path.member(name)};
      further.named.push_back(name);
      const auto known =
          std::find_if(facts.properties.begin(), facts.properties.end(),
                       [&wanted = name](const auto& property) { return property.name == wanted; });
      if (known == facts.properties.end()) {
        facts.properties.push_back({name, {sub}});
      } else {
        known->value.push_back(sub);
      }
    }
  }
  if (const io::Json* patterns = schema.json->find("patternProperties")) {
    facts.hinted_types |= kObject;
    const JsonPath path = schema.path.member("patternProperties");
    for (const auto& [pattern, value] : patterns->as_object(path)) {
      if (facts.named_by_pattern) path.unsupported("more than one pattern is not supported");
      facts.named_by_pattern.emplace(pattern, SubSchema{&value, path.member(pattern)});
    }
  }
  if (const io::Json* schema_of_further = schema.json->find("additionalProperties")) {
    facts.hinted_types |= kObject;
    further.schema = SubSchema{schema_of_further, schema.path.member("additionalProperties")};
    facts.further.push_back(std::move(further));
  }
}

/// A reference within the document: "#", or "#/" and a JSON pointer (RFC 6901).
SubSchema SchemaReader::resolve(const std::string& reference, const JsonPath& path) const {
  if (!reference.starts_with('#'))
    path.unsupported("only references within the schema (#/...) are supported");
  SubSchema at = root_;
  std::string_view rest = std::string_view(reference).substr(1);
  if (!rest.empty() && rest[0] != '/') path.unsupported("references by anchor are not supported");
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view raw = rest.substr(0, rest.find('/'));
    rest.remove_prefix(raw.size());
    std::string name;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const bool escaped = raw[i] == '~' && i + 1 < raw.size() && (raw[i + 1] == '0' || raw[i + 1] == '1');
      if (raw[i] == '%') path.unsupported("percent escapes in a reference are not supported");
      name.push_back(!escaped ? raw[i] : raw[i + 1] == '0' ? '~' : '/');
      if (escaped) ++i;
    }
    const io::Json* next = at.json->find(name);
    if (next == nullptr && at.json->is_array()) {
      const std::size_t index =
          name.size() < 6 && !name.empty() && name.find_first_not_of("0123456789") == name.npos
              ? std::stoul(name)
              : at.json->as_array(at.path).size();
      if (index < at.json->as_array(at.path).size()) next = &at.json->as_array(at.path)[index];
    }
    if (next == nullptr)
      path.fail(core::message("expected a part of the schema, found nothing at \"", reference, "\""));
    at = {next, at.path.member(name)};
  }
  return at;
}

}  // namespace transom::generation
