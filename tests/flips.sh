#!/usr/bin/env bash
# Flips 1,000 bits (STATOR_FLIPS), one at a time, of a data directory and of a
# backup of a whole server, reads everything back each time, and prints how many
# were named and how many harmless. None may change what is read.
set -euo pipefail
cd "$(dirname "$0")/.."
export STATOR_FLIPS=${STATOR_FLIPS:-1000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! go test -count=1 -timeout 60m -run '^TestFlippedBits$' -v . >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
sed -n 's/^.*: \([0-9]* bits flipped.*\)$/\1/p; s/^.*\(STATOR_TEST_SEED=[0-9]*\)$/\1/p' "$log"
