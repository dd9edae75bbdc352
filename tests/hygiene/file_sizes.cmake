# SPDX-License-Identifier: Apache-2.0
#
# Fails on a source file that is too long to be about one thing (ARCHITECTURE.md, sections 4 and 14).
#
#   cmake -DROOT=<project> -P tests/hygiene/file_sizes.cmake
set(MOST_LINES 500)
set(MOST_LINES_PUBLIC_HEADER 200)

cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/hygiene.cmake")
hygiene_begin("file sizes")

# The number of newline bytes. (file(STRINGS) would drop empty lines.)
function(count_lines path out)
  file(READ "${path}" text)
  string(LENGTH "${text}" all)
  string(REPLACE "\n" "" text "${text}")
  string(LENGTH "${text}" rest)
  math(EXPR lines "${all} - ${rest}")
  set(${out} ${lines} PARENT_SCOPE)
endfunction()

hygiene_sources(sources "include;lib;kernels;examples;bench;tests;cmake" "h;h.in;cpp;cu;cuh;cmake;txt;py;sh")
foreach(file IN LISTS sources)
  set(most ${MOST_LINES})
  if(file MATCHES "^include/transom/")
    set(most ${MOST_LINES_PUBLIC_HEADER})
  endif()
  count_lines("${ROOT}/${file}" lines)
  if(lines GREATER most)
    hygiene_fail("${file}: ${lines} lines, more than ${most}")
  endif()
endforeach()
hygiene_end()
