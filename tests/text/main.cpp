// SPDX-License-Identifier: Apache-2.0
/// Catch2 v2 compiles its main function here; v3 brings one in a library.
#if !__has_include(<catch2/catch_test_macros.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "support/catch.h"
