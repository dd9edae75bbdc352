// SPDX-License-Identifier: Apache-2.0
#include "bench/model/subprocess.h"

#include <unistd.h>

#include <climits>
#include <cstdio>
#include <memory>
#include <string>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::bench {

void print_raw(const Roofline& roofline) {
  std::printf("%zu %.6g %.6g %.6g %.6g %.6g %.6g\n", roofline.threads, roofline.read_bytes_per_s,
              roofline.f32_flop_per_s, roofline.bf16_flop_per_s, roofline.int8_op_per_s,
              roofline.tile_bf16_flop_per_s, roofline.tile_int8_op_per_s);
}

Roofline measure_roofline_apart(const std::string& device, std::size_t threads) {
  char path[PATH_MAX + 1] = {};
  if (::readlink("/proc/self/exe", path, PATH_MAX) <= 0)
    throw DeviceError("cannot find this program's own file");
  const std::string command = device.starts_with("cuda")
                                  ? core::message("'", path, "-cuda' --roofline-raw --device ", device)
                                  : core::message("'", path, "' --roofline-raw --threads ", threads);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  Roofline roofline;
  if (pipe == nullptr ||
      std::fscanf(pipe.get(), "%zu %lg %lg %lg %lg %lg %lg", &roofline.threads, &roofline.read_bytes_per_s,
                  &roofline.f32_flop_per_s, &roofline.bf16_flop_per_s, &roofline.int8_op_per_s,
                  &roofline.tile_bf16_flop_per_s, &roofline.tile_int8_op_per_s) != 7) {
    throw DeviceError(core::message("measuring the ceilings failed: ", command));
  }
  return roofline;
}

}  // namespace transom::bench
