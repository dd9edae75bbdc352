# SPDX-License-Identifier: Apache-2.0
#
# Fails when an op has a reference kernel but no test or no benchmark of its own.
#
#   cmake -DROOT=<project> -P tests/hygiene/kernels_have_tests.cmake
cmake_minimum_required(VERSION 3.22)

# Ops that still owe them; the model's golden tests run them until then. Nothing may be added here.
set(OWING add embed gated_mul kv_append quantize_rows rms_norm rope)

include("${CMAKE_CURRENT_LIST_DIR}/hygiene.cmake")
hygiene_begin("kernels have tests")

hygiene_sources(kernels "kernels/cpu/reference" "cpp")
foreach(file IN LISTS kernels)
  get_filename_component(op "${file}" NAME_WE)
  set(missing)
  foreach(needed "tests/kernels/${op}_test.cpp" "bench/kernels/${op}_bench.cpp")
    if(NOT EXISTS "${ROOT}/${needed}")
      list(APPEND missing "${needed}")
    endif()
  endforeach()
  if(missing AND NOT op IN_LIST OWING)
    hygiene_fail("${file}: there is no ${missing}")
  elseif(NOT missing AND op IN_LIST OWING)
    message("${op} has its test and benchmark now: take it off the list in ${CMAKE_CURRENT_LIST_FILE}")
  endif()
endforeach()
hygiene_end()
