#!/usr/bin/env bash
# Sends a million random requests (STATOR_RANDOM_ROUNDS), valid and invalid
# ones, checks every answer and the data behind them, and prints how many of
# them succeeded and what the others were answered.
set -euo pipefail
cd "$(dirname "$0")/.."
export STATOR_RANDOM_ROUNDS=${STATOR_RANDOM_ROUNDS:-1000000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! go test -count=1 -timeout 60m -run '^TestRandomRequests$' -v ./internal/server >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
sed -n 's/^ *random_test\.go:[0-9]*: //p' "$log"
