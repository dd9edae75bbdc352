// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "transom/error.h"

namespace transom::testing {

/// The message of the ErrorType that `action` throws; empty when it throws nothing. Another exception passes
/// through and fails the test.
template <typename ErrorType, typename Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const ErrorType& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace transom::testing
