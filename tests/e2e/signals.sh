#!/usr/bin/env bash
# An interrupted run ends soon, says what it left out, and keeps what it had.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt

# Starts sshinv in the background with the signals as a terminal would have
# them (the shell ignores SIGINT for what it puts there). Sets $pid.
start() {
  local words
  sshinv_words
  forget_output
  env --default-signal=INT --default-signal=QUIT "${words[@]}" "$@" \
    >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
}

# Its end, which must come long before the hosts' timeout of a minute.
ended() {
  wait_for 20 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
}

fleet_hosts no-banner=20 >"$hosts"
for signal in INT:130 TERM:143 HUP:129; do
  note "SIG${signal%:*} while hosts never answer"
  rm -f "$db"
  start --db "sqlite:$db" -f 5 -t 60 -T 60 "$hosts"
  wait_for 20 "five connections" fleet_holds_least 5
  kill "-${signal%:*}" "$pid"
  ended
  check_eq "exit status" "${signal#*:}" "$status"
  check_eq "every line says skipped" "$(lines_of "$out")" \
    "$(grep -c 'skipped' "$out" || true)"
  [ "$(lines_of "$out")" -ge 5 ] || give_up "those in flight have lines"
  check_contains "the summary" "skipped" "$(cat "$err")"
  wait_for 20 "the connections' end" fleet_holds 0
done

note "what was done before the signal stays"
fleet_hosts well=8,no-banner=4 >"$hosts"
rm -f "$db"
start --db "sqlite:$db" -f 16 -t 60 -T 60 "$hosts"
eight_lines() {
  [ "$(lines_of "$out")" = 8 ]
}
wait_for 20 "eight lines" eight_lines
kill -INT "$pid"
ended
check_eq "exit status" 130 "$status"
check_eq "ok lines" 8 "$(grep -c '^IP:.*hostname:' "$out")"
check_eq "ok rows" 8 "$(rows "
  SELECT count(*) FROM server_status WHERE status = 'ok'")"
check_eq "the run has its counts, and no end: it can be taken up again" \
  "8 1" "$(rows "SELECT ok || ' ' || (end_time IS NULL) FROM runs")"

note "a pipe that nobody reads: a signal ends the run"
fleet_hosts well=400 >"$hosts"
mkfifo "$scratch/pipe"
exec 7<>"$scratch/pipe"
out_kept=$out out=$scratch/pipe
fleet_ask reset >/dev/null
start --no-db -O json "$hosts"
out=$out_kept
wait_for 30 "a full pipe" fleet_rests
check_le "hosts that were asked" 399 "$(fleet_connections)"
alive "$pid" || give_up "it ended by itself"
kill -INT "$pid"
ended
exec 7<&-
check_eq "exit status" 130 "$status"

note "a closed pipe ends the run quietly"
fleet_hosts well=200 >"$hosts"
rm -f "$db"
set +e
"$program" --db "sqlite:$db" -f 4 "$hosts" 2>"$err" | head -n 1 >"$out"
status=${PIPESTATUS[0]}
set -e
check_eq "exit status" 0 "$status"
check_eq "one line" 1 "$(lines_of "$out")"
check_lacks "no complaint" "roken pipe" "$(cat "$err")"
kept=$(rows "SELECT count(*) FROM server_status WHERE status = 'ok'")
[ "$kept" -ge 1 ] || give_up "the line's row is there"
check_le "the rest was not tried" 199 "$kept"

note "SIGHUP that was ignored at the start stays ignored"
# A second each, one after another: a slow machine sees it in time as well.
fleet_hosts slow-login=4 >"$hosts"
forget_output
env --ignore-signal=HUP "$program" --no-db -f 1 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "a connection" fleet_holds 1
kill -HUP "$pid"
ended
check_eq "exit status" 0 "$status"
check_eq "lines" 4 "$(grep -c hostname: "$out")"
