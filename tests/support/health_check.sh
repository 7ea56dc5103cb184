#!/bin/sh
# The health check of the demo device: says whether the system that booted is a good one.
#
#   health_check.sh RELEASE_FILE    exits 0 if it says TENON_DEMO_HEALTH=ok, else 1 and why on stderr
set -eu

fail() {
  echo "health check: $1" >&2
  exit 1
}

[ $# -eq 1 ] || fail "usage: health_check.sh RELEASE_FILE"
[ -r "$1" ] || fail "cannot read $1"
health=$(sed -n "s/^TENON_DEMO_HEALTH=[\"']\{0,1\}\([^\"']*\).*/\1/p" "$1" | tail -n 1)
[ "$health" = ok ] || fail "$1 says TENON_DEMO_HEALTH=${health:-(nothing)}, not ok"
