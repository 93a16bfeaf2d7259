#!/usr/bin/env bash
# A private MariaDB (or MySQL): the store's tests, whole runs, the ways to name
# a server, and a table that is not ours.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

db_need
db_start "${db_options[@]}"
fleet_start
hosts=$scratch/hosts.txt
mix=well=40,wrong-password=2,sql=2,control=1,latin1=1,refused=1
fleet_hosts "$mix" >"$hosts"
export SSHINV_DB_PASSWORD=$db_password

# With an empty database before it.
fresh() {
  db_sql "DROP DATABASE $db_database;
          CREATE DATABASE $db_database CHARACTER SET utf8mb4"
  fleet_ask reset >/dev/null
}

# The run must have ended before it asked anything of any host.
no_connection() {
  check_eq "lines" "" "$(cat "$out")"
  check_eq "connections" 0 "$(fleet_connections)"
}

note "the store's own tests"
dsn=mysql://$db_user:$db_password_in_dsn@127.0.0.1:$db_port/$db_database
for test in test_store test_store_load test_store_schema test_replay \
  test_replay_end test_replay_order test_resume test_store_spool \
  test_store_switch test_store_away test_store_pins; do
  SSHINV_TEST_DB=$dsn run "$build/tests/$test"
  [ "$status" = 0 ] ||
    give_up "$test: $(grep -v '  OK ' "$err" | tail -n 20)"
done

note "a run: tables made, a row for each host"
fresh
sshinv --db "$(db_dsn)" "$hosts"
check_eq "exit status: a login was refused" 4 "$status"
check_eq "rows" "auth|2,ok|44,refused|1" "$(db_rows "
  SELECT status, count(*) FROM server_status GROUP BY status ORDER BY status" |
  paste -sd ,)"
check_eq "own hostnames" 40 "$(db_rows "SELECT count(*) FROM server_status
  WHERE hostname = concat('host-', ip)")"
check_eq "a host's SQL is text" 2 "$(db_rows "SELECT count(*)
  FROM server_status WHERE hostname LIKE '%DROP TABLE%'")"
check_eq "no password" 0 "$(db_rows "SELECT count(*) FROM server_status
  WHERE password IS NOT NULL")"
check_contains "the summary names the store" "127.0.0.1:$db_port/$db_database" \
  "$(cat "$err")"
check_lacks "without the password" "$db_password" "$(cat "$err")"

note "again: the same rows, seen later"
sshinv --db "$(db_dsn)" "$hosts"
check_eq "rows" 47 "$(db_rows "SELECT count(*) FROM server_status")"
check_eq "seen twice" 44 "$(db_rows "SELECT count(*) FROM server_status
  WHERE last_seen > first_seen")"
check_eq "runs" 2 "$(db_rows "SELECT count(*) FROM runs")"

note "an option file names the server"
fresh
cat >"$HOME/.my.cnf" <<END
[sshinv]
host=127.0.0.1
port=$db_port
user=$db_user
password='$db_password'
database=$db_database
END
(
  unset SSHINV_DB_PASSWORD
  sshinv "$hosts"
  check_eq "exit status" 4 "$status"
  check_contains "the summary" "127.0.0.1:$db_port/$db_database" "$(cat "$err")"
)
check_eq "rows" 47 "$(db_rows "SELECT count(*) FROM server_status")"

note "a password in the DSN works, with a warning that does not repeat it"
(
  unset SSHINV_DB_PASSWORD
  sshinv --db "$dsn" "$hosts"
  check_eq "exit status" 4 "$status"
  check_contains "the warning" "warning:" "$(cat "$err")"
  check_lacks "the messages" "$db_password" "$(cat "$err")"
  check_lacks "the messages" "$db_password_in_dsn" "$(cat "$err")"
)

note "SSHINV_DB comes before the option file, --db before both"
SSHINV_DB=sqlite:$scratch/other.db sshinv "$hosts"
check_contains "the summary" "other.db" "$(cat "$err")"
SSHINV_DB=sqlite:$scratch/other.db sshinv --db "$(db_dsn)" "$hosts"
check_contains "the summary" "127.0.0.1:$db_port/$db_database" "$(cat "$err")"
rm "$HOME/.my.cnf"

note "a server that is not there ends the run before the first connection"
fleet_ask reset >/dev/null
nobody=$(free_port)
sshinv --db "mysql://$db_user@127.0.0.1:$nobody/$db_database" "$hosts"
check_eq "exit status" 6 "$status"
check_contains "where" "127.0.0.1:$nobody" "$(cat "$err")"
check_eq "one line" 1 "$(lines_of "$err")"
no_connection

note "so does a refused password, which is not repeated to the user"
SSHINV_DB_PASSWORD=not-this-one sshinv --db "$(db_dsn)" "$hosts"
check_eq "exit status" 6 "$status"
check_lacks "the message" not-this-one "$(cat "$err")"
no_connection

note "and a database that does not exist"
sshinv --db "mysql://$db_user@127.0.0.1:$db_port/nowhere" "$hosts"
check_eq "exit status" 6 "$status"
no_connection

note "a server_status that is not ours is left alone, until --adopt-table"
fresh
db_rows "CREATE TABLE server_status (ip VARCHAR(20), password VARCHAR(64),
    hostname VARCHAR(64));
  INSERT INTO server_status VALUES ('192.168.32.167', 'pw1', 'ns.root'),
    ('192.168.32.110', 'pw2', NULL)"
sshinv --db "$(db_dsn)" "$hosts"
check_eq "exit status" 6 "$status"
check_contains "the way out" "--adopt-table" "$(cat "$err")"
no_connection
check_eq "nothing was altered" "3|2" "$(db_rows "
  SELECT (SELECT count(*) FROM information_schema.columns
          WHERE table_schema = '$db_database' AND table_name = 'server_status'),
         (SELECT count(*) FROM server_status)")"
sshinv --db "$(db_dsn)" --adopt-table "$hosts"
check_eq "exit status" 4 "$status"
check_eq "the old table" "2" "$(db_rows "SELECT count(*) FROM server_status_old
  WHERE password LIKE 'pw%'")"
check_eq "copied" "192.168.32.167|ns.root|1" "$(db_rows "
  SELECT ip, hostname, password IS NULL FROM server_status
  WHERE ip = '192.168.32.167'")"
check_eq "and the run's rows" 47 "$(db_rows "
  SELECT count(*) FROM server_status WHERE ip LIKE '127.%'")"

note "an account that may not create tables, with the schema printed for it"
fresh
db_sql "CREATE USER 'writer'@'127.0.0.1' IDENTIFIED BY '$db_password';
  GRANT SELECT, INSERT, UPDATE ON $db_database.* TO 'writer'@'127.0.0.1'"
writer=mysql://writer@127.0.0.1:$db_port/$db_database
sshinv --db "$writer" "$hosts"
check_eq "without tables" 6 "$status"
check_contains "the way out" "--print-schema" "$(cat "$err")"
no_connection
sshinv --print-schema mysql
check_eq "exit status" 0 "$status"
"$db_client" --no-defaults -u root -S "$db_socket" -D "$db_database" <"$out"
sshinv --db "$writer" "$hosts"
check_eq "with tables" 4 "$status"
check_eq "rows" 47 "$(db_rows "SELECT count(*) FROM server_status")"

note "with CREATE, as the README grants it, it makes them itself"
fresh
db_sql "GRANT CREATE ON $db_database.* TO 'writer'@'127.0.0.1'"
sshinv --db "$writer" "$hosts"
check_eq "exit status" 4 "$status"
check_eq "rows" 47 "$(db_rows "SELECT count(*) FROM server_status")"
