# SPDX-License-Identifier: Apache-2.0
# Compile settings of our own targets. Nothing is set globally: a host project keeps its flags.

# The warnings that our own code is kept clean of; further ones as arguments.
function(transom_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow ${ARGN} $<$<BOOL:${TRANSOM_DEV}>:-Werror>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105329: "literal" + std::string is reported as an overlapping copy.
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
endfunction()

function(transom_compile_settings target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  transom_warnings(${target} -Wconversion)
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include" "${PROJECT_SOURCE_DIR}/lib" "${PROJECT_SOURCE_DIR}")
endfunction()

# A room of the library: an object library whose objects end in libtransom.
function(transom_room name)
  add_library(transom_${name} OBJECT ${ARGN})
  transom_compile_settings(transom_${name})
endfunction()
