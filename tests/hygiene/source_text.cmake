# SPDX-License-Identifier: Apache-2.0
#
# Fails on a source file with a byte outside ASCII, a tab, or without its licence line; on a header without its guard; and on a
# `using namespace` in a header.
#
#   cmake -DROOT=<project> -P tests/hygiene/source_text.cmake
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/hygiene.cmake")
hygiene_begin("source text")

hygiene_sources(sources "include;lib;kernels;examples;bench;tests;cmake" "h;h.in;cpp;cu;cuh;cmake;txt;py;sh")
foreach(file IN LISTS sources)
  if(file MATCHES "\\.txt$" AND NOT file MATCHES "CMakeLists\\.txt$")
    continue()
  endif()
  # As hexadecimal digits, since CMake's strings and patterns treat bytes above 127 differently on different systems.
  file(READ "${ROOT}/${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\1 " bytes "${bytes}")
  if(bytes MATCHES "[89a-f][0-9a-f] ")
    hygiene_fail("${file}: has a byte outside ASCII (write it as \\u....)")
  endif()
  if(bytes MATCHES "09 ")
    hygiene_fail("${file}: has a tab")
  endif()
  if(bytes MATCHES "0d ")
    hygiene_fail("${file}: has a carriage return")
  endif()
  file(READ "${ROOT}/${file}" head LIMIT 200)
  if(NOT head MATCHES "SPDX-License-Identifier: Apache-2\\.0")
    hygiene_fail("${file}: does not start with its SPDX licence line")
  endif()
  if(file MATCHES "\\.(h|cuh|h\\.in)$")
    file(STRINGS "${ROOT}/${file}" guard REGEX "^#pragma once$")
    if(NOT guard AND NOT file MATCHES "-inl\\.h$")  # a body that is included once for each instruction set
      hygiene_fail("${file}: has no #pragma once")
    endif()
    file(STRINGS "${ROOT}/${file}" using REGEX "^ *using namespace ")
    if(using)
      hygiene_fail("${file}: 'using namespace' in a header")
    endif()
  endif()
endforeach()
hygiene_end()
