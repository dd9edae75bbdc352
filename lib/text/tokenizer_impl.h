// SPDX-License-Identifier: Apache-2.0
/// The body of transom::Tokenizer: the steps of tokenizer.json in a row.
///
///   text -> added tokens cut out -> normalizer -> added tokens of the normalised text cut out
///        -> pre-tokenizer -> model -> ids of the special frame around
///
/// "truncation" and "padding" of tokenizer.json are ignored: they are the file maker's training settings, and
/// a prompt is encoded as it is.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"
#include "text/added_tokens.h"
#include "text/chat_template.h"
#include "text/decoders/decoder.h"
#include "text/models/model.h"
#include "text/normalizers/normalizer.h"
#include "text/patterns/literal_set.h"
#include "text/post_processor.h"
#include "text/pre_tokenizers/pre_tokenizer.h"
#include "text/token_bytes.h"
#include "transom/tokenizer.h"

namespace transom::text {

/// Texts longer than this are refused: positions within a piece have 32 bits.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

/// Immutable; safe from any thread. There is no cache to lock.
class TokenizerImpl {
 public:
  /// What a tokenizer is made of. Null steps do nothing.
  struct Parts {
    AddedTokens added;
    std::unique_ptr<Normalizer> normalizer;
    std::unique_ptr<PreTokenizer> pre_tokenizer;
    std::unique_ptr<Model> model;
    SpecialFrame frame;
    std::vector<DecodeStageFactory> decoder;
    TokenSpeller speller;
    std::optional<TokenId> bos_id;
    std::vector<TokenId> eos_ids;
    ChatTemplates chat_templates;
  };
  explicit TokenizerImpl(Parts parts);

  /// @throws InvalidArgument when the text is longer than kMaxTextBytes; UnsupportedError when a regular
  /// expression of the file takes too long on it.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const;
  std::string decode(std::span<const TokenId> ids, const DecodeOptions& options) const;

  std::optional<TokenId> token_to_id(std::string_view token) const;
  /// @return The spelling of a token, or nothing when there is no such id.
  std::optional<std::string_view> spelling(TokenId id) const;
  /// One more than the largest id.
  std::size_t vocab_size() const { return vocab_size_; }

  /// Whether decoding with skip_special_tokens leaves the token out.
  bool is_special(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < special_.size() &&
           special_[static_cast<std::size_t>(id)];
  }
  /// In ascending order.
  std::vector<TokenId> special_ids() const;
  const AddedTokens& added_tokens() const { return parts_.added; }
  /// What add_special_tokens puts around a text.
  const SpecialFrame& frame() const { return parts_.frame; }

  std::optional<TokenId> bos_id() const { return parts_.bos_id; }
  const std::vector<TokenId>& eos_ids() const { return parts_.eos_ids; }

  const ChatTemplates& chat_templates() const { return parts_.chat_templates; }

  const std::vector<DecodeStageFactory>& decoder() const { return parts_.decoder; }
  /// What one token adds to a text, see token_bytes.h; may be null.
  const TokenSpeller& speller() const { return parts_.speller; }

 private:
  void encode_segment(std::string_view text, bool at_start, bool all_added, std::vector<TokenId>& out) const;
  void encode_normalized(std::string text, bool at_start, bool all_added, std::vector<TokenId>& out) const;
  void encode_plainly(std::string_view piece, std::vector<TokenId>& out) const;

  Parts parts_;
  std::size_t vocab_size_;
  std::vector<bool> special_;  // of each id
  std::vector<bool> control_;  // of each id: a token that text of unknown origin must not become
  LiteralSet controls_;        // their spellings, as far as the model could find them
};

}  // namespace transom::text
