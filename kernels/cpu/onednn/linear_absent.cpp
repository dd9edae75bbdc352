// SPDX-License-Identifier: Apache-2.0
/// Stands in for linear.cpp in a build without oneDNN: every kernel refuses and says why.
#include "kernels/cpu/onednn/linear.h"

namespace transom::kernels::onednn {
namespace {

const char* refuse(const PackedWeight&, size_t, void**) { return "built without oneDNN"; }

constexpr LinearKernel refusing(const char* name, WeightType type) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = type;
  kernel.create = refuse;
  return kernel;
}

}  // namespace

bool available() { return false; }

constexpr LinearKernel kLinearF32 = refusing("oneDNN f32", WeightType::f32);
constexpr LinearKernel kLinearBf16 = refusing("oneDNN bf16", WeightType::bf16);
constexpr LinearKernel kLinearI8 = refusing("oneDNN i8", WeightType::i8);

}  // namespace transom::kernels::onednn
