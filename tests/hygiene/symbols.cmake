# SPDX-License-Identifier: Apache-2.0
#
# Looks at the symbols of a release build.
#
#   cmake -DNM=<nm> -DSHARED=<libtransom.so> -DARCHIVE=<archive of the same objects> -P tests/hygiene/symbols.cmake
#
# 1. Our objects neither end the process nor write to the standard streams (ARCHITECTURE.md, section 9): no object refers to the
#    functions below. This looks at our own objects, so what libstdc++ or oneDNN do inside themselves does not count.
# 2. The shared library exports names of the public namespace and nothing else, so that it cannot collide with another copy of a
#    third party in the host application.
# A missing file is a failure: it must not pass by looking at nothing.
cmake_minimum_required(VERSION 3.22)

# As nm -C prints them. snprintf is fine: it writes to memory. std::terminate is what the compiler itself calls for a noexcept
# function that throws, and what the destructor of a running std::thread calls.
set(FORBIDDEN
  abort exit _exit _Exit quick_exit at_quick_exit
  __assert_fail __assert_rtn "std::__glibcxx_assert_fail.*"
  puts putchar "_?putc" fputs fputc fwrite printf vprintf fprintf vfprintf __printf_chk __fprintf_chk __vprintf_chk __vfprintf_chk
  perror stdin stdout stderr
  std::cout std::cerr std::clog std::cin std::wcout std::wcerr "std::ios_base::Init::Init\\(\\)")

# Inner namespaces that must stay inside.
set(INNER api backend compress core generation io jinja kernels model text)

function(run_nm out file)
  if(NOT EXISTS "${file}")
    message(FATAL_ERROR "symbols: '${file}' does not exist; build it first")
  endif()
  execute_process(COMMAND "${NM}" ${ARGN} "${file}" OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "symbols: nm failed on ${file}: ${error}")
  endif()
  # Demangled names hold brackets and semicolons, which CMake's lists do not survive.
  string(REGEX REPLACE "[][;]" "_" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  list(REMOVE_ITEM lines "")
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()

set(complaints 0)

run_nm(undefined "${ARCHIVE}" -C -A -u)
list(LENGTH undefined n_undefined)
if(n_undefined LESS 100)
  message(FATAL_ERROR "symbols: only ${n_undefined} references in ${ARCHIVE}: that is not the library")
endif()
list(JOIN FORBIDDEN "|" pattern)
foreach(line IN LISTS undefined)
  # "libx.a:file.cpp.o:                 U name@VERSION"
  if(line MATCHES ":([^:]+):[ ]+[UwWvV] (${pattern})(@.*)?$")
    message("${CMAKE_MATCH_1} refers to ${CMAKE_MATCH_2}")
    math(EXPR complaints "${complaints} + 1")
  endif()
endforeach()

set(n_exported "no")
if(SHARED)
  run_nm(exported "${SHARED}" -C -D --defined-only)
  list(LENGTH exported n_exported)
  if(n_exported LESS 20)
    message(FATAL_ERROR "symbols: ${SHARED} exports only ${n_exported} names: the interface is missing")
  endif()
  list(JOIN INNER "|" inner)
  foreach(line IN LISTS exported)
    string(REGEX REPLACE "^[0-9a-f]+ [A-Za-z] " "" name "${line}")
    # A specialisation of a member template begins with its return type.
    string(REGEX REPLACE "^.* (transom::Value::as<)" "\\1" name "${name}")
    if(NOT name MATCHES "^((vtable|typeinfo|typeinfo name|VTT|guard variable) for )?transom::")
      message("exported, but not of our namespace: ${name}")
      math(EXPR complaints "${complaints} + 1")
    elseif(name MATCHES "^[^(]*transom::(${inner})::")
      message("exported, but an inner name: ${name}")
      math(EXPR complaints "${complaints} + 1")
    endif()
  endforeach()
endif()

if(complaints GREATER 0)
  message(FATAL_ERROR "symbols: ${complaints} complaint(s)")
endif()
message("symbols: ${n_undefined} references and ${n_exported} exported names checked, all well")
