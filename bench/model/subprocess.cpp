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

namespace {

struct Probe {
  std::string command;
  std::unique_ptr<FILE, int (*)(FILE*)> output;
};

/// Starts this program, or that of GPUs, with a flag that prints bare numbers.
Probe start_probe(const std::string& device, std::size_t threads, const char* flag) {
  char path[PATH_MAX + 1] = {};
  if (::readlink("/proc/self/exe", path, PATH_MAX) <= 0)
    throw DeviceError("cannot find this program's own file");
  const std::string command = device.starts_with("cuda")
                                  ? core::message("'", path, "-cuda' ", flag, " --device ", device)
                                  : core::message("'", path, "' ", flag, " --threads ", threads);
  return {command, {::popen(command.c_str(), "r"), ::pclose}};
}

[[noreturn]] void refuse(const Probe& probe) {
  throw DeviceError(core::message("measuring the ceilings failed: ", probe.command));
}

}  // namespace

Roofline measure_roofline_apart(const std::string& device, std::size_t threads) {
  const Probe probe = start_probe(device, threads, "--roofline-raw");
  Roofline roofline;
  if (probe.output == nullptr ||
      std::fscanf(probe.output.get(), "%zu %lg %lg %lg %lg %lg %lg", &roofline.threads,
                  &roofline.read_bytes_per_s, &roofline.f32_flop_per_s, &roofline.bf16_flop_per_s,
                  &roofline.int8_op_per_s, &roofline.tile_bf16_flop_per_s,
                  &roofline.tile_int8_op_per_s) != 7) {
    refuse(probe);
  }
  return roofline;
}

double measure_bandwidth_apart(const std::string& device, std::size_t threads) {
  const Probe probe = start_probe(device, threads, "--bandwidth-raw");
  double bandwidth = 0;
  if (probe.output == nullptr || std::fscanf(probe.output.get(), "%lg", &bandwidth) != 1) refuse(probe);
  return bandwidth;
}

}  // namespace transom::bench
