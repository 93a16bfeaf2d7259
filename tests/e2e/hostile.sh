# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh: servers that do what no server does, by AsyncSSH.

# hostile_start NAME [ARGUMENT]...: tests/e2e/NAME.py, which says "ready PORT".
# Sets $port; what it says is in $scratch/server.
hostile_start() {
  local python=/usr/bin/python3 name=$1 server
  shift
  "$python" -c 'import asyncssh' 2>/dev/null ||
    give_way "AsyncSSH (python3-asyncssh) is not installed"
  "$python" -W ignore "$root/tests/e2e/$name.py" "$@" \
    >"$scratch/server" 2>"$scratch/server.err" &
  server=$!
  undo_at_exit "stop_pid $server"
  wait_for 60 "the server's start" grep -q '^ready ' "$scratch/server"
  port=$(awk '{ print $2 }' "$scratch/server")
}
