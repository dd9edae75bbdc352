// SPDX-License-Identifier: Apache-2.0
#include "text/models/merge_list.h"

namespace transom::text {

void MergeList::add(std::string_view left, std::string_view right, std::size_t index) {
  // The continuing prefix of the right part is left out of the result.
  if (right.size() < prefix_.size()) {
    path_.element(index).fail(
        core::message("token \"", right, "\" is shorter than the prefix \"", prefix_, "\""));
  }
  joined_.assign(left).append(right.substr(prefix_.size()));
  merges_.put(id_of(left, index), id_of(right, index), {rank_, id_of(joined_, index)});
  ++rank_;
}

void MergeList::add_line(std::string_view line, std::size_t index) {
  const std::size_t space = line.find(' ');
  if (space == line.npos || line.find(' ', space + 1) != line.npos) {
    path_.element(index).fail(
        core::message("expected two tokens with one space between them, found \"", line, "\""));
  }
  add(line.substr(0, space), line.substr(space + 1), index);
}

TokenId MergeList::id_of(std::string_view token, std::size_t index) const {
  const std::optional<TokenId> id = vocabulary_.find(token);
  if (!id) path_.element(index).fail(core::message("token \"", token, "\" is not in the vocabulary"));
  return *id;
}

}  // namespace transom::text
