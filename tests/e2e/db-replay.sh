#!/usr/bin/env bash
# Bringing a spool in: killed in the middle and done again, while its run still
# writes it, beside rows that are newer or older, into MariaDB and SQLite.
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
plan 400

# All further spools are copies of this one.
note "a run whose account lost its rights leaves 400 rows in a spool"
begin --db "$(db_dsn)" -f 128
wait_for 20 "the run's row" begun
revoke ALL
hand 200
wait_lines 200
find_spool

note "a replay while the run still writes it: refused, and nothing is harmed"
# Into SQLite, since that account has no rights: only the spool is in question.
status=0
"$program" replay --db "sqlite:$db" "$spool" >"$scratch/replay.out" \
  2>"$scratch/replay.err" || status=$?
check_eq "exit status" 2 "$status"
check_contains "the reason" "held" "$(cat "$scratch/replay.err")"
check_eq "rows that it brought in" 0 "$(rows "SELECT count(*) FROM server_status")"
hand_rest
ended
check_spooled
check_eq "rows in the database" 0 "$(rows_now | wc -l)"
check_eq "rows in the spool" 400 "$(sqlite3 -readonly "$spool" "
  SELECT count(*) FROM server_status")"
kept=$scratch/kept.db
cp "$spool" "$kept"
grant ALL

# Another client holds the last row, so that a replay comes as far as that.
last=$(cut -d '|' -f 1 "$all" | sort | tail -n 1)
hold_last() {
  other_begin
  other_does "BEGIN; INSERT INTO server_status (ip, port, status)
    VALUES ('$last', $fleet_port, 'refused')"
}

some_rows() {
  [ "$(db_rows "SELECT count(*) FROM server_status")" -gt 0 ]
}

# Starts one and waits until it is there.
replay_half() {
  start replay --db "$(db_dsn)" "$@" "$spool"
  wait_for 20 "the first rows" some_rows
}

check_half() {
  check_le "rows so far" $((planned - 1)) "$(rows_now | wc -l)"
  [ -s "$spool" ] || give_up "the spool is gone before all was in"
}

check_replayed() {
  ended
  check_eq "exit status" 0 "$status"
  [ ! -e "$spool" ] || give_up "the spool is still there"
  check_all_stored
  check_run_ended
}

# Nothing but the spool.
only_spool() {
  fresh_tables
  mkdir -p "${spool%/*}"
  cp "$kept" "$spool"
}

note "kill -9 in the middle of a replay: done again, it is complete"
hold_last
replay_half
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
check_half
other_end
check_replay
check_run_ended

note "two replays of one spool at the same time: one of them is refused"
only_spool
hold_last
replay_half
replay
check_eq "exit status of the second" 2 "$status"
check_contains "the reason" "held" "$(cat "$err")"
check_half
other_end
check_replayed

note "the server is killed and comes back in the middle of a replay"
only_spool
hold_last
replay_half
check_half
db_gone
other_end
said "trying again"
db_back
check_replayed

note "it stays away: the spool stays too, and the next replay ends the work"
only_spool
hold_last
replay_half --db-timeout 1
db_gone
other_end
ended
check_eq "exit status" 6 "$status"
db_back
check_half
check_replay

note "a row is locked for too long: likewise"
only_spool
hold_last
replay_half --db-timeout 1
ended
check_eq "exit status" 6 "$status"
[ -s "$spool" ] || give_up "the spool is gone before all was in"
# The server may come to the statement that was given up even now.
other_end
check_replay

note "again: what is there already is not changed"
mkdir -p "${spool%/*}"
db_rows "SELECT * FROM server_status ORDER BY ip" >"$scratch/before"
cp "$kept" "$spool"
replay
check_eq "exit status" 0 "$status"
db_rows "SELECT * FROM server_status ORDER BY ip" >"$scratch/after"
check_same "the rows" "$scratch/before" "$scratch/after"

note "a newer row stays, an older one is overwritten, a missing one is made"
db_rows "UPDATE server_status SET hostname = 'newer', last_attempt =
      last_attempt + INTERVAL 1 DAY, last_seen = last_attempt
      WHERE ip = '127.1.0.1';
    UPDATE server_status SET hostname = 'older', status = 'refused',
      last_attempt = last_attempt - INTERVAL 1 DAY WHERE ip = '127.1.0.2';
    UPDATE server_status SET hostname = 'never', last_attempt = NULL
      WHERE ip = '127.1.0.3';
    DELETE FROM server_status WHERE ip = '127.1.0.4';
    UPDATE server_status SET hostname = 'another', port = 1
      WHERE ip = '127.1.0.5'"
cp "$kept" "$spool"
replay
check_eq "exit status" 0 "$status"
check_eq "rows" "127.1.0.1|$fleet_port|newer|ok
127.1.0.2|$fleet_port|host-127.1.0.2|ok
127.1.0.3|$fleet_port|host-127.1.0.3|ok
127.1.0.4|$fleet_port|host-127.1.0.4|ok
127.1.0.5|1|another|ok
127.1.0.5|$fleet_port|host-127.1.0.5|ok" "$(db_rows "
  SELECT ip, port, hostname, status FROM server_status
  WHERE ip LIKE '127.1.0._' AND ip < '127.1.0.6' ORDER BY ip, port")"
check_eq "all of them" 401 "$(rows_now | wc -l)"

note "a run that ended later keeps its end"
db_rows "UPDATE runs SET end_time = end_time + INTERVAL 1 DAY, ok = 7"
cp "$kept" "$spool"
sqlite3 "$spool" "UPDATE runs SET end_time = NULL, ok = 0"
replay
check_eq "exit status" 0 "$status"
check_eq "the run" "1|7" "$(db_rows "SELECT end_time > begin_time, ok FROM runs")"

note "into SQLite, from where it was carried to"
rm -f "$db"*
cp "$kept" "$scratch/carried.db"
sshinv replay --db "sqlite:$db" "$scratch/carried.db"
check_eq "exit status" 0 "$status"
[ ! -e "$scratch/carried.db" ] || give_up "the spool is still there"
rows "SELECT ip, hostname, status FROM server_status" | sort >"$scratch/got"
check_same "every host has its row" "$all" "$scratch/got"
check_eq "the run" "1|400" "$(rows "SELECT end_time IS NOT NULL, ok FROM runs")"

note "a row that the database refuses: the others are in, the spool stays"
fresh
sshinv --db "$(db_dsn)" --no-spool /dev/null
db_rows "ALTER TABLE server_status ADD CONSTRAINT own
  CHECK (hostname <> 'host-127.1.0.7')"
mkdir -p "${spool%/*}"
cp "$kept" "$spool"
replay
check_eq "exit status" 6 "$status"
check_contains "which one" "127.1.0.7" "$(cat "$err")"
check_eq "rows" 399 "$(rows_now | wc -l)"
[ -s "$spool" ] || give_up "the spool is gone, and a row of it is nowhere"
db_rows "ALTER TABLE server_status DROP CONSTRAINT own"
check_replay

note "kill -9 of a run that writes its spool: what it printed is in there"
for at in 1 150 300; do
  fresh
  begin --db "$(db_dsn)" -f 64
  wait_for 20 "the run's row" begun
  revoke ALL
  # The file does not end before the run does.
  hand "$planned"
  wait_lines "$at"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  exec 8>&-
  grant ALL
  find_spool
  replay
  check_eq "exit status" 0 "$status"
  check_lines_are_stored
done

note "what is no spool is refused, and stays as it is"
sqlite3 "$scratch/some.db" "CREATE TABLE t (a); INSERT INTO t VALUES (1)"
echo "no database at all" >"$scratch/text"
: >"$scratch/empty"
head -c 5000 "$kept" >"$scratch/cut"
for spool in "$db" "$scratch/some.db" "$scratch/text" "$scratch/empty" \
  "$scratch/cut" "$scratch" "$scratch/nothing"; do
  before=$(cksum "$spool" 2>/dev/null || true)
  replay
  check_eq "exit status of $spool" 2 "$status"
  check_contains "the message" "$spool" "$(cat "$err")"
  check_eq "$spool" "$before" "$(cksum "$spool" 2>/dev/null || true)"
done

note "nor is a spool taken for a store"
cp "$kept" "$scratch/spool.db"
sshinv --db "sqlite:$scratch/spool.db" /dev/null
check_eq "exit status" 6 "$status"
check_contains "the reason" "spool" "$(cat "$err")"
