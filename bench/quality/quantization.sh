#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What each way of quantising costs a model: perplexity of a held-out text, as a Markdown table.
#
#   bench/quality/quantization.sh MODEL CALIBRATION TEXT WORK [SETTING...] > table.md
#
#   MODEL        a model directory, not quantised
#   CALIBRATION  UTF-8 text that GPTQ calibrates on (64 sequences of 512 tokens)
#   TEXT         UTF-8 text that is scored (its first 20000 tokens, windows of 2048)
#   WORK         a folder for scratch and for results.csv: settings that stand in it are not measured again
#   SETTING      method:bits:group:sym|asym:order|plain[:more options of transom-quantize], as gptq:4:128:sym:plain;
#                default: the table of bench/results/quantization-smollm2.md
set -euo pipefail

model="$1" calibration="$2" text="$3" work="$4"
shift 4
programs="${TRANSOM_PROGRAMS:-build/release/examples}"
mkdir -p "$work"
results="$work/results.csv"
touch "$results"

default_settings() {
  local bits group range order
  printf 'rtn:8:%s:sym:plain\n' 64 128 -1
  for bits in 4 3 2; do
    for group in 32 128; do
      for range in sym asym; do
        [ "$bits:$group" = 2:128 ] || echo "rtn:$bits:$group:$range:plain"
      done
    done
  done
  echo "gptq:8:128:sym:plain"
  for group in 32 128; do
    for range in sym asym; do
      for order in plain order; do
        echo "gptq:4:$group:$range:$order"
      done
      echo "gptq:3:$group:$range:order"
    done
  done
  printf 'gptq:2:32:%s:order\n' sym asym
}

# perplexity DIRECTORY [options]
perplexity() {
  "$programs/transom-perplexity" "$@" "$text" --context 2048 --stride 2048 --max-tokens 20000 --dtype f32 2>"$work/perplexity.log" |
    sed -n 's/^perplexity \([0-9.]*\),.*/\1/p'
}

# The f32 logits of the same weights, and those of the default: activations in int8.
measure() {
  local setting="$1" method bits group range order more
  IFS=: read -r method bits group range order more <<<"$setting"
  local options=(--method "$method" --bits "$bits" --group-size "$group" "--$range" --calibration "$calibration")
  [ "$order" = plain ] || options+=(--act-order)
  # shellcheck disable=SC2206  # several options in one word
  [ -z "$more" ] || options+=($more)
  rm -rf "$work/model" "$work/model.partial"
  "$programs/transom-quantize" "$model" "$work/model" "${options[@]}" >"$work/quantize.log" 2>&1
  local bytes exact rounded
  bytes="$(sed -n 's/.*-> \([0-9.]*\) MB in.*/\1/p' "$work/quantize.log")"
  exact="$(perplexity "$work/model" --set activation_dtype=f32)"
  rounded="$(perplexity "$work/model")"
  printf '%s;%s;%s;%s\n' "$setting" "$bytes" "$exact" "$rounded" >>"$results"
}

settings=("$@")
[ "${#settings[@]}" -gt 0 ] || mapfile -t settings < <(default_settings)
if ! grep -q '^none;' "$results"; then
  baseline="$(perplexity "$model")"
  printf 'none;;%s;\n' "$baseline" >>"$results"
fi
for setting in "${settings[@]}"; do
  grep -qF "$setting;" "$results" || measure "$setting"
done

baseline="$(sed -n 's/^none;;\([0-9.]*\);$/\1/p' "$results")"
echo "| method | bits | group | range | order | tensors, MB | perplexity, f32 activations | int8 activations |"
echo "|---|---|---|---|---|---|---|---|"
echo "| as stored | | | | | | $baseline | |"
for setting in "${settings[@]}"; do
  grep -F "$setting;" "$results" | awk -F'[:;]' -v base="$baseline" '
    function change(p) { return sprintf("%.4f (%+.2f %%)", p, 100 * (p / base - 1)) }
    { more = NF > 8 ? " " $6 : ""
      printf "| %s%s | %s | %s | %s | %s | %s | %s | %s |\n", $1, more, $2, $3 == "-1" ? "row" : $3, $4,
             $5 == "order" ? "act-order" : "", $(NF - 2), change($(NF - 1)), change($NF) }'
done
