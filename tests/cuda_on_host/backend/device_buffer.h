// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "tests/cuda_on_host/backend/both_devices.h"

namespace transom::testing {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

inline core::Buffer allocate(Backend& device, std::size_t bytes) {
  return device.allocate(bytes, "a test", core::Buffer::Pages::lazy);
}

/// As numbers in a row.
inline TensorView view_of(core::Buffer& buffer) {
  return TensorView::dense(buffer.data(), DType::f32,
                           {static_cast<std::int64_t>(buffer.size() / sizeof(float))});
}

inline void fill(Backend& device, core::Buffer& buffer, float value) {
  const std::vector<float> values(buffer.size() / sizeof(float), value);
  device.upload(view_of(buffer), std::as_bytes(std::span(values)));
}

inline std::vector<float> read(Backend& device, core::Buffer& buffer) {
  std::vector<float> values(buffer.size() / sizeof(float));
  device.execute([&] { device.download(values, view_of(buffer)); });
  return values;
}

inline bool holds(Backend& device, core::Buffer& buffer, float value) {
  return std::ranges::all_of(read(device, buffer), [&](float found) { return found == value; });
}

}  // namespace transom::testing
