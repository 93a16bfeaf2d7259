#!/usr/bin/env bash
# A server that is there and says no: read-only after a failover, out of
# connections, connections killed or closed for being idle, packets too large.
# All of that passes; rights and tables that are gone do not, and then the spool
# takes the rest at once.
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

# The rest of a run that the fault outlives, and what a replay makes of it when
# it has passed at last ($1).
check_spool_and_replay() {
  hand_rest
  ended
  check_spooled
  eval "$1"
  check_replay
  check_run_ended
}

note "read-only, and writable again"
begin_half
db_sql "SET GLOBAL read_only = 1"
hand 10
said "read-only"
db_sql "SET GLOBAL read_only = 0"
check_well

note "read-only for good"
begin_half --db-timeout 1
db_sql "SET GLOBAL read_only = 1"
check_spool_and_replay 'db_sql "SET GLOBAL read_only = 0"'

note "the account's only connection is killed, and another client takes it"
begin_half
for host in 127.0.0.1 localhost; do
  db_sql "ALTER USER '$db_user'@'$host' WITH MAX_USER_CONNECTIONS 1"
done
kill_connections
wait_for 20 "the connection's end" no_connection_left
other_begin -h 127.0.0.1 -P "$db_port" --protocol=tcp -u "$db_user" \
  -p"$db_password"
other_does "SELECT 1"
hand 10
said "the database was lost"
other_end
check_well
for host in 127.0.0.1 localhost; do
  db_sql "ALTER USER '$db_user'@'$host' WITH MAX_USER_CONNECTIONS 0"
done

note "others take all connections of the server"
begin_half
most=$(db_sql "SELECT @@max_connections")
kill_connections
wait_for 20 "the connection's end" no_connection_left
mkfifo "$scratch/silence"
exec 7<>"$scratch/silence"
takers=()
for _ in {1..10}; do
  "$db_client" --no-defaults -u "$db_user" -p"$db_password" -S "$db_socket" \
    <"$scratch/silence" >"$scratch/taker" 2>&1 7>&- 8>&- &
  takers+=("$!")
  undo_at_exit "stop_pid $!"
done
taken() {
  [ "$(connections_now | wc -l)" = 10 ]
}
wait_for 20 "the others' connections" taken
# One more is always left for an administrator.
db_sql "SET GLOBAL max_connections = 10"
# Refused at once, or after the login: the server counts these apart.
refusals() {
  db_sql "SHOW GLOBAL STATUS WHERE Variable_name IN
    ('Aborted_connects', 'Connection_errors_max_connections')" |
    awk '{ sum += $2 } END { print sum }'
}
before=$(refusals)
hand 10
said "the database was lost"
turned_away() {
  [ "$(refusals)" -gt "$before" ]
}
wait_for 20 "a connection that is refused" turned_away
kill "${takers[@]}"
exec 7<&-
check_well
db_sql "SET GLOBAL max_connections = $most"

note "the connection is killed again and again"
fresh
plan 300
begin --db "$(db_dsn)" -f 32
wait_for 20 "the run's row" begun
killed=0
# kills N: there were as many, whatever the connection was doing.
kills() {
  local id
  for id in $(connections_now); do
    # It may have ended meanwhile.
    ! db_sql "KILL $id" || killed=$((killed + 1))
  done
  [ "$killed" -ge "$1" ]
}
for portion in {1..9}; do
  hand 30
  wait_for 60 "kill $portion" kills "$portion"
done
hand_rest
ended
note "$killed times"
check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored
check_run_ended

note "its statements are"
fresh
start --db "$(db_dsn)" -f 32 "$hosts"
wait_for 20 "the run's row" begun
while alive "$pid"; do
  for id in $(connections_now); do
    db_sql "KILL QUERY $id" 2>/dev/null || true
  done
done
ended
check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored
check_run_ended
plan 40

note "the server ends a connection that was idle for a second"
db_sql "SET GLOBAL wait_timeout = 1"
begin_half
wait_for 20 "the end of the connection" no_connection_left
db_sql "SET GLOBAL wait_timeout = 28800"
check_well

note "packets that are too small for a batch: rows are written one by one"
plan 200
db_sql "SET GLOBAL max_allowed_packet = 8192"
fresh
begin --db "$(db_dsn)" -f 128
gather 120
check_well

note "and for a row: that one is refused, the others are stored"
fresh
plan 20
# shellcheck disable=SC2016 # for the hosts' shell
begin --db "$(db_dsn)" -c \
  'case $(hostname) in *.7) head -c 20000 /dev/zero | tr "\\0" x ;; esac'
hand_rest
ended
check_eq "exit status" 6 "$status"
check_contains "which" "127.1.0.7 port $fleet_port was not stored" "$(cat "$err")"
grep -v '^127.1.0.7|' "$all" >"$scratch/want"
rows_now >"$scratch/got"
check_same "the others" "$scratch/want" "$scratch/got"
check_eq "their lines" 19 "$(lines_of "$out")"
check_no_spool
db_sql "SET GLOBAL max_allowed_packet = 16777216"
plan 40

note "whatever is tried ends in a deadlock, for longer than --db-timeout"
begin_half --db-timeout 1
db_rows "CREATE TRIGGER no BEFORE INSERT ON server_status FOR EACH ROW
  SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213"
check_spool_and_replay 'db_rows "DROP TRIGGER no"'

note "the right to write is taken away: the spool takes the rest at once"
begin_half
revoke INSERT
check_spool_and_replay "grant INSERT"

note "so is the account's password"
begin_half
for host in 127.0.0.1 localhost; do
  db_sql "ALTER USER '$db_user'@'$host' IDENTIFIED BY 'another'"
done
kill_connections
# shellcheck disable=SC2016 # evaluated later
check_spool_and_replay 'for host in 127.0.0.1 localhost; do
  db_sql "ALTER USER \"$db_user\"@\"$host\" IDENTIFIED BY \"${db_password//\"/\\\"}\""
done'

note "a column is dropped"
begin_half
db_rows "ALTER TABLE server_status DROP COLUMN ssh_version"
check_spool_and_replay \
  'db_rows "ALTER TABLE server_status ADD COLUMN ssh_version VARCHAR(255)"'

note "a column is added that wants a value"
begin_half
db_rows "ALTER TABLE server_status ADD COLUMN own INT NOT NULL"
check_spool_and_replay 'db_rows "ALTER TABLE server_status DROP COLUMN own"'

note "the tables are dropped: what comes after that is kept"
begin_half
db_rows "DROP TABLE server_status; DROP TABLE server_history; DROP TABLE runs;
  DROP TABLE sshinv_schema"
hand_rest
ended
check_spooled
replay
check_eq "exit status of the replay" 0 "$status"
check_eq "rows" 20 "$(rows_now | wc -l)"

note "so is the database"
begin_half
db_sql "DROP DATABASE $db_database"
hand_rest
ended
check_spooled
db_sql "CREATE DATABASE $db_database CHARACTER SET utf8mb4"
replay
check_eq "exit status of the replay" 0 "$status"
check_eq "rows" 20 "$(rows_now | wc -l)"
