# SPDX-License-Identifier: Apache-2.0
#
# Builds one consumer project and runs its program.
#
#   cmake -DKIND=find_package|add_subdirectory -DSOURCE=<project> -DBINARY=<its build folder> -DWORK=<scratch> -DMODEL=<model>
#         -DCXX=<compiler> -DGENERATOR=<generator> [-DLAUNCHER=..] [-Ddnnl_DIR=..] [-DBUILD_TYPE=..] -P tests/consumer/run.cmake
cmake_minimum_required(VERSION 3.22)
set(consumer "${CMAKE_CURRENT_LIST_DIR}/${KIND}")
set(build "${WORK}/build")
set(arguments "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}")

function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${KIND}: cannot ${what}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# The files that the loader would open for a library.
function(libraries_of library found)
  file(GET_RUNTIME_DEPENDENCIES LIBRARIES "${library}"
    RESOLVED_DEPENDENCIES_VAR resolved UNRESOLVED_DEPENDENCIES_VAR unresolved)
  if(unresolved)
    message(FATAL_ERROR "${KIND}: ${library} does not find ${unresolved}")
  endif()
  set(${found} "${resolved}" PARENT_SCOPE)
endfunction()

# A configuration left from another run could hide a missing one.
file(REMOVE "${build}/CMakeCache.txt")
if(KIND STREQUAL "find_package")
  file(REMOVE_RECURSE "${WORK}/stage")
  step("install" "${CMAKE_COMMAND}" --install "${BINARY}" --prefix "${WORK}/stage")
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${WORK}/stage" "-DTRANSOM_FOLDER=${WORK}/stage")

  file(GLOB_RECURSE installed RELATIVE "${WORK}/stage" "${WORK}/stage/*")
  foreach(file IN LISTS installed)
    if(file MATCHES "\\.(h|hpp)$" AND NOT file MATCHES "^include/transom/[a-z_]+\\.h$")
      message(FATAL_ERROR "${KIND}: a header that is not ours, or not public, is installed: ${file}")
    endif()
    if(file MATCHES "transom_internal")
      message(FATAL_ERROR "${KIND}: the inner archive is installed: ${file}")
    endif()
    if(file MATCHES "/libtransom_cuda\\.so$")
      libraries_of("${BINARY}/lib/libtransom_cuda.so" built)
      libraries_of("${WORK}/stage/${file}" found)
      if(NOT found STREQUAL built)
        message(FATAL_ERROR "${KIND}: ${file} finds other libraries than before it was installed: ${found}; not ${built}")
      endif()
    endif()
  endforeach()
else()
  # The common folder of our sources and this build.
  list(APPEND arguments "-DTRANSOM_SOURCE=${SOURCE}" "-DTRANSOM_FOLDER=${SOURCE}" "-Ddnnl_DIR=${dnnl_DIR}")
endif()

step("configure" "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${consumer}" -B "${build}" ${arguments})
step("build" "${CMAKE_COMMAND}" --build "${build}" --parallel 2)
step("run its program" "${build}/consumer" "${MODEL}")
# Greedy text of this model, also found by an independent engine (REFERENCE_GREEDY.txt beside the model).
if(NOT output MATCHES "a little girl named Lily")
  message(FATAL_ERROR "${KIND}: unexpected text: ${output}")
endif()
message("${KIND}: ${output}")

# The example of embedding is a consumer of the same install tree.
if(KIND STREQUAL "find_package")
  step("configure examples/embed" "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${SOURCE}/examples/embed" -B "${WORK}/embed" ${arguments})
  step("build examples/embed" "${CMAKE_COMMAND}" --build "${WORK}/embed")
  step("run examples/embed" "${WORK}/embed/embed" "${MODEL}")
  if(NOT output MATCHES "transom [0-9.]+: .*a little girl named Lily")
    message(FATAL_ERROR "${KIND}: examples/embed: unexpected text: ${output}")
  endif()
endif()
