// SPDX-License-Identifier: Apache-2.0
/// JSON schemas (draft 2020-12, and the names of draft 7): the text is one JSON value that the schema
/// accepts.
///
/// What is written, where a schema leaves a choice:
/// - Properties come in the order of the schema; those not required may be left out. Further properties are
///   written only where `additionalProperties` is given and not false, or where no property is named. Their
///   names are never those of `properties`; they may repeat each other.
/// - No white space but one optional space behind each ':' and ','. So no model can go on blanks forever.
/// - A schema without `type` that has keywords of some types only is of those types.
/// - Integers have at most 16 digits unless a bound has more; other numbers at most 16 digits on each side of
///   the point and 2 in the exponent, and no exponent where a bound is given. Values without a schema ({})
///   are nested at most 16 deep.
/// - `enum` and `const` are written in their shortest form; `pattern` and names with the shortest escapes.
/// - `oneOf` must have alternatives that visibly exclude each other (by type, by the values of a required
///   property, or by a required property that another alternative forbids).
///
/// Supported: type, enum, const, properties, required, additionalProperties, patternProperties (one, without
/// other properties), minProperties and maxProperties (of objects without named properties), items,
/// prefixItems, additionalItems, minItems, maxItems, minLength, maxLength, pattern (a search, as the standard
/// says), format (date, time, date-time, duration, uuid, email, hostname, ipv4, ipv6, uri), minimum, maximum,
/// exclusiveMinimum, exclusiveMaximum, multipleOf (powers of ten up to 1, or few multiples between bounds),
/// anyOf, oneOf, allOf, $ref within the schema (recursion too), $defs, definitions, nullable, and
/// annotations. Any other keyword is an UnsupportedError with its path.
#pragma once

#include <string_view>

#include "generation/constraint/grammar.h"

namespace transom::generation {

/// What is asked for when a model shall write "a JSON object", no matter which.
inline constexpr std::string_view kJsonObjectSchema = R"({"type": "object"})";

/// @throws FormatError or UnsupportedError with the path in the schema.
Grammar parse_json_schema(std::string_view source);

}  // namespace transom::generation
