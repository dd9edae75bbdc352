// SPDX-License-Identifier: Apache-2.0
// The kernels of the CUDA backend, and the ceilings that they are held against. (Whole models: transom-bench
// --device cuda.)
#include <cuda_runtime.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "backend/cuda/cuda_check.h"
#include "bench/cuda/ceilings.h"
#include "bench/cuda/kernel_cases.h"

int main(int argc, char** argv) {
  using namespace transom;
  CLI::App app("Kernels on a GPU, as shares of its copy bandwidth and of cuBLASLt's products",
               "transom-bench-cuda");
  std::string device = "cuda";
  bool roofline_only = false, raw = false, bandwidth_raw = false;
  app.add_option("--device", device, "cuda or cuda:1");
  app.add_flag("--roofline", roofline_only, "Only measure the ceilings");
  app.add_flag("--roofline-raw", raw, "The same as bare numbers")->group("");
  app.add_flag("--bandwidth-raw", bandwidth_raw, "Only the copy bandwidth, as a bare number")->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    const std::size_t colon = device.find(':');
    backend::check_cuda(cudaSetDevice(colon == std::string::npos ? 0 : std::atoi(device.c_str() + colon + 1)),
                        "cudaSetDevice");
    int current = 0;
    cudaDeviceProp properties = {};
    backend::check_cuda(cudaGetDevice(&current), "cudaGetDevice");
    backend::check_cuda(cudaGetDeviceProperties(&properties, current), "cudaGetDeviceProperties");
    if (bandwidth_raw) {
      std::printf("%.6g\n", bench::measure_gpu_bandwidth());
      return 0;
    }
    const bench::Roofline roofline = bench::measure_gpu_roofline();
    if (raw) {
      std::printf("0 %.6g %.6g %.6g %.6g 0 0\n", roofline.read_bytes_per_s, roofline.f32_flop_per_s,
                  roofline.bf16_flop_per_s, roofline.int8_op_per_s);
      return 0;
    }
    std::printf(
        "%s, sm_%d%d: copies %.0f GB/s (read and written), cuBLASLt %.0f TFLOP/s in bf16, %.0f TOP/s in "
        "int8\n",
        properties.name, properties.major, properties.minor, roofline.read_bytes_per_s * 1e-9,
        roofline.bf16_flop_per_s * 1e-12, roofline.int8_op_per_s * 1e-12);
    if (!roofline_only)
      bench::print_gpu_kernels(roofline, static_cast<unsigned>(properties.multiProcessorCount));
  } catch (const Error& error) {
    std::fprintf(stderr, "transom-bench-cuda: %s\n", error.what());
    return 1;
  }
}
