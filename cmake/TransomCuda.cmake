# SPDX-License-Identifier: Apache-2.0
# Whether, and for which processors, the CUDA kernels are compiled. libtransom itself needs no CUDA.
# Machine code of sm_80 runs on 8.x, and its PTX is there for what is newer than Hopper.
set(TRANSOM_CUDA_ARCHITECTURES "80;90a-real" CACHE STRING
  "Processors to compile CUDA kernels for, as CMAKE_CUDA_ARCHITECTURES has them: any of 80, 86, 87, 89, 90a, 100, 120")

# Looked for once, and not for a host project, which would have to say what it wants of CUDA; sanitizers see the kernels on the
# host (tests/cuda_on_host) and not here.
if(NOT DEFINED TRANSOM_CUDA)
  set(found OFF)
  if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    include(CheckLanguage)
    set(CMAKE_CUDA_ARCHITECTURES "${TRANSOM_CUDA_ARCHITECTURES}")
    check_language(CUDA)
    if(CMAKE_CUDA_COMPILER)
      find_package(CUDAToolkit 12.4 QUIET)
      set(found "${CUDAToolkit_FOUND}")
    endif()
    if(NOT found)
      message(NOTICE "CUDA toolkit >= 12.4 not found (nvcc: ${CMAKE_CUDA_COMPILER}): building without CUDA kernels")
    endif()
  endif()
  option(TRANSOM_CUDA "Compile the CUDA kernels" ${found})
endif()

if(TRANSOM_CUDA)
  set(CMAKE_CUDA_ARCHITECTURES "${TRANSOM_CUDA_ARCHITECTURES}")
  enable_language(CUDA)
  find_package(CUDAToolkit 12.4 REQUIRED)
endif()

# Compile settings of a target with CUDA sources. What ptxas says of registers and spills is kept beside each object, for the
# target cuda_resources.
function(transom_cuda_settings target)
  set(launcher sh "${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_report.sh")
  if(CMAKE_CUDA_COMPILER_LAUNCHER)
    list(APPEND launcher ${CMAKE_CUDA_COMPILER_LAUNCHER})
  else()
    list(APPEND launcher ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
  set_target_properties(${target} PROPERTIES
    CUDA_ARCHITECTURES "${TRANSOM_CUDA_ARCHITECTURES}"
    CUDA_COMPILER_LAUNCHER "${launcher}"
    POSITION_INDEPENDENT_CODE ON
    CUDA_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    CXX_STANDARD 20)
  # CMake 3.25 does not know that nvcc has C++20. constexpr functions of kernels/common are called on the device too.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:
    -std=c++20 --expt-relaxed-constexpr -Xptxas=-v -Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion
    $<$<BOOL:${TRANSOM_DEV}>:-Werror=all-warnings> $<$<BOOL:${TRANSOM_DEV}>:-Xcompiler=-Werror>>)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
endfunction()
