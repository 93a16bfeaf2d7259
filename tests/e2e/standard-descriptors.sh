#!/usr/bin/env bash
# Standard input, output and error closed by whoever started sshinv, each and
# together: no socket and no database ever takes their place.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=8,motd=2,wrong-password=2 >"$hosts"

# closed STATUS REDIRECTION...: a run with these closed ends so, and its rows
# are all there and sound.
closed() {
  local want=$1 words
  shift
  note "$*"
  rm -f "$db"*
  sshinv_words
  : >"$out"
  : >"$err"
  status=0
  # The redirections are words, so a shell of its own reads them.
  timeout 60 bash -c "exec \"\$@\" $*" sh "${words[@]}" --db "sqlite:$db" \
    "$hosts" >"$out" 2>"$err" || status=$?
  check_eq "exit status" "$want" "$status"
  check_eq "the store" ok "$(rows "PRAGMA integrity_check")"
}

all_rows() {
  check_eq "rows" 12 "$(rows "SELECT count(*) FROM server_status")"
}

closed 4 '<&-'
all_rows
check_eq "lines" 12 "$(lines_of "$out")"
closed 4 '2>&-'
all_rows
check_eq "lines" 12 "$(lines_of "$out")"
closed 4 '<&- 2>&-'
all_rows
check_eq "lines" 12 "$(lines_of "$out")"

# The lines went nowhere: an error, whether anybody can be told or not.
closed 1 '>&-'
check_contains "what is said" "Bad file descriptor" "$(cat "$err")"
closed 1 '<&- >&-'
closed 1 '>&- 2>&-'
closed 1 '<&- >&- 2>&-'

note "host lines from a standard input that is closed"
status=0
timeout 60 "$program" --no-db - >"$out" 2>"$err" <&- || status=$?
check_eq "exit status" 2 "$status"
check_contains "what is said" "standard input" "$(cat "$err")"
