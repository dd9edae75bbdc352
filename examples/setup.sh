# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Shared by examples/quickstart.sh and tests/run.sh: from a bare Debian 12 (or newer) or Ubuntu 24.04 (or newer) to a configured
# build folder. Everything is idempotent: a step that has nothing to do says nothing.
#
# Variables that a caller may set:
#   TRANSOM_SKIP_PACKAGES=1   never touch the system's packages (they are there already, under whatever name)
#   JOBS=N                    compile N files at a time (default: one per core)
# Package downloads follow the configuration of apt and pip on the machine.

# onig, utf8proc: patterns and normal forms of the tokenizers; json: config files; eigen: GPTQ's linear algebra;
# catch2: tests; cli11: command lines of examples and benches.
TRANSOM_PACKAGES=(
  g++ cmake ninja-build pkg-config
  libonig-dev libutf8proc-dev nlohmann-json3-dev libeigen3-dev catch2 libcli11-dev
)

# oneDNN where the distribution's own is older than we need: its makers' wheels, pinned.
readonly ONEDNN_LEAST=3.2
readonly ONEDNN_WHEEL_VERSION=2023.2.0
readonly ONEDNN_WHEEL_SHA256="
2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb onednn_cpu_gomp
9763c69e8c907e119056bd52ad918ca84ac9ba939d130a99dfa95ccca3e5e284 onednn_devel_cpu_gomp
"

TRANSOM_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TRANSOM_DEPS="$TRANSOM_ROOT/build/deps"
TRANSOM_BUILD="$TRANSOM_ROOT/build/release"
# What configure() passes to cmake; filled by ensure_onednn.
TRANSOM_CMAKE_ARGS=()

say() { printf '== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  shift
  local line
  for line in "$@"; do printf '    %s\n' "$line" >&2; done
  exit 1
}

# run_logged NAME COMMAND...: the output goes to build/logs/NAME.log and is shown only when the command fails.
run_logged() {
  local log="$TRANSOM_ROOT/build/logs/$1.log"
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    return 1
  fi
}

# need_space FOLDER MEGABYTES WHAT
need_space() {
  mkdir -p "$1" 2>/dev/null || fail "cannot create the folder $1"
  local free
  free="$(df -Pm "$1" | awk 'NR == 2 { print $4 }')"
  [ "$free" -ge "$2" ] || fail "$3 needs $2 MB, but the disk that holds $1 has only $free MB free"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Refuses a system whose packages we do not know, before anything is changed.
check_distribution() {
  local id="" version="" like="" name="this system"
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091
    eval "$(. /etc/os-release && printf 'id=%q version=%q like=%q name=%q' \
      "${ID:-}" "${VERSION_ID:-}" "${ID_LIKE:-}" "${PRETTY_NAME:-$name}")"
  fi
  local least=""
  case "$id" in
    debian) least=12 ;;
    ubuntu) least=24.04 ;;
  esac
  # Debian testing and unstable carry no version number.
  if [ -n "$least" ] && { [ -z "$version" ] || dpkg --compare-versions "$version" ge "$least"; }; then return; fi
  if [ -z "$least" ] && [[ " $like " == *debian* || " $like " == *ubuntu* ]]; then return; fi
  unknown_system "$name"
}

unknown_system() {
  fail "this script can set up Debian 12 or Ubuntu 24.04 and newer, not $1." \
    "Install these yourself: a C++20 compiler, CMake 3.25, Ninja, Oniguruma, utf8proc, nlohmann-json, Eigen 3.4, Catch2, CLI11" \
    "(and oneDNN $ONEDNN_LEAST, optional), then set TRANSOM_SKIP_PACKAGES=1 and run it again."
}

APT_UPDATED=""
apt_update() {
  [ -z "$APT_UPDATED" ] || return 0
  say "Updating the package lists"
  run_logged apt-update as_root apt-get update -q -o DPkg::Lock::Timeout=300 -o APT::Update::Error-Mode=any ||
    fail "'apt-get update' failed (its last lines are above). Is the network up, and does /etc/apt name a reachable mirror?"
  APT_UPDATED=1
}

# install_packages NAME...: installs those that are missing. Without any, it does not even look at the package lists.
install_packages() {
  local missing=() name
  for name in "$@"; do is_installed "$name" || missing+=("$name"); done
  [ "${#missing[@]}" -gt 0 ] || return 0
  check_distribution
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "these packages are missing, and installing them needs root or sudo:" "apt-get install ${missing[*]}"
  fi
  need_space /var/cache/apt 1000 "installing packages"
  apt_update
  say "Installing ${missing[*]}"
  run_logged apt-install as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" ||
    fail "'apt-get install' failed (its last lines are above)."
}

# Compiler, CMake and libraries. A package counts as there when the thing it brings is there, so a hand-made tool chain is kept.
ensure_packages() {
  if [ -n "${TRANSOM_SKIP_PACKAGES:-}" ]; then return; fi
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then unknown_system "$(uname -s)"; fi
  local packages=() name
  for name in "${TRANSOM_PACKAGES[@]}"; do
    case "$name" in
      cmake) ! has_cmake || continue ;;
      ninja-build) ! command -v ninja >/dev/null || continue ;;
    esac
    packages+=("$name")
  done
  install_packages "${packages[@]}"
}

has_cmake() {
  local version
  version="$(cmake --version 2>/dev/null | awk 'NR == 1 { print $3 }')" && [ -n "$version" ] &&
    dpkg --compare-versions "$version" ge 3.25
}

# ensure_pip: sets PIP to a command that can download wheels.
ensure_pip() {
  PIP=(python3 -m pip --disable-pip-version-check)
  if "${PIP[@]}" --version >/dev/null 2>&1; then return; fi
  [ -z "${TRANSOM_SKIP_PACKAGES:-}" ] || fail "python3 with pip is needed to download packages"
  install_packages python3 python3-pip
  hash -r
  "${PIP[@]}" --version >/dev/null 2>&1 || PIP=(/usr/bin/python3 -m pip --disable-pip-version-check)
}

# fetch_wheel NAME VERSION SHA256 FOLDER: leaves one checked wheel in FOLDER and prints its path.
fetch_wheel() {
  local wheel
  mkdir -p "$4"
  wheel="$(find "$4" -maxdepth 1 -name "$1-*.whl" | head -n 1)"
  if [ -z "$wheel" ]; then
    run_logged "download-$1" "${PIP[@]}" download --no-deps --only-binary :all: --dest "$4" "$1==$2" ||
      fail "cannot download the package $1 $2 (pip's last lines are above)." \
        "Is the network up? pip uses the package index that it is configured for on this machine."
    wheel="$(find "$4" -maxdepth 1 -name "$1-*.whl" | head -n 1)"
  fi
  if ! printf '%s  %s\n' "$3" "$wheel" | sha256sum --check --status; then
    rm -f "$wheel"
    fail "the downloaded package $1 $2 is not the expected file (wrong sha256); it was removed. Try again."
  fi
  printf '%s\n' "$wheel"
}

# True when the distribution has a new enough oneDNN, installed or to install.
distribution_has_onednn() {
  if is_installed libdnnl-dev; then
    dpkg --compare-versions "$(dpkg-query -W -f='${Version}' libdnnl-dev)" ge "$ONEDNN_LEAST"
    return
  fi
  local candidate
  candidate="$(apt-cache policy libdnnl-dev 2>/dev/null | awk '$1 == "Candidate:" { print $2 }')"
  if [ -z "$candidate" ] && [ -z "$APT_UPDATED" ] && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
    apt_update
    candidate="$(apt-cache policy libdnnl-dev 2>/dev/null | awk '$1 == "Candidate:" { print $2 }')"
  fi
  [ -n "$candidate" ] && [ "$candidate" != "(none)" ] && dpkg --compare-versions "$candidate" ge "$ONEDNN_LEAST"
}

# ensure_onednn: from the distribution, else from the wheels into build/deps/onednn (include/, lib/, lib/cmake/dnnl).
ensure_onednn() {
  local prefix="$TRANSOM_DEPS/onednn"
  local config="$prefix/lib/cmake/dnnl"
  if [ ! -f "$config/dnnl-config.cmake" ]; then
    if [ -n "${TRANSOM_SKIP_PACKAGES:-}" ]; then return; fi
    if distribution_has_onednn; then
      install_packages libdnnl-dev
      return
    fi
    if [ "$(uname -m)" != x86_64 ]; then
      say "oneDNN $ONEDNN_LEAST is not packaged for $(uname -m) here: building without it (prompts are read more slowly)"
      TRANSOM_CMAKE_ARGS+=(-DTRANSOM_ONEDNN=OFF)
      return
    fi
    unpack_onednn "$prefix"
  fi
  TRANSOM_CMAKE_ARGS+=("-Ddnnl_DIR=$config")
}

unpack_onednn() {
  local prefix="$1" parts="$TRANSOM_DEPS/onednn.part" sha name wheel
  need_space "$TRANSOM_DEPS" 400 "unpacking oneDNN"
  ensure_pip
  say "Fetching oneDNN $ONEDNN_LEAST (20 MB)"
  rm -rf "$prefix" "$parts"
  mkdir -p "$parts/prefix"
  while read -r sha name; do
    [ -n "$name" ] || continue
    wheel="$(fetch_wheel "$name" "$ONEDNN_WHEEL_VERSION" "$sha" "$TRANSOM_DEPS/wheels")"
    "${PIP[0]}" -m zipfile -e "$wheel" "$parts/unpacked"
    cp -R "$parts/unpacked/$name-$ONEDNN_WHEEL_VERSION.data/data/." "$parts/prefix/"
  done <<<"$ONEDNN_WHEEL_SHA256"
  # The wheel holds the library three times, since zip knows no links.
  ln -sf libdnnl.so.3.2 "$parts/prefix/lib/libdnnl.so.3"
  ln -sf libdnnl.so.3 "$parts/prefix/lib/libdnnl.so"
  # Its package file asks for a CMake policy that CMake 4 no longer has.
  sed -i 's/cmake_policy(VERSION 2\.[0-9]*)/cmake_policy(VERSION 3.5)/' "$parts/prefix/lib/cmake/dnnl/dnnl-targets.cmake"
  mv "$parts/prefix" "$prefix"
  rm -rf "$parts" "$TRANSOM_DEPS/wheels"
}

# configure: makes build/release with the preset of that name. cmake itself looks again when its files change.
configure() {
  need_space "$TRANSOM_ROOT/build" 1500 "the build"
  if command -v ccache >/dev/null; then TRANSOM_CMAKE_ARGS+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  local stamp="$TRANSOM_BUILD/.configured-with" arguments="${TRANSOM_CMAKE_ARGS[*]}"
  if [ -f "$TRANSOM_BUILD/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$arguments" ]; then return; fi
  say "Configuring build/release"
  (cd "$TRANSOM_ROOT" && run_logged configure cmake --preset release "${TRANSOM_CMAKE_ARGS[@]}") ||
    fail "cmake could not configure the project (its last lines are above; all of them: build/logs/configure.log)"
  printf '%s\n' "$arguments" >"$stamp"
}

# build TARGET...: compiles what is out of date, with ninja's progress line.
build() {
  local jobs="${JOBS:-$(nproc)}"
  if [ "$(ninja -C "$TRANSOM_BUILD" -n "$@" | tail -n 1)" = "ninja: no work to do." ]; then return; fi
  say "Building $* ($jobs at a time)"
  cmake --build "$TRANSOM_BUILD" --parallel "$jobs" --target "$@" || fail "the build failed (see above)"
}

set_up() {
  TRANSOM_CMAKE_ARGS=()
  ensure_packages
  ensure_onednn
  configure
}
