# SPDX-License-Identifier: Apache-2.0
#
# Fails on an #include that the layer table of ARCHITECTURE.md (section 2) does not grant.
#
#   cmake -DROOT=<project> -P tests/hygiene/include_edges.cmake
#
# The table, one room a line: "room | rooms or single headers it may include | groups of system headers it may include".
# A file belongs to the room with the longest matching folder. A room may always include its own files; rooms under lib also
# include lib/core and the vocabulary headers. There is no other edge.
set(ROOMS
  "include/transom       |                                                                | cxx iostream"
  "lib/core              |                                                                | c cxx posix intrinsics"
  "lib/io                |                                                                | c cxx posix json"
  "lib/text              | lib/io include/transom/tokenizer.h                             | c cxx oniguruma utf8proc"
  "lib/backend           | lib/backend/cpu lib/backend/cuda                               | c cxx posix"
  "lib/backend/adapters  | lib/backend kernels/common                                     | c cxx"
  "lib/backend/cpu       | lib/backend lib/backend/adapters kernels/common kernels/cpu    | c cxx"
  "lib/backend/cuda      | lib/backend lib/backend/adapters kernels/common kernels/cuda   | c cxx posix cuda"
  "lib/model             | lib/backend lib/io                                             | c cxx"
  "lib/generation        | lib/model lib/text lib/io include/transom/tokenizer.h kernels/common/token_weight.h | c cxx posix"
  "lib/compress          | lib/model lib/text lib/backend lib/io                          | c cxx eigen"
  "lib/api               | lib/generation lib/compress lib/model lib/text lib/backend/registry.h lib/io include/transom | c cxx"
  "kernels/common        |                                                                | pod"
  "kernels/cpu           | kernels/common kernels/cpu/reference kernels/cpu/simd kernels/cpu/onednn | c intrinsics posix"
  "kernels/cpu/reference | kernels/common                                                 | c eigen"
  "kernels/cpu/simd      | kernels/common kernels/cpu                                     | c intrinsics"
  "kernels/cpu/onednn    | kernels/common kernels/cpu                                     | c cxx onednn"
  "kernels/cuda          | kernels/common                                                 | c cuda")

# Small enums and structs that every room under lib may use (include/transom). The handles are for lib/api alone.
set(VOCABULARY config device dtype error export generation generation_config log scoring value version)

# Groups of system headers. A header of no group is unknown and fails: it is a new dependency, or a typing error.
set(GROUP_pod stddef.h stdint.h string.h)
set(GROUP_c
  assert.h errno.h float.h inttypes.h limits.h math.h stddef.h stdint.h stdlib.h string.h)
set(GROUP_cxx
  algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits cmath compare complex
  concepts condition_variable cstddef cstdint cstdio cstdlib cstring ctime deque exception filesystem forward_list fstream
  functional future initializer_list iomanip ios istream iterator latch limits list locale map memory memory_resource mutex new
  numbers numeric optional ostream queue random ranges ratio regex semaphore set shared_mutex source_location span sstream stack
  stdexcept stop_token streambuf string string_view system_error thread tuple type_traits typeindex typeinfo unordered_map
  unordered_set utility variant vector version)
# Only for the umbrella header, so that a first program needs one include. No other room may touch a standard stream.
set(GROUP_iostream iostream)
set(GROUP_posix
  dirent.h dlfcn.h fcntl.h pthread.h sched.h signal.h unistd.h sys/mman.h sys/resource.h sys/stat.h sys/syscall.h sys/types.h)
set(GROUP_intrinsics arm_neon.h cpuid.h immintrin.h)
set(GROUP_json nlohmann/json.hpp nlohmann/json_fwd.hpp)
set(GROUP_oniguruma oniguruma.h)
set(GROUP_utf8proc utf8proc.h)
# omp.h: oneDNN's packaged builds run on OpenMP, whose thread count is set around their calls.
set(GROUP_onednn oneapi/dnnl/dnnl.h oneapi/dnnl/dnnl.hpp omp.h)
set(GROUP_eigen Eigen/Core Eigen/Dense Eigen/Cholesky Eigen/LU Eigen/QR)
set(GROUP_cuda cuda.h cuda_runtime.h cuda_runtime_api.h cuda_bf16.h cuda_fp16.h cuda_fp8.h cublasLt.h cublas_v2.h mma.h nvtx3/nvToolsExt.h)

cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/hygiene.cmake")
hygiene_begin("include edges")

set(room_names)
foreach(line IN LISTS ROOMS)
  string(REGEX MATCH "^([^| ]+) *\\|([^|]*)\\|(.*)$" _ "${line}")
  set(room "${CMAKE_MATCH_1}")
  separate_arguments(grants UNIX_COMMAND "${CMAKE_MATCH_2}")
  separate_arguments(groups UNIX_COMMAND "${CMAKE_MATCH_3}")
  list(APPEND room_names "${room}")
  set(grants_${room} "${room}" ${grants})
  if(room MATCHES "^lib/")
    list(APPEND grants_${room} lib/core)
    foreach(name IN LISTS VOCABULARY)
      list(APPEND grants_${room} "include/transom/${name}.h")
    endforeach()
  endif()
  set(headers_${room})
  foreach(group IN LISTS groups)
    list(APPEND headers_${room} ${GROUP_${group}})
  endforeach()
endforeach()

# The room of a path relative to ROOT: the longest folder of the table that holds it; "" when there is none.
function(room_of path out)
  set(best "")
  foreach(room IN LISTS room_names)
    string(FIND "${path}" "${room}/" at)
    string(LENGTH "${room}" length)
    string(LENGTH "${best}" best_length)
    if(at EQUAL 0 AND length GREATER best_length)
      set(best "${room}")
    endif()
  endforeach()
  set(${out} "${best}" PARENT_SCOPE)
endfunction()

function(check_project_include file room target)
  if(target MATCHES "^transom/")
    set(path "include/${target}")
  elseif(target MATCHES "^kernels/")
    set(path "${target}")
  else()
    set(path "lib/${target}")
  endif()
  # version.h is made from version.h.in.
  if(NOT EXISTS "${ROOT}/${path}" AND NOT EXISTS "${ROOT}/${path}.in")
    hygiene_fail("${file}: \"${target}\" is no file of include/, lib/ or kernels/ (paths start at the room)")
    return()
  endif()
  room_of("${path}" target_room)
  if(NOT target_room IN_LIST grants_${room} AND NOT path IN_LIST grants_${room})
    hygiene_fail("${file}: ${room} may not include \"${target}\" (${target_room})")
  endif()
endfunction()

function(check_system_include file room target)
  if(NOT target IN_LIST headers_${room})
    hygiene_fail("${file}: ${room} may not include <${target}>")
  endif()
endfunction()

hygiene_sources(sources "include;lib;kernels" "h;h.in;cpp;cu;cuh")
foreach(file IN LISTS sources)
  room_of("${file}" room)
  if(room STREQUAL "")
    hygiene_fail("${file}: lies in no room of the table")
    continue()
  endif()
  file(STRINGS "${ROOT}/${file}" includes REGEX "^[ \t]*#[ \t]*include")
  foreach(line IN LISTS includes)
    if(line MATCHES "include[ \t]*\"([^\"]+)\"")
      check_project_include("${file}" "${room}" "${CMAKE_MATCH_1}")
    elseif(line MATCHES "include[ \t]*<([^>]+)>")
      check_system_include("${file}" "${room}" "${CMAKE_MATCH_1}")
    else()
      hygiene_fail("${file}: cannot tell what '${line}' includes")
    endif()
  endforeach()
endforeach()
hygiene_end()
