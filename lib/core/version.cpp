// SPDX-License-Identifier: Apache-2.0
#include "transom/version.h"

namespace transom {

#define TRANSOM_TEXT_OF(x) #x
#define TRANSOM_TEXT(x) TRANSOM_TEXT_OF(x)

std::string_view version() noexcept {
  return TRANSOM_TEXT(TRANSOM_VERSION_MAJOR) "." TRANSOM_TEXT(TRANSOM_VERSION_MINOR) "." TRANSOM_TEXT(
      TRANSOM_VERSION_PATCH);
}

}  // namespace transom
