// SPDX-License-Identifier: Apache-2.0
/// The plainest model: every pre-token is one token.
#pragma once

#include <string>
#include <utility>

#include "text/models/model.h"

namespace transom::text {

class WordLevelModel final : public Model {
 public:
  /// @param unk_token Stands for every word that is not in the vocabulary.
  WordLevelModel(Vocabulary vocabulary, std::string unk_token)
      : vocabulary_(std::move(vocabulary)),
        unk_token_(std::move(unk_token)),
        unk_id_(vocabulary_.find(unk_token_)) {}

  void tokenize(std::string_view piece, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    const std::optional<TokenId> id = vocabulary_.find(piece);
    if (!id && !unk_id_) {
      throw FormatError(core::message("model.unk_token: the text has an unknown word of ", piece.size(),
                                      " bytes, and the token \"", unk_token_,
                                      "\" that should stand for it is not in the vocabulary"));
    }
    out.push_back(id ? *id : *unk_id_);
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
  std::optional<TokenId> unk_id_;
};

}  // namespace transom::text
