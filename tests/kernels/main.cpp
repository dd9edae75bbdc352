// SPDX-License-Identifier: Apache-2.0
/// Entry point of the room's tests for Catch2 v2; v3 brings its own.
#if !__has_include(<catch2/catch_test_macros.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "tests/support/catch.h"
