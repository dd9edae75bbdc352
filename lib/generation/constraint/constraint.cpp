// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/constraint.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/checks.h"
#include "generation/constraint/constraint_impl.h"
#include "generation/constraint/gbnf.h"
#include "generation/constraint/json_schema.h"
#include "generation/constraint/limits.h"
#include "generation/constraint/regex.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

Grammar parse(ConstraintKind kind, std::string_view source) {
  switch (kind) {
    case ConstraintKind::json_schema:
      return parse_json_schema(source);
    case ConstraintKind::regex:
      return parse_regex(source);
    case ConstraintKind::grammar:
      return parse_gbnf(source);
  }
  throw InvalidArgument("the kind of a constraint is none of the known ones");
}

std::string_view name_of(ConstraintKind kind) {
  switch (kind) {
    case ConstraintKind::json_schema:
      return "json_schema";
    case ConstraintKind::regex:
      return "regex";
    case ConstraintKind::grammar:
      return "grammar";
  }
  return "constraint";
}

Automaton compile_source(ConstraintKind kind, std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    throw UnsupportedError(
        core::message("expected at most ", kMaxSourceBytes, " bytes, found ", source.size()));
  }
  return build_automaton(parse(kind, source));
}

void forbid_all_but(const TokenBits& allowed, std::span<float> logits) {
  const std::span<const std::uint64_t> words = allowed.words();
  const std::size_t n_words = std::min(words.size(), (logits.size() + 63) / 64);
  for (std::size_t i = 0; i < n_words; ++i) {
    std::uint64_t forbidden = ~words[i];
    if (forbidden == 0) continue;
    const std::span<float> part = logits.subspan(64 * i, std::min<std::size_t>(64, logits.size() - 64 * i));
    if (words[i] == 0) {
      std::fill(part.begin(), part.end(), kForbidden);
      continue;
    }
    for (float& logit : part) {
      if ((forbidden & 1) != 0) logit = kForbidden;
      forbidden >>= 1;
    }
  }
  if (64 * n_words < logits.size()) {
    std::fill(logits.begin() + static_cast<std::ptrdiff_t>(64 * n_words), logits.end(), kForbidden);
  }
}

}  // namespace

std::shared_ptr<const Constraint> compile(ConstraintKind kind, std::string_view source,
                                          std::shared_ptr<const TokenTable> table) {
  // Errors with a path in a schema begin with the name already.
  const auto at = [kind](const Error& error) {
    const std::string_view what = error.what();
    return what.starts_with(name_of(kind)) ? std::string(what) : core::message(name_of(kind), ": ", what);
  };
  try {
    return std::make_shared<const Constraint>(compile_source(kind, source), std::move(table));
  } catch (const FormatError& error) {
    throw FormatError(at(error));
  } catch (const UnsupportedError& error) {
    throw UnsupportedError(at(error));
  }
}

Matcher::Matcher(std::shared_ptr<const Constraint> constraint, std::vector<TokenId> eos_ids)
    : constraint_(std::move(constraint)),
      masks_(constraint_->masks()),
      eos_ids_(std::move(eos_ids)),
      state_(masks_->start()) {}

bool Matcher::is_eos(TokenId id) const {
  return std::find(eos_ids_.begin(), eos_ids_.end(), id) != eos_ids_.end();
}

bool Matcher::mask(std::span<float> logits) {
  masks_->allow(state_, allowed_);
  const std::size_t n_tokens = std::min(masks_->table().size(), logits.size());
  bool any_eos = false;
  for (const TokenId id : eos_ids_) {
    if (id < 0 || static_cast<std::size_t>(id) >= n_tokens) continue;
    allowed_.remove(id);
    if (!can_end()) continue;
    allowed_.add(id);
    any_eos = true;
  }
  const bool any = any_eos || !allowed_.empty();
  if (!any && !can_end()) {
    throw UnsupportedError(
        "the constraint cannot be met: no token of the vocabulary can continue the text, which is not "
        "complete");
  }
  forbid_all_but(allowed_, logits);
  return any;
}

bool Matcher::accept(TokenId id) {
  if (is_eos(id)) {
    if (!can_end()) return false;
    state_.configurations.clear();  // nothing follows
    return true;
  }
  const std::string_view bytes = masks_->table().bytes(id);
  return !bytes.empty() && masks_->read(bytes, state_);
}

}  // namespace transom::generation
