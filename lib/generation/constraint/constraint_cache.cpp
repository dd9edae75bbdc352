// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/constraint_cache.h"

#include <algorithm>

namespace transom::generation {

std::shared_ptr<const TokenTable> ConstraintCache::table() {
  const std::lock_guard lock(table_mutex_);
  if (table_ == nullptr) table_ = std::make_shared<const TokenTable>(tokenizer_.impl());
  return table_;
}

std::shared_ptr<const Constraint> ConstraintCache::find(ConstraintKind kind, std::string_view source) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.kind == kind && entry.source == source;
  });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return found->constraint;
}

std::shared_ptr<const Constraint> ConstraintCache::get(ConstraintKind kind, std::string_view source) {
  if (auto known = find(kind, source)) return known;
  // Outside of the lock: a slow source delays its own caller only. Two callers may compile the same one.
  std::shared_ptr<const Constraint> constraint = compile(kind, source, table());
  const std::lock_guard lock(mutex_);
  entries_.push_front({kind, std::string(source), constraint});
  if (entries_.size() > capacity_) entries_.pop_back();
  return constraint;
}

}  // namespace transom::generation
