#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What quantising costs SmolLM2-135M-Instruct on held-out WikiText-2, against bounds: those of GPTQModel 7.7 on the same
# text and calibration (8 bits +0.35 %, 4 bits 25.86) and our own promises. A small model is far more sensitive than a 7B.
#
#   tests/quality/quantization_smollm2.sh PROGRAMS      # the folder of transom-quantize and transom-perplexity
#
# Needs the texts of TRANSOM_SHARED_DATA (default ../shared/data beside the project) and xz; says so and passes without.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
texts="${TRANSOM_SHARED_DATA:-$root/../shared/data}/text/eval"
export TRANSOM_PROGRAMS="$1"
if [ ! -r "$texts/wikitext-2-test.txt.xz" ] || ! command -v xz >/dev/null; then
  echo "skipped: no $texts/wikitext-2-test.txt.xz, or no xz"
  exit 0
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
xz -dc "$texts/wikitext-2-test.txt.xz" >"$work/held-out.txt"
xz -dc "$texts/c4-demo.jsonl.xz" | sed -e 's/^{"text": "//' -e 's/"}$//' -e 's/\\n/\n/g' -e 's/\\"/"/g' >"$work/calibration.txt"
model="$root/examples/models/smollm2-135m-instruct"

perplexity() { # options of transom-perplexity
  "$TRANSOM_PROGRAMS/transom-perplexity" "$model" "$work/held-out.txt" --context 2048 --stride 2048 --max-tokens 20000 \
    --dtype f32 "$@" 2>"$work/perplexity.log" | sed -n 's/^perplexity \([0-9.]*\),.*/\1/p'
}

failures=0
check() { # NAME FOUND BOUND
  if awk -v found="$2" -v bound="$3" 'BEGIN { exit !(found > 1 && found <= bound) }'; then
    echo "ok      $1: $2, at most $3"
  else
    echo "FAILED  $1: $2, expected at most $3"
    failures=1
  fi
}
of() { awk -v base="$1" -v percent="$2" 'BEGIN { printf "%.4f", base * (1 + percent / 100) }'; }

before="$(perplexity)"
check "as stored" "$before" 17.86
check "int8 on load, f32 activations" "$(perplexity --set quantization=int8 --set activation_dtype=f32)" "$(of "$before" 0.15)"
check "int8 on load" "$(perplexity --set quantization=int8)" "$(of "$before" 0.5)"
"$root/bench/quality/quantization.sh" "$model" "$work/calibration.txt" "$work/held-out.txt" "$work" \
  gptq:8:128:sym:plain gptq:4:128:sym:plain gptq:4:32:asym:order
exact() { sed -n "s/^$1;[^;]*;\([^;]*\);.*/\1/p" "$work/results.csv"; }
check "GPTQ 8 bits, groups of 128" "$(exact gptq:8:128:sym:plain)" "$(of "$before" 0.35)"
check "GPTQ 4 bits, groups of 128" "$(exact gptq:4:128:sym:plain)" 25.8634
check "GPTQ 4 bits, groups of 32, zero points" "$(exact gptq:4:32:asym:order)" 21
exit "$failures"
