// SPDX-License-Identifier: Apache-2.0
/// One way to compute `linear`, and how its caller drives it.
#pragma once

#include <stddef.h>

#include "kernels/common/linear_args.h"

namespace transom::kernels {

/// Use, with the panels of a weight split over threads:
///
///   once per weight   create, if not null (a message: the kernel refuses)
///   per call          prepare items [0, prepare_items(n_rows)) into args.prepared (shared by all threads,
///                     split over them as you like), wait, then each thread calls run with its own panels
///                     and scratch. With few rows it is cheaper that every thread prepares all items for
///                     itself: no waiting.
///
/// prepared_bytes 0 means that nothing is to be prepared. The sizes look at the type, k and groups of a
/// weight only. n_rows is between 1 and max_rows.
struct LinearKernel {
  const char* name = nullptr;  ///< e.g. "avx512 bf16 decode"
  WeightType type = WeightType::f32;
  size_t max_rows = static_cast<size_t>(-1);
  size_t (*prepared_bytes)(const PackedWeight& weight, size_t n_rows) = nullptr;
  size_t (*prepare_items)(size_t n_rows) = nullptr;
  void (*prepare)(const LinearArgs& args, size_t item_begin, size_t item_end) = nullptr;
  size_t (*scratch_bytes)(const PackedWeight& weight, size_t n_rows) = nullptr;
  void (*run)(const LinearArgs& args) = nullptr;

  /// Builds what run needs beside the weight into *state, for calls of about n_rows rows. Null: nothing to
  /// build. Returns null or why it refuses, in static words. One state serves all threads at the same time.
  const char* (*create)(const PackedWeight& weight, size_t n_rows, void** state) = nullptr;
  void (*destroy)(void* state) = nullptr;
};

enum class LinearUse : unsigned char {
  decode,  ///< 1 to 4 rows: the weight is read once, memory bound
  few,  ///< up to kFewRows rows, as of several texts or of a guess that is checked: the same bits as decode
  prefill,  ///< more rows: compute bound
  exact,    ///< any number of rows, integer weights times f32 activations; slower
};

/// Rows up to which the decode kernel is meant, and those that are multiplied as a single one is.
inline constexpr size_t kDecodeRows = 4, kFewRows = 127;

/// A kernel, or why it is not there.
struct LinearCandidate {
  const LinearKernel* kernel = nullptr;  ///< null: refused
  const char* name = nullptr;
  const char* refusal = nullptr;  ///< e.g. "no avx512_bf16", "built without oneDNN"; null: usable
};

inline constexpr size_t kMaxLinearCandidates = 8;

/// Ordered candidates of one weight type and use: fastest first, reference last, so the first usable one is
/// the choice. A candidate whose create refuses is passed over.
struct LinearCandidates {
  LinearCandidate list[kMaxLinearCandidates];
  size_t count = 0;
};

}  // namespace transom::kernels
