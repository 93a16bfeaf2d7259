#!/usr/bin/env bash
# --no-spool: the run ends when its database is lost, and the hosts without a
# row have no line.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

db_need
db_start "${db_options[@]}"
fleet_start
export SSHINV_DB_PASSWORD=$db_password
plan 40

# The run of which $1 says what became of the database.
check_lost() {
  check_eq "exit status after $1" 6 "$status"
  check_eq "said once" 1 "$(grep -c 'the run ends' "$err")"
  check_no_spool
  check_lines_are_rows
  check_eq "the run has no end" 1 "$(db_rows "
    SELECT count(*) FROM runs WHERE end_time IS NULL")"
}

note "a server that stays away"
begin --db "$(db_dsn)" --db-timeout 1 --no-spool
hand 20
wait_lines 20
db_gone
hand_rest
ended
check_eq "lines" 20 "$(lines_of "$out")"
db_back
check_lost "a kill"

note "one that is back in time"
fresh
begin --db "$(db_dsn)" --db-timeout 30 --no-spool
hand 20
wait_lines 20
db_gone
hand 10
said "the database was lost"
db_back
hand_rest
ended
check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored

note "rights that are taken away"
fresh
begin --db "$(db_dsn)" --no-spool
hand 20
wait_lines 20
revoke INSERT
hand_rest
ended
check_lost "a REVOKE"
check_contains "the reason" "denied" "$(cat "$err")"
grant INSERT

note "lost in the middle of a crowd: lines and rows are the same hosts"
fresh
plan 300
start --db "$(db_dsn)" --db-timeout 1 --no-spool -f 32 "$hosts"
wait_lines 100
db_sql "DROP TABLE $db_database.runs; RENAME TABLE
  $db_database.server_status TO $db_database.kept"
ended
check_eq "exit status" 6 "$status"
db_sql "RENAME TABLE $db_database.kept TO $db_database.server_status"
check_lines_are_rows
check_le "lines" 299 "$(lines_of "$out")"

note "a spool that cannot be made is as good as none"
fresh
plan 40
: >"$XDG_STATE_HOME"
begin --db "$(db_dsn)" --db-timeout 1
hand 20
wait_lines 20
revoke INSERT
hand_rest
ended
grant INSERT
check_lost "a REVOKE"
check_contains "both reasons" "no spool" "$(cat "$err")"
rm "$XDG_STATE_HOME"

note "a run that has lost its database as it ends: its hosts are all stored"
fresh
plan 10
begin --db "$(db_dsn)" --db-timeout 1 --no-spool
hand 10
wait_lines 10
db_gone
hand_rest
ended
check_eq "exit status" 6 "$status"
check_all_printed
db_back
check_all_stored
