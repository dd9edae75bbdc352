// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/model/measure.h"

namespace transom::bench {

struct Report {
  std::string command;
  Options options;
  Roofline roofline;
  std::vector<Measurement> lines;
  std::vector<std::string> kernels;
  std::string isa;
  int threads = 0;
  double load_s = 0;
  double weight_bytes = 0, kv_bytes = 0, peak_bytes = 0;
};

void print_roofline(const Roofline& roofline);
void print_table(const Report& report);
std::string to_json(const Report& report);
/// @throws DeviceError where it can not be written.
void write_file(const std::string& path, const std::string& text);

}  // namespace transom::bench
