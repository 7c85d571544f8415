#!/usr/bin/env bash
# Kills a server, and one that encrypts, with SIGKILL 100 times each
# (STATOR_CRASH_ROUNDS) under the load of 32 writers, checks the data after every restart, and prints the totals.
set -euo pipefail
cd "$(dirname "$0")/.."
export STATOR_CRASH_ROUNDS=${STATOR_CRASH_ROUNDS:-100}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! go test -count=1 -timeout 60m -run '^TestKill$' -v . >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
sed -n 's/^.*: \([A-Za-z\/]*: rounds [0-9]*, acknowledged.*\)$/\1/p; s/^.*\(STATOR_TEST_SEED=[0-9]*\)$/\1/p' "$log"
