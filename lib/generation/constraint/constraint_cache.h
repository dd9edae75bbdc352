// SPDX-License-Identifier: Apache-2.0
/// The constraints that a model was asked for last, compiled.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "generation/constraint/constraint.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// Thread-safe. The token table is built when the first constraint is asked for.
class ConstraintCache {
 public:
  /// @param capacity Constraints that are kept; the one used longest ago goes first.
  explicit ConstraintCache(Tokenizer tokenizer, std::size_t capacity = 16)
      : tokenizer_(std::move(tokenizer)), capacity_(capacity) {}

  /// Compiles, or finds what was compiled before. @throws as compile(); and UnsupportedError when the
  /// tokenizer
  ///   cannot be constrained (see text/token_bytes.h).
  std::shared_ptr<const Constraint> get(ConstraintKind kind, std::string_view source);

 private:
  struct Entry {
    ConstraintKind kind;
    std::string source;
    std::shared_ptr<const Constraint> constraint;
  };
  std::shared_ptr<const TokenTable> table();
  std::shared_ptr<const Constraint> find(ConstraintKind kind, std::string_view source);

  Tokenizer tokenizer_;
  std::size_t capacity_;
  std::mutex table_mutex_;
  std::shared_ptr<const TokenTable> table_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the one used last comes first
};

}  // namespace transom::generation
