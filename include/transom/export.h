// SPDX-License-Identifier: Apache-2.0
/// @file
/// Symbol visibility. Everything that is not marked TRANSOM_API stays inside the library.
#pragma once

#if defined(TRANSOM_STATIC)
#define TRANSOM_API
#else
#define TRANSOM_API __attribute__((visibility("default")))
#endif
