# SPDX-License-Identifier: Apache-2.0
#
# Fails when an op has a reference kernel but no test or no benchmark of its own, and when a CUDA kernel has no test on the host,
# or is not compiled both by nvcc and for the host.
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

# The words of a CMakeLists.txt.
function(words_of path out)
  set(text "")
  if(EXISTS "${ROOT}/${path}")
    file(READ "${ROOT}/${path}" text)
  endif()
  string(REGEX REPLACE "[ \n()]+" ";" words "${text}")
  set(${out} "${words}" PARENT_SCOPE)
endfunction()

file(GLOB cuda_kernels RELATIVE "${ROOT}" "${ROOT}/kernels/cuda/*.cu")
words_of(kernels/cuda/CMakeLists.txt compiled)
words_of(tests/cuda_on_host/CMakeLists.txt on_host)
set(launched)
foreach(word IN LISTS on_host)
  if(word MATCHES "^ops/.*_test\\.cpp$" AND EXISTS "${ROOT}/tests/cuda_on_host/${word}")
    file(READ "${ROOT}/tests/cuda_on_host/${word}" text)
    string(APPEND launched "${text}")
  endif()
endforeach()
foreach(file IN LISTS cuda_kernels)
  get_filename_component(name "${file}" NAME_WE)
  if(NOT "${name}.cu" IN_LIST compiled)
    hygiene_fail("${file}: is not in kernels/cuda/CMakeLists.txt")
  endif()
  if(NOT name IN_LIST on_host)
    hygiene_fail("${file}: ${name} is not in tests/cuda_on_host/CMakeLists.txt")
  endif()
  # The test of attention_tiles is attention_tiles_test or attention_test.
  set(op "${name}")
  while(op AND NOT "ops/${op}_test.cpp" IN_LIST on_host)
    if(op MATCHES "^(.+)_[^_]+$")
      set(op "${CMAKE_MATCH_1}")
    else()
      set(op "")
    endif()
  endwhile()
  # What prepares operands of other kernels is launched by their tests.
  if(NOT op AND NOT "${launched}" MATCHES "launch_${name}\\(")
    hygiene_fail("${file}: there is no ops/${name}_test.cpp in tests/cuda_on_host/CMakeLists.txt")
  endif()
endforeach()
list(LENGTH cuda_kernels n_cuda)
math(EXPR hygiene_checked "${hygiene_checked} + ${n_cuda}")
hygiene_end()
