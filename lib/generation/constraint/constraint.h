// SPDX-License-Identifier: Apache-2.0
/// Constrained output: a JSON schema, a regular expression or a grammar, compiled once, then a mask over the
/// vocabulary before each token. What comes out is in the language by construction.
///
///   auto table = std::make_shared<const TokenTable>(tokenizer);             // once per model
///   auto constraint = compile(ConstraintKind::json_schema, schema, table);  // once per source; see
///                                                                           // constraint_cache.h
///   Matcher matcher(constraint, eos_ids);                                   // one per text
///   for (;;) {
///     if (!matcher.mask(logits)) break;  // complete, and nothing may follow
///     const TokenId id = choose(logits);
///     matcher.accept(id);
///   }
///
/// A token that the mask allows can always be followed by more bytes until the text may end: the automaton
/// has no dead ends. Only a vocabulary that lacks a needed byte can block the way, which mask() reports.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "generation/constraint/machine.h"
#include "generation/constraint/token_set.h"
#include "generation/constraint/token_table.h"
#include "transom/tokenizer.h"

namespace transom::generation {

enum class ConstraintKind { json_schema, regex, grammar };

/// A compiled language over one vocabulary. Immutable to its users; safe from any thread: masks that were
/// computed are kept inside, behind a lock.
class Constraint;
class MaskMaker;

/// Compiles a source. See json_schema.h, regex.h and gbnf.h for what each may say.
/// @param table Built once per tokenizer and shared.
/// @throws FormatError when the source is not well-formed or no text could ever match it; UnsupportedError
///   when it asks for something that this version cannot do, or is beyond the limits of limits.h. Messages
///   begin with json_schema, regex or grammar and say where.
std::shared_ptr<const Constraint> compile(ConstraintKind kind, std::string_view source,
                                          std::shared_ptr<const TokenTable> table);

/// Where one text stands in its constraint. A copy is cheap and goes its own way (beams).
/// One thread at a time for each object.
class Matcher {
 public:
  /// @param eos_ids Tokens that end the text. They are never text, whatever bytes they have.
  Matcher(std::shared_ptr<const Constraint> constraint, std::vector<TokenId> eos_ids);

  /// Sets the logits of all tokens that may not come next to -infinity. EOS may come exactly when the text
  /// may end.
  /// @param logits [vocab]; entries beyond the tokens of the table are forbidden.
  /// @return False when nothing is allowed: the text is complete and either nothing may follow or there is no
  ///   EOS to say so.
  /// @throws UnsupportedError when the text may not end and no token of the vocabulary can continue it, or
  ///   when the constraint is too ambiguous here (limits.h).
  bool mask(std::span<float> logits);

  /// Takes the next token. @return False, changing nothing, when it is not allowed here.
  /// @throws UnsupportedError as mask().
  bool accept(TokenId id);

  /// The text so far is complete.
  bool can_end() const { return state_.finished; }
  /// Complete, and nothing may follow.
  bool must_end() const { return state_.finished && state_.configurations.empty(); }

 private:
  bool is_eos(TokenId id) const;

  std::shared_ptr<const Constraint> constraint_;
  std::shared_ptr<MaskMaker> masks_;  // shared by the matchers of a constraint
  std::vector<TokenId> eos_ids_;
  StateSet state_;
  TokenBits allowed_;  // scratch
};

}  // namespace transom::generation
