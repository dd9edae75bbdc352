// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weights.h"

namespace transom::model {

DType kv_dtype(const ModelSpec& spec, const ModelWeights& weights) {
  switch (spec.kv_dtype) {
    case KvDType::f32:
      return DType::f32;
    case KvDType::bf16:
      return DType::bf16;
    case KvDType::int8:
      return DType::i8;
    case KvDType::fp8:
      return DType::f8_e4m3;
    case KvDType::automatic:
      break;
  }
  return weights.sixteen_bit && spec.dtype != WeightDType::f32 ? DType::bf16 : DType::f32;
}

}  // namespace transom::model
