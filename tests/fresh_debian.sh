#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tries the two commands of the README on a machine that has nothing: a fresh Debian tree with a clean clone of what is committed.
# A tool for developers, not a test of the suite. Needs root, debootstrap and git.
#
#   tests/fresh_debian.sh FOLDER [options] [-- COMMAND...]
#
#   FOLDER            the tree; made with debootstrap when it does not exist, else used as it is
#   --suite NAME      Debian release (default bookworm)
#   --mirror URL      package mirror (default: debootstrap's own)
#   --apt-conf FILE   copied into the tree's /etc/apt/apt.conf.d (may be given again)
#   --pip-conf FILE   becomes the tree's /etc/pip.conf
#   --ca-bundle FILE  certificates that pip shall trust there
#   COMMAND           run in the clone instead of the default: both commands, then both again to see that nothing is left to do
#
# Proxy variables and PIP_INDEX_URL of the caller are passed on.
set -euo pipefail

die() {
  printf 'fresh_debian.sh: %s\n' "$*" >&2
  exit 1
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tree="" suite=bookworm mirror="" pip_conf="" ca_bundle="" apt_confs=() command=()
while [ "$#" -gt 0 ]; do
  case "$1" in
    --suite) suite="$2" && shift 2 ;;
    --mirror) mirror="$2" && shift 2 ;;
    --apt-conf) apt_confs+=("$2") && shift 2 ;;
    --pip-conf) pip_conf="$2" && shift 2 ;;
    --ca-bundle) ca_bundle="$2" && shift 2 ;;
    --) shift && command=("$@") && break ;;
    -h | --help) sed -n '4,19s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    -*) die "unknown option $1" ;;
    *) [ -z "$tree" ] || die "two folders given: $tree and $1" && tree="$1" && shift ;;
  esac
done
[ -n "$tree" ] || die "which folder? (see --help)"
[ "$(id -u)" = 0 ] || die "chroot and mount need root"

if [ ! -e "$tree/etc/debian_version" ]; then
  mkdir -p "$tree"
  # minbase without the certificates: as bare as a container image.
  debootstrap --variant=minbase "$suite" "$tree" ${mirror:+"$mirror"}
fi
tree="$(cd "$tree" && pwd)"

cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
for file in "${apt_confs[@]}"; do cp "$file" "$tree/etc/apt/apt.conf.d/"; done
if [ -n "$pip_conf" ]; then cp "$pip_conf" "$tree/etc/pip.conf"; fi
environment=(HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
if [ -n "$ca_bundle" ]; then
  cp "$ca_bundle" "$tree/root/ca-bundle.crt"
  environment+=(PIP_CERT=/root/ca-bundle.crt)
fi
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL JOBS; do
  if [ -n "${!name:-}" ]; then environment+=("$name=${!name}"); fi
done

# Only the clone is fresh each time; packages stay, so that a second call goes straight to the build.
rm -rf "$tree/root/transom"
git clone --quiet --no-hardlinks "$root" "$tree/root/transom"

unmount() {
  umount "$tree/proc" "$tree/dev/pts" "$tree/dev" 2>/dev/null || true
}
trap unmount EXIT
unmount
mount -t proc proc "$tree/proc"
mount --bind /dev "$tree/dev"
mount --bind /dev/pts "$tree/dev/pts"

inside() {
  chroot "$tree" /usr/bin/env -i "${environment[@]}" /bin/bash -euo pipefail -c 'cd /root/transom && "$@"' inside "$@"
}

timed() {
  local start=$SECONDS
  printf '\n##### %s\n' "$*"
  inside "$@"
  printf '##### %s: %d s\n' "$*" "$((SECONDS - start))"
}

if [ "${#command[@]}" -gt 0 ]; then
  timed "${command[@]}"
  exit
fi
timed examples/quickstart.sh
timed tests/run.sh
timed examples/quickstart.sh
timed tests/run.sh
[ -z "$(git -C "$tree/root/transom" status --porcelain)" ] || die "the commands left files in the clone that git does not ignore"
