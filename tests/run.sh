#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds everything on a bare Debian 12 / Ubuntu 24.04 (or newer) and runs the tests; installs what is missing first.
#
#   tests/run.sh [--slow] [options of ctest]
#
#   --slow   also run the tests labelled slow (whole models, long comparisons)
set -euo pipefail

# shellcheck source=examples/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../examples/setup.sh"

if [ "${1:-}" = "-h" ] || [ "${1:-}" = "--help" ]; then
  sed -n '4,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
skip=(--label-exclude '^slow$')
if [ "${1:-}" = "--slow" ]; then
  skip=()
  shift
fi

set_up
build all

# A build without CUDA must not look like one with it.
tell_of_cuda() {
  ! grep -q '^TRANSOM_CUDA:BOOL=ON$' "$TRANSOM_BUILD/CMakeCache.txt" || return 0
  local nvcc
  if nvcc="$(PATH="$PATH:/usr/local/cuda/bin" command -v nvcc)"; then
    say "CUDA KERNELS WERE NOT COMPILED, though there is a toolkit, $nvcc." \
      "If it is 12.4 or newer, put its folder into PATH, remove $TRANSOM_BUILD and run this again."
  else
    say "No CUDA toolkit: CUDA kernels were tested by their emulation, and not compiled for a GPU"
  fi
}
tell_of_cuda

# Two at a time: the kernels' tests run threads of their own. No tests at all is a failure, not a success.
ctest --test-dir "$TRANSOM_BUILD" --output-on-failure --no-tests=error --parallel 2 "${skip[@]}" "$@"
