#!/usr/bin/env bash
# A store that is lost while the run goes on: no line without a row.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
# Four at a time, a second each.
fleet_hosts slow-login=40 >"$hosts"

# Starts a run with the store $1. Sets $pid.
start() {
  env --default-signal=INT "$program" --db "$1" -f 4 "$hosts" \
    >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "the first lines" lines_are_there 4
}

lines_are_there() {
  [ "$(lines_of "$out")" -ge "$1" ]
}

ended() {
  wait_for 20 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
}

addresses() {
  sed -E 's/^IP:([0-9.]+) .*/\1/' "$out" | sort
}

note "SQLite: a table that is gone ends the run"
start "sqlite:$db"
sqlite3 -cmd '.timeout 10000' "$db" "ALTER TABLE server_status RENAME TO kept"
ended
check_eq "exit status" 6 "$status"
check_eq "said once" 1 "$(grep -c 'the run ends' "$err")"
addresses >"$scratch/got"
rows "SELECT ip FROM kept" | sort >"$scratch/want"
check_same "rows (<) and lines (>)" "$scratch/want" "$scratch/got"
check_le "lines" 39 "$(lines_of "$out")"
check_eq "and the run has no end" 1 "$(rows "
  SELECT count(*) FROM runs WHERE end_time IS NULL")"

db_need
db_start
export SSHINV_DB_PASSWORD=$db_password

server_dies() {
  kill -9 "$db_pid"
  # Its shell need not say that it was killed.
  wait "$db_pid" 2>/dev/null || true
  wait_for 20 "the notice" grep -q "the database was lost" "$err"
}

note "a server that dies and comes back: the run waits, nothing is missing"
start "$(db_dsn)"
server_dies
db_try || give_up "$db_kind does not come back: $(tail -n 5 "$db_dir/log")"
wait_for 60 "the end of the run" gone "$pid"
ended
check_eq "exit status" 0 "$status"
check_eq "lines" 40 "$(addresses | uniq | wc -l)"
check_eq "rows" 40 "$(db_rows "SELECT count(*) FROM server_status
  WHERE status = 'ok'")"
check_eq "the run's end" 1 "$(db_rows "SELECT count(*) FROM runs
  WHERE end_time IS NOT NULL")"

note "a server that stays away: a signal ends the waiting"
db_sql "DELETE FROM $db_database.server_status"
start "$(db_dsn)"
server_dies
kill -INT "$pid"
ended
check_eq "exit status" 130 "$status"
check_eq "said once" 1 "$(grep -c 'the run ends' "$err")"
addresses >"$scratch/got"
db_try || give_up "$db_kind does not come back: $(tail -n 5 "$db_dir/log")"
db_rows "SELECT ip FROM server_status" | sort >"$scratch/want"
# A row more is no lie: its commit came through, the answer to it did not.
check_eq "lines without a row" "" "$(comm -13 "$scratch/want" "$scratch/got")"
check_le "lines" 39 "$(lines_of "$out")"
