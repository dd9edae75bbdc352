# SPDX-License-Identifier: Apache-2.0
# What the hygiene scripts share: finding the sources, collecting complaints, one closing line.

if(NOT IS_DIRECTORY "${ROOT}")
  message(FATAL_ERROR "call with -DROOT=<project folder> before -P")
endif()

macro(hygiene_begin what)
  set(hygiene_what "${what}")
  set_property(GLOBAL PROPERTY hygiene_count 0)
  set(hygiene_checked 0)
endmacro()

function(hygiene_fail message)
  message("${message}")
  get_property(count GLOBAL PROPERTY hygiene_count)
  math(EXPR count "${count} + 1")
  set_property(GLOBAL PROPERTY hygiene_count ${count})
endfunction()

# Paths relative to ROOT of all files below the given folders with the given endings. A check that finds none fails: it would be
# a check of nothing.
macro(hygiene_sources out folders endings)
  set(${out})
  foreach(folder ${folders})
    foreach(ending ${endings})
      file(GLOB_RECURSE found RELATIVE "${ROOT}" "${ROOT}/${folder}/*.${ending}")
      list(APPEND ${out} ${found})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES ${out})
  list(SORT ${out})
  list(LENGTH ${out} hygiene_checked)
  if(hygiene_checked EQUAL 0)
    hygiene_fail("no files *.{${endings}} below ${ROOT}/{${folders}}")
  endif()
endmacro()

macro(hygiene_end)
  get_property(count GLOBAL PROPERTY hygiene_count)
  if(count GREATER 0)
    message(FATAL_ERROR "${hygiene_what}: ${count} complaint(s)")
  endif()
  message("${hygiene_what}: ${hygiene_checked} checked, all well")
endmacro()
