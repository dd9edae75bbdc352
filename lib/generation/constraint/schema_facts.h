// SPDX-License-Identifier: Apache-2.0
/// What a JSON schema says, read into one structure. Several schemas that must hold at once (allOf, $ref with
/// siblings, a base and one of its alternatives) are read into the same structure, each tightening it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generation/constraint/json_ranges.h"
#include "io/json.h"
#include "text/json_path.h"

namespace transom::generation {

/// A schema and where it stands.
struct SubSchema {
  const io::Json* json;
  text::JsonPath path;
};
/// Schemas that must all hold; none: anything goes.
using Conjunction = std::vector<SubSchema>;

/// Types of JSON values, as bits. An integer is a number without fraction.
enum JsonType : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kNumber = kInteger | kFraction,
  kAnyType = 127,
};

struct SchemaFacts {
  struct Property {
    std::string name;
    Conjunction value;
  };
  /// One schema's word on the properties that it does not name.
  struct Further {
    std::vector<std::string> named;
    std::optional<SubSchema> schema;
  };
  struct Alternatives {
    bool exclusive;  // oneOf
    Conjunction branches;
    text::JsonPath path;
  };

  unsigned types = kAnyType;
  unsigned hinted_types = 0;  ///< those that some keyword speaks of
  bool has_type = false;
  bool never = false;
  std::optional<std::vector<const io::Json*>> values;  ///< enum, const

  std::optional<Bound> low;
  std::optional<Bound> high;
  std::optional<long double> multiple_of;

  std::uint32_t min_length = 0;
  std::uint32_t max_length = kUnlimited;
  std::optional<std::string> pattern;
  std::optional<std::string> format;

  std::optional<Conjunction> prefix;  ///< prefixItems
  std::optional<SubSchema> items;     ///< behind them
  std::uint32_t min_items = 0;
  std::uint32_t max_items = kUnlimited;

  std::vector<Property> properties;  ///< in the order of the schema
  std::vector<std::string> required;
  std::vector<Further> further;
  std::optional<std::pair<std::string, SubSchema>> named_by_pattern;  ///< patternProperties
  bool closed = false;                                                ///< unevaluatedProperties: false
  std::uint32_t min_properties = 0;
  std::uint32_t max_properties = kUnlimited;

  std::vector<Alternatives> alternatives;

  /// The types that are left: an explicit type, else those that the keywords speak of.
  unsigned effective_types() const;
  const Property* find(std::string_view name) const;
  bool requires_property(std::string_view name) const;
};

/// The bit of a value's type.
unsigned type_of(const io::Json& value);

/// Whether two values are equal as JSON: 1 and 1.0 are.
bool equal_values(const io::Json& a, const io::Json& b);

/// Reads schemas of one document into facts.
class SchemaReader {
 public:
  explicit SchemaReader(const io::Json& root) : root_{&root, text::JsonPath("json_schema")} {}

  const SubSchema& root() const { return root_; }
  /// @throws FormatError when a keyword's value is of the wrong kind; UnsupportedError for a keyword that is
  ///   not known, or together with others cannot be served.
  void read(const SubSchema& schema, SchemaFacts& facts);
  /// All of a conjunction.
  SchemaFacts read(const Conjunction& schemas);

 private:
  void read_keyword(const std::string& key, const SubSchema& value, const SubSchema& schema,
                    SchemaFacts& facts);
  bool read_number_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts);
  bool read_string_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts);
  bool read_array_keyword(const std::string& key, const SubSchema& value, const SubSchema& schema,
                          SchemaFacts& facts);
  bool read_object_keyword(const std::string& key, const SubSchema& value, SchemaFacts& facts);
  void read_properties(const SubSchema& schema, SchemaFacts& facts);
  SubSchema resolve(const std::string& reference, const text::JsonPath& path) const;

  SubSchema root_;
  std::vector<const io::Json*> open_references_;
  std::size_t steps_ = 0;
};

}  // namespace transom::generation
