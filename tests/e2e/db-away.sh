#!/usr/bin/env bash
# A server that goes: it comes back in time, or the rest of the run goes to a
# spool, which `sshinv replay` brings in.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

need sqlite3
db_need
db_start "${db_options[@]}"
fleet_start
export SSHINV_DB_PASSWORD=$db_password
plan 40

note "it is shut down in order and comes back in time: nothing is missing"
begin --db "$(db_dsn)"
hand 20
wait_lines 20
stop_pid "$db_pid"
hand 10
said "the database was lost"
db_back
said "the database is back"
hand_rest
ended
check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored
check_run_ended
check_no_spool

note "it stays away for longer than --db-timeout: the spool takes the rest"
fresh
begin --db "$(db_dsn)" --db-timeout 2
hand 20
wait_lines 20
db_gone
start=$(now_ms)
hand 10
wait_lines 30
check_soon "to the next line" "$start"
# The database is there again, but the run stays with its spool.
db_back
hand_rest
ended
check_spooled
check_eq "the folder is its owner's" 700 \
  "$(stat -c %a "$XDG_STATE_HOME/sshinv")"
check_contains "the summary names both" "$spool" "$(tail -n 1 "$err")"
check_eq "rows in the database" 20 "$(rows_now | wc -l)"
check_eq "rows in the spool" 20 "$(sqlite3 -readonly "$spool" "
  SELECT count(*) FROM server_status")"
check_eq "its passwords" 0 "$(sqlite3 -readonly "$spool" "
  SELECT count(*) FROM server_status WHERE password IS NOT NULL")"
check_eq "one file, without a journal" 1 \
  "$(find "$XDG_STATE_HOME" -name 'spool-*' | wc -l)"
check_eq "the run has no end in the database yet" 0 "$(db_rows "
  SELECT count(*) FROM runs WHERE end_time IS NOT NULL")"

note "replay brings it in and removes it, once"
check_replay
check_run_ended
replay
check_eq "exit status without a spool" 2 "$status"

note "a server that is away when the spool is brought in: the spool stays"
fresh
begin --db "$(db_dsn)" --db-timeout 1 --store-password
hand 20
wait_lines 20
db_gone
hand_rest
ended
check_spooled
check_eq "passwords, since they were asked for" 20 "$(sqlite3 -readonly "$spool" "
  SELECT count(*) FROM server_status WHERE password = 'fleet-secret'")"
cp "$spool" "$scratch/kept"
replay --db-timeout 1
check_eq "exit status" 6 "$status"
cmp "$spool" "$scratch/kept" || give_up "the spool was touched"
db_back
check_replay

check_eq "with their passwords" 40 "$(db_rows "
  SELECT count(*) FROM server_status WHERE password = 'fleet-secret'")"

note "away before the run begins: no run, no spool, no line"
db_gone
sshinv --db "$(db_dsn)" --db-timeout 1 "$hosts"
check_eq "exit status" 6 "$status"
check_eq "lines" 0 "$(lines_of "$out")"
check_no_spool
