#!/usr/bin/env bash
# --rate: connections are begun at equal distances, and a host's time stands
# still while it waits for its turn. How soon something happens is not asked
# for, only how soon it must not.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt

# timed ARGUMENT...: a run; sets $took, in milliseconds.
timed() {
  local begin
  begin=$(now_ms)
  sshinv --no-db "$@"
  took=$(($(now_ms) - begin))
}

note "40 connections, 20 a second: the last begins 39 turns after the first"
fleet_hosts well=40 >"$hosts"
timed --rate 20 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "connections" 40 "$(fleet_connections)"
check_le "39 turns of 50 ms" "$took" 1950

note "another attempt is another connection"
fleet_ask reset >/dev/null
fleet_hosts first-dropped=10 >"$hosts"
timed --rate 10 --retries 1 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "connections" 20 "$(fleet_connections)"
check_le "19 turns of 100 ms" "$took" 1900

note "who waits longer than -T for its turn loses none of its time"
fleet_ask reset >/dev/null
fleet_hosts well=21 >"$hosts"
timed --rate 5 -T 3 -f 21 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "hosts that are well" 21 "$(grep -c '^IP:' "$out")"
check_le "20 turns of 200 ms" "$took" 4000

note "no connection begins when --max-runtime is over"
fleet_ask reset >/dev/null
fleet_hosts well=10 >"$hosts"
sshinv --no-db --rate 2 --max-runtime 1 "$hosts"
check_eq "exit status" 4 "$status"
check_le "connections in a second" 2 "$(fleet_connections)"
check_eq "lines" 10 "$(lines_of "$out")"
check_eq "the others are skipped" $((10 - $(fleet_connections))) \
  "$(grep -c "skipped: the run's time was up" "$out")"

note "an interrupt wakes those that wait for their turn"
fleet_ask reset >/dev/null
fleet_hosts well=20 >"$hosts"
sshinv_words
forget_output
"${words[@]}" --no-db --rate 1 -f 20 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
# The first line: now the others wait.
wait_for 30 "the first host" test -s "$out"
kill -TERM "$pid"
wait_for 15 "the end of the run" gone "$pid"
status=0
wait "$pid" || status=$?
check_eq "exit status" 143 "$status"
check_contains "those that waited" "skipped: interrupted" "$(cat "$out")"
