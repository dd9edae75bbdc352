// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "generation/constraint/schema_facts.h"

namespace transom::generation {

/// Whether it is plain that no value satisfies both: by their types, values or ranges, by a property that
/// both require with values that exclude each other, or by one that one requires and the other forbids. False
/// means only that it is not plain.
bool plainly_disjoint(const SchemaFacts& a, const SchemaFacts& b, SchemaReader& reader);

}  // namespace transom::generation
