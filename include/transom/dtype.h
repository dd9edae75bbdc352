// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "transom/export.h"

namespace transom {

/// Element types of stored tensors. f8_e4m3 is the finite variant (largest value 448, no infinity).
enum class DType : std::uint8_t { f32, f16, bf16, f64, i8, i16, i32, i64, u8, boolean, f8_e4m3, f8_e5m2 };

/// @return Bytes of one element.
TRANSOM_API std::size_t dtype_size(DType dtype) noexcept;
/// @return The name as safetensors spells it: "F32", "BF16", "F8_E4M3".
TRANSOM_API std::string_view dtype_name(DType dtype) noexcept;

}  // namespace transom
