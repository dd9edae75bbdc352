// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/schema_disjoint.h"

#include <algorithm>

namespace transom::generation {

namespace {

constexpr int kPropertyDepth = 3;

bool values_differ(const SchemaFacts& a, const SchemaFacts& b) {
  if (!a.values || !b.values) return false;
  return std::none_of(a.values->begin(), a.values->end(), [&](const io::Json* value) {
    return std::any_of(b.values->begin(), b.values->end(),
                       [&](const io::Json* other) { return equal_values(*value, *other); });
  });
}

bool below(const std::optional<Bound>& high, const std::optional<Bound>& low) {
  if (!high || !low) return false;
  return high->value < low->value || (high->value == low->value && (high->exclusive || low->exclusive));
}

bool forbids(const SchemaFacts& facts, const std::string& name) {
  return std::any_of(facts.further.begin(), facts.further.end(), [&](const SchemaFacts::Further& further) {
    const bool named = std::find(further.named.begin(), further.named.end(), name) != further.named.end();
    return !named && further.schema->json->is_bool() && !further.schema->json->as_bool("");
  });
}

bool disjoint(const SchemaFacts& a, const SchemaFacts& b, SchemaReader& reader, int depth) {
  const unsigned types = a.effective_types() & b.effective_types();
  if (types == 0 || values_differ(a, b)) return true;
  if ((types & ~kNumber) == 0 && (below(a.high, b.low) || below(b.high, a.low))) return true;
  if (types != kObject) return false;
  for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    for (const std::string& name : one->required) {
      if (!one->named_by_pattern && !other->named_by_pattern && forbids(*other, name)) return true;
    }
  }
  if (depth == 0) return false;
  return std::any_of(a.required.begin(), a.required.end(), [&](const std::string& name) {
    if (!b.requires_property(name)) return false;
    const SchemaFacts::Property* in_a = a.find(name);
    const SchemaFacts::Property* in_b = b.find(name);
    return in_a != nullptr && in_b != nullptr &&
           disjoint(reader.read(in_a->value), reader.read(in_b->value), reader, depth - 1);
  });
}

}  // namespace

bool plainly_disjoint(const SchemaFacts& a, const SchemaFacts& b, SchemaReader& reader) {
  return disjoint(a, b, reader, kPropertyDepth);
}

}  // namespace transom::generation
