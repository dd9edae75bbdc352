# SPDX-License-Identifier: Apache-2.0
# What both consumers check about the target that they are given.

# Our headers need the standard library only, so no folder but ours may come with the target.
get_target_property(directories transom::transom INTERFACE_INCLUDE_DIRECTORIES)
foreach(directory IN LISTS directories)
  if(directory MATCHES "^\\$<INSTALL_INTERFACE:")
    continue()
  endif()
  string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" directory "${directory}")
  string(FIND "${directory}" "${TRANSOM_FOLDER}/" at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "transom::transom brings the include folder '${directory}', which is not below '${TRANSOM_FOLDER}'")
  endif()
endforeach()

foreach(property INTERFACE_COMPILE_DEFINITIONS INTERFACE_COMPILE_OPTIONS)
  get_target_property(value transom::transom ${property})
  if(value)
    message(FATAL_ERROR "transom::transom brings ${property} '${value}' to its user")
  endif()
endforeach()
