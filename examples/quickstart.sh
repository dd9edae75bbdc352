#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a bare Debian 12 / Ubuntu 24.04 (or newer) to generated text: installs what is missing, builds the library and one example,
# and lets the small model that comes with the project tell a story.
#
#   examples/quickstart.sh [PROMPT] [more options of transom-stream]
#
# Needs root or sudo only while packages are missing. Run again, it only tells another story.
set -euo pipefail

# shellcheck source=examples/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

if [ "${1:-}" = "-h" ] || [ "${1:-}" = "--help" ]; then
  sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
prompt="${1:-Once upon a time}"
if [ "$#" -gt 0 ]; then shift; fi
if [ "$#" -eq 0 ]; then set -- --max-new-tokens 200; fi

set_up
build transom-stream
cd "$TRANSOM_ROOT"
build/release/examples/transom-stream examples/models/tinystories-656k "$prompt" "$@"
