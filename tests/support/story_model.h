// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/paths.h"
#include "transom/auto_model.h"
#include "transom/model.h"

namespace transom::testing {

/// The bundled model, loaded once for all tests of a program.
inline const Model& story_model() {
  static const Model model =
      AutoModel::from_pretrained(tinystories().string(), {.threads = 2, .pin_threads = false});
  return model;
}

}  // namespace transom::testing
