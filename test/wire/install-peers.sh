#!/bin/sh
# Installs the peers of the wire tests on Debian or Ubuntu, quietly; does nothing where they are.
set -eu

missing=
need() { # need PROGRAM PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need sipp sip-tester
need linphonec linphone-cli
need baresip baresip-core
need ip iproute2
need timeout coreutils
need stdbuf coreutils

if [ -z "$missing" ]; then
  exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of packages, and perhaps no sudo
if ! { $as_root apt-get -qq update && $as_root apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "could not install:$missing" >&2
  exit 1
fi
