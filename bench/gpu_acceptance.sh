#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# All that only a GPU can tell, in one go, from a bare checkout on a machine with a CUDA toolkit (12.4 or newer) and an
# NVIDIA GPU: builds, checks the kernels and the models against the CPU, looks for memory faults and races, and measures.
#
#   bench/gpu_acceptance.sh [RESULTS]
#
#   RESULTS   a folder for logs and figures (default: build/gpu-acceptance)
#   BUILD     environment: the build folder (default: build/gpu)
#   DEVICE    environment: cuda (default), cuda:1 ... in the order of nvidia-smi
#   ARCHITECTURES  environment: as TRANSOM_CUDA_ARCHITECTURES (default: native)
#   LIMIT     environment: seconds for all of it (default: 1200)
#
# Paths are of the folder it is called from; the defaults lie in the checkout. Prints a line for each check with its seconds, and
# exits with 1 if one failed. A check gets what is left of LIMIT, is ended there, and has failed then; so have those after it.
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
results="$(realpath -m "${1:-$root/build/gpu-acceptance}")"
build="$(realpath -m "${BUILD:-$root/build/gpu}")"
device="${DEVICE:-cuda}"
limit="${LIMIT:-1200}"
SECONDS=0
cd "$root" || exit 2
mkdir -p "$results" || exit 2
failed=0
export TRANSOM_CUDA_LIBRARY="$build/lib/libtransom_cuda.so"
# The tests know device 0 only.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
if [[ "$device" == cuda:* ]]; then
  export CUDA_VISIBLE_DEVICES="${device#cuda:}"
  device=cuda
fi
# Where installers of the toolkit leave it without telling the shell.
[ ! -d /usr/local/cuda/bin ] || PATH="$PATH:/usr/local/cuda/bin"

say() { printf '%-72s %s\n' "$1" "$2" | tee -a "$results/summary.txt"; }

# check NAME COMMAND...: runs it with its output in a log of that name.
check() {
  local name="$1" start="$SECONDS" left=$((limit - SECONDS)) log status=0
  shift
  log="$results/$(tr -c 'a-z0-9\n' '-' <<<"${name,,}").log"
  if [ "$left" -le 0 ]; then
    say "$name" "NOT RUN, no time left"
    failed=1
    return
  fi
  # Without a terminal: sudo must not wait for a password.
  timeout --kill-after=5 "$left" "$@" </dev/null >"$log" 2>&1 || status=$?
  case "$status" in
    0) say "$name" "ok, $((SECONDS - start)) s" ;;
    124 | 137) say "$name" "OUT OF TIME after $((SECONDS - start)) s, see $log" ;;
    *) say "$name" "FAILED after $((SECONDS - start)) s, see $log" ;;
  esac
  [ "$status" = 0 ] || failed=1
}

# figure NAME LEAST FOUND: a number against its bound.
figure() {
  if awk -v found="$3" -v least="$2" 'BEGIN { exit !(found + 0 >= least + 0) }'; then
    say "$1" "$3 (at least $2)"
  else
    say "$1" "$3, MISSES $2"
    failed=1
  fi
}

: >"$results/summary.txt"
rm -f "$results/kernels.log" "$results"/7b-int8*.json # figures of an earlier run
if ! nvidia-smi ${CUDA_VISIBLE_DEVICES:+-i "$CUDA_VISIBLE_DEVICES"} --query-gpu=name,driver_version,memory.total \
  --format=csv,noheader >"$results/gpu.txt" 2>&1; then
  echo "no NVIDIA GPU: nvidia-smi failed" >&2
  exit 2
fi
if ! command -v nvcc >/dev/null; then
  echo "no CUDA toolkit: nvcc is neither in PATH nor in /usr/local/cuda/bin" >&2
  exit 2
fi
say "GPU" "$(head -1 "$results/gpu.txt")"

# In a shell of its own: setup.sh has functions of the same names, and exits where it fails; and timeout runs programs only.
# shellcheck disable=SC2317
build_all() {
  # shellcheck disable=SC1091
  . examples/setup.sh && ensure_packages && ensure_onednn || exit 1
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${TRANSOM_CMAKE_ARGS[@]}" -DTRANSOM_CUDA=ON \
    -DTRANSOM_CUDA_ARCHITECTURES="${ARCHITECTURES:-native}" || exit 1
  cmake --build "$build" --target transom_cuda transom_test_cuda_on_gpu transom_test_cuda_models transom-bench transom-bench-cuda
}
export -f build_all
export build
check "build" bash -c build_all
[ "$failed" = 0 ] || exit 1

ops="$build/tests/cuda_on_gpu/transom_test_cuda_on_gpu"
models="$build/tests/cuda_on_host/transom_test_cuda_models"
# The kernels against the reference, the models against the CPU and the golden logits.
check "no kernel spills" cmake --build "$build" --target cuda_resources
check "kernels against the reference" "$ops" "~[leaks]"
check "models: golden logits of every family and quantised checkpoint" "$models" "[golden]"
check "models: text and logits of the CPU, with graphs and without, whole and split" "$models" "~[leaks]~[golden]"
check "1000 loads and unloads leave no memory behind" "$models" "[leaks]"
check "backends that come and go leave no memory behind" "$ops" "[leaks]"

# Speed, with the ceilings measured in the same run.
check "kernels" "$build/bench/transom-bench-cuda" --device "$device"
cat "$results/kernels.log" 2>/dev/null
seven_b=("$build/bench/transom-bench" --synthetic deepseek-llm-7b --quantization int8 --group-size 128 --device "$device"
  --prefill 512 --depth 0 --decode-tokens 64)
check "7B int8 with graphs" "${seven_b[@]}" --json "$results/7b-int8.json"
check "7B int8 without graphs" "${seven_b[@]}" --no-cuda-graphs --json "$results/7b-int8-no-graphs.json"
check "7B int8 with 2 of its 30 layers on the CPU" "${seven_b[@]}" --gpu-layers 28 --json "$results/7b-int8-split.json"

# Faults and races that no result shows; slow, and so last, on each kernel's smallest test.
for tool in memcheck racecheck synccheck; do
  check "compute-sanitizer $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$ops" "[sanitizer]"
done

# number FILE PHASE KEY: of the first such line of a report.
number() {
  grep -so "{\"phase\": \"$2\"[^}]*}" "$1" | head -1 | grep -o "\"$3\": [0-9.e+-]*" | cut -d' ' -f2
}
# share PATTERN COLUMN: of the kernel whose line begins so (1: of the bandwidth, 2: of the peak).
share() { grep -s "^$1" "$results/kernels.log" | head -1 | grep -o '[0-9.]* %' | sed -n "$2p" | cut -d' ' -f1; }

graphs="$(number "$results/7b-int8.json" decode tokens_per_s)"
plain="$(number "$results/7b-int8-no-graphs.json" decode tokens_per_s)"
bandwidth="$(number "$results/7b-int8.json" decode bandwidth_share)"
prefill="$(number "$results/7b-int8.json" prefill tokens_per_s)"
figure "7B int8 decode, share of the copy bandwidth, %" 75 "$(awk -v x="$bandwidth" 'BEGIN { printf "%.1f", 100 * x }')"
figure "  with graphs over without" 1.2 "$(awk -v a="$graphs" -v b="$plain" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')"
figure "W8A16 at 1 row, share of the copy bandwidth, %" 85 "$(share 'int8 \[22016, 4096\] groups of 128, rows 1 ' 1)"
figure "W8A16 at 4096 rows, share of the bf16 peak, %" 55 "$(share 'int8 \[22016, 4096\] groups of 128, rows 4096' 2)"
figure "attention, 32K prompt, window 4096, share of the bf16 peak, %" 50 \
  "$(share 'attention bf16 heads 32/32, 32768 tokens from 0, window 4096' 2)"
figure "first token of 512 on 7B, 25 ms over it" 1 "$(awk -v x="$prefill" 'BEGIN { printf "%.2f", (x > 0 ? 0.025 / (512 / x) : 0) }')"
say "all, of $limit s" "$SECONDS s"
exit "$failed"
