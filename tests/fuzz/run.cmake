# SPDX-License-Identifier: Apache-2.0
#
# Builds the fuzz targets with clang and libFuzzer and runs each for a minute; says that it skips where there is no such clang.
#
#   cmake -DSOURCE=<project> -DWORK=<build folder> [-DLAUNCHER=..] -P tests/fuzz/run.cmake
cmake_minimum_required(VERSION 3.22)

find_program(CLANG clang++)
if(NOT CLANG)
  message("fuzz: skipped, no clang++ (Debian: clang libclang-rt-14-dev)")
  return()
endif()
file(WRITE "${WORK}/probe.cpp"
  "#include <stddef.h>\n#include <stdint.h>\nextern \"C\" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) { return 0; }\n")
execute_process(COMMAND "${CLANG}" -fsanitize=fuzzer,address,undefined "${WORK}/probe.cpp" -o "${WORK}/probe"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("fuzz: skipped, ${CLANG} can not link libFuzzer (Debian: libclang-rt-14-dev):\n${output}")
  return()
endif()

function(step what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "fuzz: cannot ${what}")
  endif()
endfunction()

step("configure" "${CMAKE_COMMAND}" --preset fuzz -B "${WORK}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
  -DTRANSOM_EXAMPLES=OFF -DTRANSOM_INSTALL=OFF -DTRANSOM_ONEDNN=OFF)
step("build" "${CMAKE_COMMAND}" --build "${WORK}" --parallel 2 --target transom_fuzz)
step("run every target without a finding" "${CMAKE_CTEST_COMMAND}" --test-dir "${WORK}" --output-on-failure
  --no-tests=error --parallel 2 --tests-regex "^fuzz\\.")
