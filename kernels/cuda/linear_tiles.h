// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/convert_activations.h"

namespace transom::kernels::cuda {

/// Into how many parts the inputs are cut, each for blocks of its own: more than one when the outputs of all
/// rows make too few blocks.
unsigned linear_tiles_splits(const TiledLinearArgs& args, ActivationType type, unsigned multiprocessors);

/// Floats of SplitScratch::sums.
size_t linear_tiles_sums(const TiledLinearArgs& args, ActivationType type, unsigned multiprocessors);

/// Contract in tiled_linear_args.h, for integer weights and any number of rows: bound by tensor cores from
/// some 200 rows on. src is not looked at: `activations` are what launch_convert_activations made of it, with
/// the same args. With int8 activations dst = sum_g (sum_{i in g} (q - zero) * a) * (activation scale[g] *
/// scale[g]) + bias, exact in a group's parts of 64 inputs, as LinearArgs has it. multiprocessors: of the
/// device.
cudaError_t launch_linear_tiles(const TiledLinearArgs& args, const Activations& activations,
                                const SplitScratch& scratch, unsigned multiprocessors, cudaStream_t stream);

}  // namespace transom::kernels::cuda
