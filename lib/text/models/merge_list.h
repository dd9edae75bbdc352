// SPDX-License-Identifier: Apache-2.0
/// Collects the merges of a BPE model in the order of their ranks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/json_path.h"
#include "text/models/pair_table.h"
#include "text/models/vocabulary.h"

namespace transom::text {

class MergeList {
 public:
  /// @param prefix continuing_subword_prefix of the model.
  /// @param n_merges At most so many come.
  /// @param path Of the list, for messages. The references must outlive the list.
  MergeList(const Vocabulary& vocabulary, std::string_view prefix, std::size_t n_merges, const JsonPath& path)
      : vocabulary_(vocabulary), prefix_(prefix), path_(path), merges_(n_merges) {}

  /// @param index The place of the merge in the file.
  /// @throws FormatError when a part or what they join to is no token.
  void add(std::string_view left, std::string_view right, std::size_t index);
  /// The same for "left right".
  void add_line(std::string_view line, std::size_t index);

  PairTable take() { return std::move(merges_); }

 private:
  TokenId id_of(std::string_view token, std::size_t index) const;

  const Vocabulary& vocabulary_;
  std::string_view prefix_;
  const JsonPath& path_;
  PairTable merges_;
  std::uint32_t rank_ = 0;
  std::string joined_;
};

}  // namespace transom::text
