#!/usr/bin/env bash
# Drives every operation with the AWS CLI, boto3 and the AWS SDK for JavaScript,
# each against a new server and as far as its runtime is here. (The SDK for Go
# does the same in drive_test.go.)
#
#   tests/sdks.sh                  all
#   tests/sdks.sh drive.py         one of drive.sh, drive.py, drive.mjs
#
# Exit status 3 says that none of the runtimes is there: nothing was run.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# The operations that are supported, as the page says; a test keeps it right.
STATOR_OPERATIONS=$(sed -n 's/^|[^|]*| \([A-Za-z]*\) | supported |$/\1/p' "$root/docs/supported.md" | tr '\n' ' ')
export STATOR_OPERATIONS
[ -n "$STATOR_OPERATIONS" ] || { echo 'docs/supported.md names no operation' >&2; exit 1; }

# The packages of drive.mjs.
javascript=(@aws-sdk/client-dynamodb@3.1162.0 @aws-sdk/lib-dynamodb@3.1162.0 @aws-sdk/client-dynamodb-streams@3.1141.0)

# missing says what a script lacks, and nothing if it can run.
missing() {
  case $1 in
    *.mjs) command -v npm >/dev/null || echo 'there is no npm on this machine' ;;
    *) command -v python3 >/dev/null || echo 'there is no python3 on this machine' ;;
  esac
}

# drive runs one script against a new server.
drive() {
  start
  case $1 in
    drive.py) client && python3 "$root/tests/drive.py" "$url" ;;
    drive.sh) client && "$root/tests/drive.sh" "$url" ;;
    drive.mjs) # modules are looked for beside the script
      mkdir -p "$work/js"
      cp "$root/tests/drive.mjs" "$work/js"
      npm install --prefix "$work/js" --no-audit --no-fund --no-package-lock --loglevel=error "${javascript[@]}" >"$work/npm.out" || { cat "$work/npm.out" >&2; return 1; }
      node --no-warnings "$work/js/drive.mjs" "$url"
      ;;
    *) echo "there is no tests/$1" >&2 && return 1 ;;
  esac
  kill "$server"
  wait "$server"
  server=
  rm -rf "$work/data"
}

scripts=("$@")
[ ${#scripts[@]} -gt 0 ] || scripts=(drive.py drive.mjs drive.sh)
build
ran=0
for script in "${scripts[@]}"; do
  why=$(missing "$script")
  if [ -n "$why" ]; then
    echo "$script: NOT RUN: $why" >&2
    continue
  fi
  drive "$script"
  ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || exit 3
