#!/usr/bin/env bash
# A server that does not answer, or slowly: it hangs, others hold its rows, its
# table or all of it, it takes its time for each row, it ends our transactions
# for a deadlock.
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

# ten_wait SECONDS: ten hosts wait for their rows, and there is no line yet when
# that time is over.
ten_wait() {
  hand 10
  wait_for 60 "ten hosts" all_probed 30
  sleep "$1"
  check_eq "lines" 20 "$(lines_of "$out")"
}

# With --db-timeout 1 the next lines come when it is over, not after a minute.
check_spools_soon() {
  local start
  start=$(now_ms)
  hand 10
  wait_lines 30
  check_soon "to the next line" "$start"
}

check_spool_and_replay() {
  hand_rest
  ended
  check_spooled
  check_replay
  check_run_ended
}

note "it hangs and goes on in time"
begin_half
db_stop
ten_wait 1
db_continue
check_well

note "it hangs for longer than --db-timeout"
begin_half --db-timeout 1
db_stop
check_spools_soon
hand_rest
ended
check_spooled
db_continue
check_replay
check_run_ended

note "it hangs while a new connection is made"
begin_half --db-timeout 2
kill_connections
db_stop
start=$(now_ms)
hand_rest
ended
check_soon "to the end" "$start"
check_spooled
db_continue
check_replay

note "it hangs before the run begins"
fresh
db_stop
start=$(now_ms)
sshinv --db "$(db_dsn)" --db-timeout 1 "$hosts"
check_soon "to the end" "$start"
db_continue
check_eq "exit status" 6 "$status"
check_eq "lines" 0 "$(lines_of "$out")"

# hold SQL: another client does that, and keeps what it locks.
hold() {
  other_begin
  other_does "$1"
}

waits_for_lock() {
  [ "$(db_sql "SELECT count(*) FROM information_schema.innodb_trx
    WHERE trx_state = 'LOCK WAIT'")" -ge 1 ]
}

note "rows are locked for two seconds"
begin_half
hold "BEGIN; SELECT count(*) FROM server_status FOR UPDATE"
ten_wait 2
# Between two tries nobody does.
wait_for 60 "somebody who waits for the lock" waits_for_lock
other_end
check_well

note "rows are locked for longer than the server's own lock timeout"
db_sql "SET GLOBAL innodb_lock_wait_timeout = 1"
begin_half
hold "BEGIN; SELECT count(*) FROM server_status FOR UPDATE"
ten_wait 2
other_end
check_well
db_sql "SET GLOBAL innodb_lock_wait_timeout = 50"

note "rows are locked for longer than --db-timeout"
begin_half --db-timeout 1
hold "BEGIN; SELECT count(*) FROM server_status FOR UPDATE"
check_spools_soon
other_end
check_spool_and_replay

note "the table is locked for a second"
begin_half
hold "LOCK TABLES server_status WRITE"
ten_wait 1
other_end
check_well

note "the table is locked for longer than --db-timeout"
begin_half --db-timeout 1
hold "LOCK TABLES server_status WRITE"
check_spools_soon
other_end
check_spool_and_replay

note "everything is locked, as by a backup"
begin_half
hold "FLUSH TABLES WITH READ LOCK"
ten_wait 1
other_end
check_well

note "each row takes 20 ms"
fresh_tables
db_rows "CREATE TRIGGER slow BEFORE INSERT ON server_status
  FOR EACH ROW DO SLEEP(0.02)"
begin --db "$(db_dsn)" -f 32
check_well

note "deadlocks with another client"
# That one is the bigger transaction, and so the one that goes on.
fresh_tables
db_rows "CREATE TABLE bulk (i INT) ENGINE=InnoDB;
  INSERT INTO bulk VALUES (1), (2), (3), (4);
  INSERT INTO bulk SELECT a.i FROM bulk a, bulk b, bulk c, bulk d"
sshinv --db "$(db_dsn)" "$hosts"
check_eq "exit status" 0 "$status"
fleet_ask reset >/dev/null
deadlocks() {
  db_sql "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'" | cut -f 2
}
before=$(deadlocks)
begin --db "$(db_dsn)" -f 32
other_begin
other_does "BEGIN; UPDATE bulk SET i = i + 1"
# The last by key; the batch has those before it when it comes to that.
other_does "SELECT count(*) FROM server_status WHERE ip = '127.1.0.9' FOR UPDATE"
gather 30
wait_for 20 "somebody who waits for the lock" waits_for_lock
other_does "SELECT count(*) FROM server_status FOR UPDATE; COMMIT"
other_end
check_well
if [ "$before" != "" ]; then
  note "deadlocks: $(($(deadlocks) - before))"
fi
