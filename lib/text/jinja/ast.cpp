// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/ast.h"

#include <algorithm>

namespace transom::text::jinja {

int height_of(const std::vector<ExpressionPtr>& expressions) {
  int height = 0;
  for (const ExpressionPtr& expression : expressions) height = std::max(height, height_of(expression));
  return height;
}

int height_of(const CallArguments& arguments) {
  int height = std::max(
      {height_of(arguments.positional), height_of(arguments.spread), height_of(arguments.named_spread)});
  for (const auto& [name, value] : arguments.named) height = std::max(height, height_of(value));
  return height;
}

}  // namespace transom::text::jinja
