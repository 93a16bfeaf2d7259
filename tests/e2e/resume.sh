#!/usr/bin/env bash
# A run that was killed is taken up again: what was printed is stored, nobody is
# missed, nobody who was stored is probed again.
#
#   SSHINV_KILLS   how often it is killed (20 is the full length)
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
kills=${SSHINV_KILLS:-6}
fleet_start
hosts=$scratch/hosts.txt
count=$((kills * 200))
fleet_hosts "well=$count,wrong-password=20,close-after-banner=20" >"$hosts"
all=$((count + 40))

start() {
  local words
  sshinv_words
  forget_output
  "${words[@]}" --db "sqlite:$db" -f 8 -T 600 --resume \
    --max-auth-failures 0 "$hosts" >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
}

# In the middle of something, each time elsewhere.
some_lines() {
  [ "$(lines_of "$out")" -ge "$1" ] || gone "$pid"
}

done_rows() {
  rows "SELECT ip FROM server_status WHERE status <> 'skipped' ORDER BY ip"
}

# The first of the hosts never answers: no run ends before it is killed.
never=$(fleet_hosts no-answer=1)
sed -i "1i $never" "$hosts"

note "kill -9, again and again, $kills times"
for ((i = 1; i <= kills; i++)); do
  start
  wait_for 60 "some lines" some_lines $((1 + RANDOM % 40))
  kill -9 "$pid" 2>/dev/null || give_up "it ended before it was killed"
  wait "$pid" 2>/dev/null || true
  # A line that was cut by the kill is no line.
  [ -z "$(tail -c 1 "$out")" ] || sed -i '$d' "$out"
  sed -n -E 's/^(IP:|sorry I can.t connect this server \[)([0-9.]+).*/\2/p' \
    "$out" >"$scratch/printed"
  done_rows >"$scratch/stored"
  check_eq "kill $i: every printed line is stored" "" \
    "$(sort "$scratch/printed" | comm -23 - <(sort "$scratch/stored"))"
  check_eq "kill $i: one run" "1" "$(rows 'SELECT count(*) FROM runs')"
  # Who has a row now must not be called from here on.
  fleet_ask counts | cut -f 1,2 >"$scratch/called.$i"
  cp "$scratch/stored" "$scratch/stored.$i"
done

note "and to the end, without the host that never answers"
sed -i 1d "$hosts"
start
wait_for 120 "the end" gone "$pid"
status=0
wait "$pid" || status=$?
check_eq "the exit status is that of the whole run" 4 "$status"
check_contains "it says which run" "going on with run" "$(cat "$err")"
check_eq "rows" "$all" "$(done_rows | wc -l)"
check_eq "hosts that are ok" "$count" "$(rows "
  SELECT count(*) FROM server_status WHERE status = 'ok'")"
check_eq "the run is complete, with all counts" "$all $count 0" "$(rows "
  SELECT hosts || ' ' || ok || ' ' || (end_time IS NULL) FROM runs")"

note "whoever was stored was not called again"
fleet_ask counts | cut -f 1,2 | sort >"$scratch/called"
for ((i = 1; i <= kills; i++)); do
  # Calls since the kill, of the hosts stored before it.
  again=$(sort "$scratch/called.$i" |
    join -t "$(printf '\t')" - "$scratch/called" |
    awk -F '\t' '$2 != $3 { print $1 }' | sort |
    comm -12 - <(sort "$scratch/stored.$i"))
  check_eq "kill $i: hosts called again" "" "$again"
done

note "without an unfinished run it is a plain run"
sshinv_db --resume -v -f 32 "$hosts"
check_eq "exit status" 4 "$status"
check_eq "lines" "$all" "$(lines_of "$out")"
check_eq "runs" 2 "$(rows 'SELECT count(*) FROM runs')"
check_contains "it says so" "no unfinished run" "$(cat "$err")"

note "an interrupted run is unfinished; its file may change; skipped hosts too"
rm -f "$db"
fleet_hosts well=6,no-answer=3 >"$hosts"
forget_output
env --default-signal=INT "$program" --db "sqlite:$db" -T 60 "$hosts" \
  >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
six_lines() {
  [ "$(lines_of "$out")" = 6 ]
}
wait_for 20 "six lines" six_lines
kill -INT "$pid"
wait "$pid" || true
# In another order, one host gone, one new.
fleet_hosts well=7 | sort -r | grep -v '^127\.1\.0\.2 ' >"$hosts"
sshinv_db --resume "$hosts"
check_eq "exit status" 0 "$status"
check_eq "the new host alone" 1 "$(lines_of "$out")"
check_contains "those passed over are counted" "5 passed over" "$(cat "$err")"

note "a run that goes on is not taken up"
fleet_hosts no-answer=1 >"$hosts"
forget_output
"$program" --db "sqlite:$db" -T 60 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "a connection" fleet_holds_least 1
out_kept=$out out=$scratch/out2
sshinv_db --resume "$hosts"
out=$out_kept
check_eq "exit status" 1 "$status"
check_contains "the reason" "another sshinv is at work" "$(cat "$err")"
kill "$pid"
wait "$pid" || true
