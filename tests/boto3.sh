#!/usr/bin/env bash
# Runs the Python blocks of the pages of docs/ word for word, each page against
# a new server, and compares what they print with what the page shows (page.py
# says how). --write and exit status 3 are as in cli.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

write=()
if [ "${1:-}" = --write ]; then
  write=(--write)
  shift
fi
cd "$root"
pages=("$@")
if [ ${#pages[@]} -eq 0 ]; then
  mapfile -t pages < <(grep -l '^```python$' README.md docs/*.md)
fi
client
build
for page in "${pages[@]}"; do
  start
  mkdir "$work/dir"
  (cd "$work/dir" && python3 "$root/tests/page.py" "${write[@]}" python "$root/$page" "$url")
  kill "$server"
  wait "$server"
  server=
  rm -rf "$work/dir" "$work/data"
done
