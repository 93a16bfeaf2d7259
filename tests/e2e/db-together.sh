#!/usr/bin/env bash
# Several sshinv at the same time: over the same hosts, and over others into one
# database that is empty, so that its tables are made in a race. SSHINV_FULL=1:
# more rounds.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

rounds=2
[ "${SSHINV_FULL:-0}" = 0 ] || rounds=20

need sqlite3
db_need
db_start "${db_options[@]}"
fleet_start
export SSHINV_DB_PASSWORD=$db_password

# at_once DSN FILE...: a run for each file, started together. All must be well,
# and have nothing to tell but their summary.
at_once() {
  local dsn=$1 pids=() i
  shift
  for ((i = 1; i <= $#; i++)); do
    "$program" --db "$dsn" -f 16 "${!i}" >"$scratch/out.$i" \
      2>"$scratch/err.$i" &
    pids+=("$!")
    undo_at_exit "stop_pid $!"
  done
  for ((i = 1; i <= $#; i++)); do
    status=0
    wait "${pids[i - 1]}" || status=$?
    check_eq "exit status of number $i: $(cat "$scratch/err.$i")" 0 "$status"
    check_eq "what number $i said: $(cat "$scratch/err.$i")" 1 \
      "$(lines_of "$scratch/err.$i")"
    check_eq "lines of number $i" "$(lines_of "${!i}")" \
      "$(lines_of "$scratch/out.$i")"
  done
}

plan 320
rm -f "$scratch"/part.*
split -n r/8 "$hosts" "$scratch/part."

for ((round = 1; round <= rounds; round++)); do
  note "eight runs over 320 hosts into an empty database, round $round"
  fresh
  at_once "$(db_dsn)" "$scratch"/part.*
  check_all_stored
  check_eq "runs" "8|320" "$(db_rows "
    SELECT count(*), sum(ok) FROM runs WHERE end_time IS NOT NULL")"

  note "eight runs over 320 hosts into a SQLite file that is not there"
  rm -f "$db"*
  at_once "sqlite:$db" "$scratch"/part.*
  rows "SELECT ip, hostname, status FROM server_status" | sort >"$scratch/got"
  check_same "every host has its row" "$all" "$scratch/got"
  check_eq "runs" "8|320" "$(rows "
    SELECT count(*), sum(ok) FROM runs WHERE end_time IS NOT NULL")"
  check_eq "the file is whole" ok "$(rows "PRAGMA integrity_check")"

  note "two runs over the same hosts, new ones and known ones"
  fresh
  for _ in new known; do
    # Not in the same order, as those that lock each other's rows would be.
    tac "$hosts" >"$scratch/backwards"
    at_once "$(db_dsn)" "$hosts" "$scratch/backwards"
    check_all_stored
  done
  rm -f "$db"*
  for _ in new known; do
    at_once "sqlite:$db" "$hosts" "$scratch/backwards"
    rows "SELECT ip, hostname, status FROM server_status" | sort >"$scratch/got"
    check_same "every host has its row" "$all" "$scratch/got"
  done
done
