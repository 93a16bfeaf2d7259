#!/usr/bin/env bash
# An SQLite store that is of no use any more while the run goes on: no line
# without a row. (Servers: the tests db-*.)
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
# Four at a time, a second each.
fleet_hosts slow-login=40 >"$hosts"

# A run whose table goes away in its middle.
lose_the_table() {
  rm -f "$db"*
  forget_output
  "$program" --db "sqlite:$db" -f 4 "$@" "$hosts" >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "the first lines" lines_are_there 4
  sqlite3 -cmd '.timeout 10000' "$db" "ALTER TABLE server_status RENAME TO kept"
  wait_for 30 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
  check_eq "exit status" 6 "$status"
  sed -E 's/^IP:([0-9.]+) .*/\1/' "$out" | sort >"$scratch/got"
  rows "SELECT ip FROM kept" | sort >"$scratch/kept"
  check_eq "and the run has no end" 1 "$(rows "
    SELECT count(*) FROM runs WHERE end_time IS NULL")"
}

lines_are_there() {
  [ "$(lines_of "$out")" -ge "$1" ]
}

note "--no-spool: the run ends, and has as many lines as rows"
lose_the_table --no-spool
check_eq "said once" 1 "$(grep -c 'the run ends' "$err")"
check_same "rows (<) and lines (>)" "$scratch/kept" "$scratch/got"
check_le "lines" 39 "$(lines_of "$out")"

note "else the spool takes the rest at once, and brings it back"
lose_the_table
check_eq "lines" 40 "$(lines_of "$out")"
spool=$(echo "$XDG_STATE_HOME"/sshinv/spool-*.db)
sqlite3 "$spool" "SELECT ip FROM server_status" | sort - "$scratch/kept" \
  >"$scratch/want"
check_same "rows here and there (<) and lines (>)" "$scratch/want" \
  "$scratch/got"
sqlite3 "$db" "ALTER TABLE kept RENAME TO server_status"
sshinv replay "$spool" --db "sqlite:$db"
check_eq "exit status of the replay" 0 "$status"
check_eq "rows" 40 "$(rows "SELECT count(*) FROM server_status")"
