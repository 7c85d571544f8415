#!/usr/bin/env bash
# Adds an index to a table of a million items (STATOR_INDEX_ITEMS) under load,
# kills the server ten times on the way, and checks every row in the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export STATOR_INDEX_ITEMS=${STATOR_INDEX_ITEMS:-1000000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! go test -count=1 -timeout 60m -run '^TestIndexIsBuiltAcrossKills$' -v . >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
sed -n 's/^.*\(items [0-9]*, kills.*\)$/\1/p; s/^.*\(STATOR_TEST_SEED=[0-9]*\)$/\1/p' "$log"
