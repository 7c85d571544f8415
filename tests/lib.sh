# Sourced by the scripts here: builds the server, starts it on a free loopback
# port with data in a temporary directory, and stops it at the end.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
server=

# stop ends the server, by its process id, and removes what this run made.
stop() {
  local status=$?
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap stop EXIT

# build puts the stator command on the PATH.
build() {
  mkdir -p "$work/bin"
  (cd "$root" && CGO_ENABLED=0 go build -o "$work/bin/stator" ./cmd/stator)
  PATH="$work/bin:$PATH"
}

# start sets $url to the address of a new server, with more flags if given.
start() {
  : >"$work/serve.out" # before the first look at it
  stator serve --listen 127.0.0.1:0 --data "$work/data" --log-level ERROR "$@" >"$work/serve.out" 2>"$work/serve.err" &
  server=$!
  url=
  for _ in $(seq 100); do
    url=$(sed -n 's/^stator serves DynamoDB at \(http[^,]*\),.*/\1/p' "$work/serve.out")
    [ -z "$url" ] || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "the server did not start:" >&2
  cat "$work/serve.out" "$work/serve.err" >&2
  return 1
}

# client makes sure that python3 can import boto3 and that the AWS CLI is on
# the PATH, in a virtual environment if need be.
client() {
  if ! command -v python3 >/dev/null; then
    echo "$(basename "$0"): NOT RUN: there is no python3 on this machine" >&2
    exit 3
  fi
  if ! python3 -c 'import boto3' 2>/dev/null || ! command -v aws >/dev/null; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check awscli boto3
    PATH="$work/venv/bin:$PATH"
  fi
  # Nothing of the machine's own AWS settings reaches the commands of a page.
  unset "${!AWS_@}"
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER= AWS_EC2_METADATA_DISABLED=true
}
