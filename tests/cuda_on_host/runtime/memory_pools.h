// SPDX-License-Identifier: Apache-2.0
/// Memory that comes and goes in the order of streams, out of pools. Used under device_lock().
///
/// A pool takes memory of the device in pieces of 2 MB and hands it out in pieces of 512 bytes. Memory that
/// was given back serves the same stream at once, since its later work comes later, and others once the
/// stream has got there. Each buffer has bytes of the heap of its own, so that what was given back is out of
/// bounds, and a new one holds no number, as if of an earlier user; only the sums are those of a pool.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory>

#include "tests/cuda_on_host/runtime/regions.h"

namespace transom::cuda_on_host {

/// What a synchronisation does: pools above their thresholds give back what nobody has.
void shrink_pools();
/// cudaFree of a pool's memory.
cudaError_t free_at_once(const std::shared_ptr<Region>& region);

constexpr std::size_t kPoolPage = std::size_t{2} << 20, kPoolPiece = 512;

}  // namespace transom::cuda_on_host
