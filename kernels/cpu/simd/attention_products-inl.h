// SPDX-License-Identifier: Apache-2.0
// How register tiles of attention multiply, see attention_gemm-inl.h. Textual; needs a vec header.

struct FloatProducts {
  static constexpr size_t kInputs = 1;
  static FloatVec accumulate(FloatVec sum, WordVec left, WordVec right) {
    return multiply_add(as_f32(left), as_f32(right), sum);
  }
};
