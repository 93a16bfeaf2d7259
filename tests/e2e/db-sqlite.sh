#!/usr/bin/env bash
# SQLite: others hold the file's write lock, for a while or for good; the file
# is removed, replaced or moved away amid the run.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

need sqlite3
fleet_start
plan 40

# The same questions of this store.
rows_now() {
  rows "SELECT ip, hostname, status FROM server_status" | sort
}

begin_half() {
  rm -rf "$db"* "$XDG_STATE_HOME"
  fleet_ask reset >/dev/null
  begin --db "sqlite:$db" "$@"
  hand 20
  wait_lines 20
}

# Another process holds the file, until let_go.
hold() {
  rm -f "$scratch/holder"
  mkfifo "$scratch/holder"
  exec 9<>"$scratch/holder"
  : >"$scratch/holder.out"
  sqlite3 "$db" <"$scratch/holder" >"$scratch/holder.out" 2>&1 8>&- 9>&- &
  holder=$!
  undo_at_exit "stop_pid $holder"
  printf '.timeout 20000\nBEGIN EXCLUSIVE;\nSELECT "held";\n' >&9
  wait_for 20 "the other's lock" grep -q held "$scratch/holder.out"
}

let_go() {
  exec 9>&-
  stop_pid "$holder"
}

ten_wait() {
  hand 10
  wait_for 60 "ten hosts" all_probed 30
}

check_well() {
  hand_rest
  ended
  check_eq "exit status" 0 "$status"
  check_all_printed
  check_all_stored
  check_eq "the run's end" "1|40" "$(rows "
    SELECT end_time IS NOT NULL, ok FROM runs")"
  check_no_spool
}

replay() {
  local out=$scratch/replay.out
  sshinv replay --db "sqlite:$db" "$spool"
}

check_replay() {
  replay
  check_eq "exit status of the replay" 0 "$status"
  [ ! -e "$spool" ] || give_up "the spool is still there: $spool"
  check_all_stored
}

note "another process holds the file for a second: the run waits its turn"
begin_half
hold
ten_wait
sleep 1
check_eq "lines" 20 "$(lines_of "$out")"
let_go
check_well

note "for longer than --db-timeout: the spool takes the rest"
begin_half --db-timeout 1
hold
start=$(now_ms)
ten_wait
wait_lines 30
check_soon "to the next line" "$start"
hand_rest
ended
check_spooled
let_go
check_replay

note "a signal while another process holds it"
begin_half
hold
ten_wait
start=$(now_ms)
kill -INT "$pid"
ended
check_soon "to the end" "$start"
exec 8>&-
check_eq "exit status" 130 "$status"
check_eq "lines" 30 "$(lines_of "$out")"
find_spool
let_go
replay
check_eq "exit status of the replay" 0 "$status"
check_lines_are_rows

note "a reader that takes its time holds nobody up"
begin_half
rm -f "$scratch/holder"
mkfifo "$scratch/holder"
exec 9<>"$scratch/holder"
: >"$scratch/holder.out"
sqlite3 "$db" <"$scratch/holder" >"$scratch/holder.out" 2>&1 8>&- 9>&- &
holder=$!
undo_at_exit "stop_pid $holder"
printf 'BEGIN;\nSELECT count(*) FROM server_status;\n' >&9
wait_for 20 "the reader" grep -qx 20 "$scratch/holder.out"
check_well
let_go

# The file that was there is gone, and what is written to it would be, too.
check_moved() {
  hand_rest
  ended
  check_spooled
  check_contains "why" "moved or deleted" "$(cat "$err")"
  check_eq "rows in the spool" 20 "$(sqlite3 -readonly "$spool" "
    SELECT count(*) FROM server_status")"
}

note "the file is moved away: what comes after that goes to the spool"
begin_half
mv "$db" "$scratch/moved.db"
for part in wal shm; do
  [ ! -e "$db-$part" ] || mv "$db-$part" "$scratch/moved.db-$part"
done
check_moved
mv "$scratch/moved.db" "$db"
for part in wal shm; do
  [ ! -e "$scratch/moved.db-$part" ] || mv "$scratch/moved.db-$part" "$db-$part"
done
check_replay

note "the file is removed"
begin_half
rm -f "$db"*
check_moved
replay
check_eq "exit status of the replay" 0 "$status"
check_eq "rows" 20 "$(rows_now | wc -l)"

note "another file takes its place"
begin_half
sqlite3 "$db" ".backup '$scratch/other.db'"
rm -f "$db-wal" "$db-shm"
mv "$scratch/other.db" "$db"
check_moved
check_replay
