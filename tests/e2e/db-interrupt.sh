#!/usr/bin/env bash
# A signal while the database is waited for: the run ends within a second, what
# was not confirmed is in the spool, and every host that was done is found again.
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

# Ten more hosts are done, but for their rows.
ten_wait() {
  hand 10
  wait_for 60 "ten hosts" all_probed 30
}

# interrupt SIGNAL STATUS
interrupt() {
  local start
  start=$(now_ms)
  kill "-$1" "$pid"
  ended
  # A second, and what a busy disk takes to have the spool.
  [ "$sanitized" = 1 ] || check_le "milliseconds to the end" 3000 \
    $(($(now_ms) - start))
  check_eq "exit status" "$2" "$status"
  exec 8>&-
}

# What was done when the signal came is in the spool, and the database has it
# after a replay.
check_thirty() {
  check_eq "said once" 1 "$(grep -c 'sshinv replay' "$err")"
  find_spool
  check_contains "the way to bring it in" "sshinv replay $spool" "$(cat "$err")"
  check_eq "lines" 30 "$(grep -c '^IP:.*hostname:host-' "$out")"
}

check_thirty_stored() {
  replay
  check_eq "exit status of the replay" 0 "$status"
  [ ! -e "$spool" ] || give_up "the spool is still there: $spool"
  check_lines_are_rows
  check_eq "rows" 30 "$(lines_of "$scratch/got")"
  check_eq "the run is unfinished" "1|30" "$(db_rows "
    SELECT end_time IS NULL, ok FROM runs")"
}

for signal in INT:130 TERM:143 HUP:129; do
  note "SIG${signal%:*} while the server hangs"
  begin_half
  db_stop
  ten_wait
  interrupt "${signal%:*}" "${signal#*:}"
  check_thirty
  db_continue
  check_thirty_stored
done

note "while it hangs in the middle of a login"
begin_half
kill_connections
wait_for 20 "the connection's end" no_connection_left
db_stop
ten_wait
said "the database was lost"
interrupt INT 130
check_thirty
db_continue
check_thirty_stored

note "while it is away"
begin_half
db_gone
ten_wait
said "the database was lost"
interrupt INT 130
check_thirty
db_back
check_thirty_stored

note "while another client holds the rows"
begin_half
other_begin
other_does "BEGIN; SELECT count(*) FROM server_status FOR UPDATE"
ten_wait
interrupt INT 130
check_thirty
other_end
check_thirty_stored

note "while another client holds the table"
begin_half
other_begin
other_does "LOCK TABLES server_status WRITE"
ten_wait
interrupt INT 130
check_thirty
other_end
check_thirty_stored

note "while the server is read-only"
begin_half
db_sql "SET GLOBAL read_only = 1"
ten_wait
said "the database was lost"
interrupt INT 130
check_thirty
db_sql "SET GLOBAL read_only = 0"
check_thirty_stored

note "with hosts in flight: they are skipped, and those that are done are stored"
fresh
plan 30
fleet_hosts no-banner=10 | sed 's/$/ group=silent/' >>"$hosts"
planned=40
begin --db "$(db_dsn)" -f 64
hand 20
wait_lines 20
db_stop
hand 20
silent_and_done() {
  fleet_holds 10 && [ "$(fleet_connections)" = 40 ]
}
wait_for 60 "ten hosts that wait, and ten that are silent" silent_and_done
interrupt INT 130
check_thirty
check_eq "those in flight" 10 "$(grep -c 'skipped' "$out")"
db_continue
replay
check_eq "exit status of the replay" 0 "$status"
check_eq "rows" "ok|30,skipped|10" "$(db_rows "SELECT status, count(*)
  FROM server_status GROUP BY status ORDER BY status" | paste -sd ,)"

note "--no-spool: the lines that are there have their rows"
plan 40
begin_half --no-spool
db_stop
ten_wait
interrupt INT 130
check_no_spool
check_eq "lines" 20 "$(lines_of "$out")"
db_continue
check_lines_are_stored

note "the second signal leaves at once, with what was printed stored"
begin_half
db_stop
ten_wait
kill -INT "$pid"
said "once more quits at once"
interrupt INT 130
db_continue
check_lines_are_stored

note "a reader that goes away while the server hangs"
fresh
mkfifo "$scratch/pipe"
exec 7<>"$scratch/pipe"
out_kept=$out out=$scratch/pipe
begin --db "$(db_dsn)" 7>&-
out=$out_kept
exec 6<"$scratch/pipe" 7>&-
hand 20
for _ in {1..20}; do
  read -r -t 60 line <&6 || give_up "no line"
  echo "$line"
done >"$out"
db_stop
ten_wait
exec 6<&-
kill -TERM "$pid"
ended
exec 8>&-
db_continue
check_lines_are_stored

note "--resume brings the spool in and goes on: all are stored, none probed twice"
fresh
plan 40
"$fleet" --hosts slow-login=40 --port "$fleet_port" >"$hosts"
"$fleet" --expect --hosts slow-login=40 --port "$fleet_port" |
  awk '{ print $1 "|" $3 "|ok" }' | sort >"$all"
start --db "$(db_dsn)" -f 10 "$hosts"
wait_lines 10
db_stop
# Some of these are done, and others are not.
more_connections() {
  [ "$(fleet_connections)" -ge 20 ]
}
wait_for 20 "ten more" more_connections
interrupt INT 130
db_continue
cp "$out" "$scratch/first"
sshinv --db "$(db_dsn)" -f 40 --resume "$hosts"
check_eq "exit status" 0 "$status"
check_no_spool
check_all_stored
grep -h '^IP:' "$scratch/first" "$out" >"$scratch/both"
mv "$scratch/both" "$out"
check_all_printed
check_run_ended
check_eq "one run" 1 "$(db_rows "SELECT count(*) FROM runs")"
