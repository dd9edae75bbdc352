// SPDX-License-Identifier: Apache-2.0
#include "bench/model/report.h"

#include <cstdio>
#include <fstream>

#include "core/checks.h"
#include "io/json_write.h"
#include "transom/error.h"

namespace transom::bench {

void print_roofline(const Roofline& roofline) {
  std::printf("%zu threads: read %.1f GB/s, f32 %.0f GFLOP/s, bf16 ", roofline.threads,
              roofline.read_bytes_per_s / 1e9, roofline.f32_flop_per_s / 1e9);
  roofline.bf16_flop_per_s > 0 ? std::printf("%.0f GFLOP/s", roofline.bf16_flop_per_s / 1e9)
                               : std::printf("(no instruction; held against f32)");
  std::printf(", int8 ");
  roofline.int8_op_per_s > 0 ? std::printf("%.0f GOP/s", roofline.int8_op_per_s / 1e9)
                             : std::printf("(no instruction; held against f32)");
  if (roofline.tile_int8_op_per_s > 0) {
    std::printf("; in tiles bf16 %.0f GFLOP/s, int8 %.0f GOP/s", roofline.tile_bf16_flop_per_s / 1e9,
                roofline.tile_int8_op_per_s / 1e9);
  }
  std::printf("\n");
}

void print_table(const Report& report) {
  std::printf("%s, weights %s%s, isa %s\n",
              (report.options.synthetic.empty() ? report.options.model : report.options.synthetic).c_str(),
              report.options.dtype.c_str(),
              (report.options.quantization == "none" ? "" : " as " + report.options.quantization).c_str(),
              report.isa.c_str());
  print_roofline(report.roofline);
  std::printf("%-8s %7s %10s %10s %10s %12s %10s\n", "phase", "tokens", "tokens/s", "GB/token", "read GB/s",
              "% bandwidth", "% peak");
  for (const Measurement& line : report.lines) {
    const bool prefill = line.phase == "prefill";
    std::printf("%-8s %7lld %10.2f ", line.phase == "decode" ? "decode@" : line.phase.c_str(),
                static_cast<long long>(line.tokens), line.tokens_per_s);
    !prefill ? std::printf("%10.3f %10.1f %12.1f", line.bytes_per_token / 1e9, line.read_bytes_per_s / 1e9,
                           100 * line.bandwidth_share)
             : std::printf("%10s %10s %12s", "-", "-", "-");
    std::printf(" %10.1f\n", 100 * line.arithmetic_share);
  }
  std::printf(
      "load %.1f s, weights %.0f MB, KV caches %.0f MB, peak resident %.0f MB (weights + KV + %.0f "
      "MB)\n",
      report.load_s, report.weight_bytes / 1e6, report.kv_bytes / 1e6, report.peak_bytes / 1e6,
      (report.peak_bytes - report.weight_bytes - report.kv_bytes) / 1e6);
  for (const std::string& kernel : report.kernels) std::printf("  %s\n", kernel.c_str());
}

std::string to_json(const Report& report) {
  using core::message;
  using io::json_number;
  using io::json_string;
  std::string lines;
  for (const Measurement& line : report.lines) {
    lines += message(lines.empty() ? "" : ",", "\n    {\"phase\": ", json_string(line.phase),
                     ", \"tokens\": ", line.tokens, ", \"tokens_per_s\": ", json_number(line.tokens_per_s),
                     ", \"bytes_per_token\": ", json_number(line.bytes_per_token),
                     ", \"ops_per_token\": ", json_number(line.ops_per_token),
                     ", \"bandwidth_share\": ", json_number(line.bandwidth_share),
                     ", \"arithmetic_share\": ", json_number(line.arithmetic_share),
                     ", \"read_bytes_per_s\": ", json_number(line.read_bytes_per_s), "}");
  }
  std::string kernels;
  for (const std::string& kernel : report.kernels)
    kernels += (kernels.empty() ? "" : ", ") + json_string(kernel);
  const Roofline& roofline = report.roofline;
  return message("{\n  \"command\": ", json_string(report.command),
                 ",\n  \"model\": ", json_string(report.options.model),
                 ",\n  \"synthetic\": ", json_string(report.options.synthetic),
                 ",\n  \"dtype\": ", json_string(report.options.dtype),
                 ",\n  \"quantization\": ", json_string(report.options.quantization),
                 ",\n  \"quantization_group_size\": ", report.options.group_size,
                 ",\n  \"isa\": ", json_string(report.isa), ",\n  \"threads\": ", report.threads,
                 ",\n  \"roofline\": {\"read_bytes_per_s\": ", json_number(roofline.read_bytes_per_s),
                 ", \"f32_flop_per_s\": ", json_number(roofline.f32_flop_per_s),
                 ", \"bf16_flop_per_s\": ", json_number(roofline.bf16_flop_per_s),
                 ", \"int8_op_per_s\": ", json_number(roofline.int8_op_per_s),
                 ", \"tile_bf16_flop_per_s\": ", json_number(roofline.tile_bf16_flop_per_s),
                 ", \"tile_int8_op_per_s\": ", json_number(roofline.tile_int8_op_per_s),
                 "},\n  \"load_s\": ", json_number(report.load_s),
                 ",\n  \"weight_bytes\": ", json_number(report.weight_bytes),
                 ",\n  \"kv_bytes\": ", json_number(report.kv_bytes),
                 ",\n  \"peak_resident_bytes\": ", json_number(report.peak_bytes), ",\n  \"kernels\": [",
                 kernels, "],\n  \"lines\": [", lines, "\n  ]\n}\n");
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw DeviceError("cannot write " + path);
}

}  // namespace transom::bench
