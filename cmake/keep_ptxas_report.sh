#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs a compiler of CUDA (the arguments) and keeps what ptxas says of each kernel in <object>.ptxas, so that nothing is
# compiled twice for it. Everything else that the compiler says goes on.
object=
previous=
for argument in "$@"; do
  [ "$previous" = "-o" ] && object=$argument
  previous=$argument
done
report="${object:-/tmp/transom.$$}.ptxas"
"$@" 2> "$report.all"
status=$?
pattern='^ptxas info|^ *[0-9]+ bytes stack frame|^ *[0-9]+ bytes spill'
grep -E "$pattern" "$report.all" > "$report"
grep -Ev "$pattern" "$report.all" >&2
rm -f "$report.all"
[ -n "$object" ] || rm -f "$report"
exit $status
