#!/usr/bin/env bash
# Runs the commands in the pages of docs/ word for word, with the AWS CLI, each
# page against a new server, and compares what they print with what the page
# shows (page.py says how).
#
#   tests/cli.sh                        all pages
#   tests/cli.sh docs/serve.md          one page
#   tests/cli.sh --write docs/serve.md  puts what is printed into the page
#
# Exit status 3 says that the clients are not there: nothing was run.
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
  mapfile -t pages < <(grep -l '^```console' README.md docs/*.md | grep -v docs/kinesis.md) # that is kinesis.sh's
fi
client
for tool in curl jq openssl; do
  command -v "$tool" >/dev/null || { echo "cli.sh: NOT RUN: there is no $tool on this machine" >&2; exit 3; }
done
build
for page in "${pages[@]}"; do
  start --admin
  mkdir "$work/dir"
  (cd "$work/dir" && python3 "$root/tests/page.py" "${write[@]}" console "$root/$page" "$url")
  kill "$server"
  wait "$server"
  server=
  rm -rf "$work/dir" "$work/data"
done
