#!/usr/bin/env bash
# Starts a Kinesis-compatible server, kinesalite from npm, and checks what
# Stator delivers to it: the commands of docs/kinesis.md, and that a kill of
# Stator under load loses nothing.
#
#   tests/kinesis.sh [--write]   --write puts what is printed into the page
#
# Exit status 3 says that a client, or Node.js, is not there: nothing was run.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "$(basename "$0"): NOT RUN: there is no Node.js with npm on this machine" >&2
  exit 3
fi
client
build
mkdir "$work/npm"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/npm" kinesalite@3.3.3

# The program ends with its standard input, which is this script's pipe.
# kinesalite throws when a client ends within a request, as the one below does
# that is killed.
coproc kinesis {
  cd "$work/npm" && exec node -e '
    process.on("uncaughtException", (err) => { if (err.code !== "ECONNRESET") { console.error(err); process.exit(1) } })
    const server = require("kinesalite")({createStreamMs: 10, deleteStreamMs: 10}).listen(0, "127.0.0.1", () => console.log(server.address().port))
    process.stdin.on("end", () => process.exit()).resume()'
}
read -r port <&"${kinesis[0]}"
export AWS_ENDPOINT_URL_KINESIS=http://127.0.0.1:$port
kinesis_flag="--kinesis-endpoint=$AWS_ENDPOINT_URL_KINESIS"

start "$kinesis_flag"
mkdir "$work/dir"
(cd "$work/dir" && python3 "$root/tests/page.py" "$@" console "$root/docs/kinesis.md" "$url")

export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
python3 "$root/tests/kinesis.py" prepare "$url"
: >"$work/acknowledged" # before the first look at it
python3 "$root/tests/kinesis.py" load "$url" >"$work/acknowledged" &
load=$!
until [ "$(wc -l <"$work/acknowledged")" -ge 300 ]; do
  kill -0 "$load" || { echo 'the load ended early' >&2; exit 1; }
  sleep 0.05
done
kill -9 "$server"
wait "$server" 2>/dev/null || true
wait "$load"
start "$kinesis_flag"
python3 "$root/tests/kinesis.py" check "$url" <"$work/acknowledged"
