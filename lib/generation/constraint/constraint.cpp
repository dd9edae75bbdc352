// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/constraint.h"

#include <algorithm>
#include <array>
#include <bit>
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

/// For each byte of a bit set, which of eight logits stay: all ones or all zeros.
using Keep = std::array<std::uint32_t, 8>;
constexpr std::array<Keep, 256> kKeep = [] {
  std::array<Keep, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned i = 0; i < 8; ++i) table[byte][i] = (byte >> i & 1) != 0 ? UINT32_MAX : 0;
  }
  return table;
}();

/// Eight at once: a branch for each logit took eight times as long (152k tokens, 0.4 ms).
void keep_allowed(std::uint64_t word, std::span<float, 64> logits) {
  constexpr auto kForbiddenBits = std::bit_cast<std::uint32_t>(kForbidden);
  for (std::size_t i = 0; i < 64; i += 8) {
    const Keep& keep = kKeep[word >> i & 255];
    for (std::size_t j = 0; j < 8; ++j) {
      const auto bits = std::bit_cast<std::uint32_t>(logits[i + j]);
      logits[i + j] = std::bit_cast<float>((bits & keep[j]) | (kForbiddenBits & ~keep[j]));
    }
  }
}

/// @return Whether any token is left.
bool forbid_all_but(const TokenBits& allowed, std::span<float> logits) {
  const std::span<const std::uint64_t> words = allowed.words();
  bool any = false;
  for (std::size_t at = 0; at < logits.size(); at += 64) {
    const std::uint64_t word = at / 64 < words.size() ? words[at / 64] : 0;
    const std::span<float> part = logits.subspan(at, std::min<std::size_t>(64, logits.size() - at));
    any = any || word << (64 - part.size()) != 0;  // ids beyond the logits do not count
    if (word == 0) {
      std::fill(part.begin(), part.end(), kForbidden);
    } else if (part.size() == 64) {
      if (word != UINT64_MAX) keep_allowed(word, part.first<64>());
    } else {
      for (std::size_t i = 0; i < part.size(); ++i) {
        if ((word >> i & 1) == 0) part[i] = kForbidden;
      }
    }
  }
  return any;
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
    auto constraint = std::make_shared<const Constraint>(compile_source(kind, source), std::move(table));
    constraint->masks()->start();  // one that is too ambiguous to begin with is refused here
    return constraint;
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
  for (const TokenId id : eos_ids_) {
    if (id < 0 || static_cast<std::size_t>(id) >= n_tokens) continue;
    allowed_.remove(id);
    if (can_end()) allowed_.add(id);
  }
  const bool any = forbid_all_but(allowed_, logits);
  if (!any && !can_end()) {
    throw UnsupportedError(
        "the constraint cannot be met: no token of the vocabulary can continue the text, which is not "
        "complete");
  }
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
