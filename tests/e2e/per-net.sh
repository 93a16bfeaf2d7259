#!/usr/bin/env bash
# --per-net: no more hosts of a /24 in flight than that, whatever -f allows; who
# waits for a place takes no worker, and its time stands still.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt

# hosts_of KIND NUMBER THIRD: hosts of one kind in 127.x.THIRD.0/24.
hosts_of() {
  fleet_hosts "$1=$2" | sed "s/^\(127\.[0-9]*\)\.[0-9]*\./\1.$3./"
}

# Most of a /24 at once; fields as of counts.
most_held() {
  fleet_ask networks | awk -v net="$1" '$1 == net { print $8 }'
}

sees() {
  [ "$(fleet_ask counts "$1" | cut -f 2)" -ge "$2" ]
}

# begins ARGUMENT...: a run in the background. Sets $pid.
begins() {
  sshinv_words
  forget_output
  "${words[@]}" --no-db "$@" >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
}

ended() {
  wait_for 60 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
}

note "as many as -f allows without it"
{
  hosts_of slow-login 40 1
  hosts_of slow-login 40 2
} >"$hosts"
sshinv --no-db -f 80 "$hosts"
check_eq "exit status" 0 "$status"
# Each takes a second.
check_le "most of the first network" "$(most_held 127.2.1.0)" 11

note "five of each network with --per-net 5"
fleet_ask reset >/dev/null
sshinv --no-db -f 80 --per-net 5 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 80 "$(lines_of "$out")"
check_eq "connections" 80 "$(fleet_connections)"
# The fleet may notice the end of a connection when the next one is there.
for net in 127.2.1.0 127.2.2.0; do
  check_le "most of $net at once" 10 "$(most_held "$net")"
done

note "those that wait take no worker from another network"
fleet_ask reset >/dev/null
{
  hosts_of no-answer 5 1
  hosts_of well 20 1
} >"$hosts"
begins -f 2 --per-net 1 -T 600 "$hosts"
wait_for 60 "the last host of the other network" sees 127.1.1.20 1
check_eq "of the full network, connections" 1 \
  "$(fleet_ask networks | awk '$1 == "127.43.1.0" { print $2 }')"
wait_for 60 "its line" grep -q 127.1.1.20 "$out"

note "a report counts them"
kill -USR1 "$pid"
wait_for 15 "the report" \
  grep -q 'waiting for a place in their network: 4 hosts' "$err"
check_contains "who is in flight" "in flight: 127.43.1." "$(cat "$err")"

note "at the run's end they are skipped"
kill -TERM "$pid"
ended
check_eq "exit status" 143 "$status"
check_eq "skipped" 5 "$(grep -c 'skipped: interrupted' "$out")"
check_eq "connections in their network" 1 \
  "$(fleet_ask networks | awk '$1 == "127.43.1.0" { print $2 }')"

note "when --max-runtime is over, too"
fleet_ask reset >/dev/null
hosts_of no-answer 4 1 >"$hosts"
sshinv --no-db --per-net 1 --max-runtime 3 -T 5 "$hosts"
check_eq "exit status" 3 "$status"
check_eq "lines" 4 "$(lines_of "$out")"
check_eq "skipped" 3 "$(grep -c "skipped: the run's time was up" "$out")"

note "who waits longer than -T for a place loses none of its time"
hosts_of slow-login 6 3 >"$hosts"
sshinv --no-db --per-net 1 -T 4 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "hosts that are well" 6 "$(grep -c '^IP:' "$out")"

note "who comes back for another attempt gave its place back"
fleet_ask reset >/dev/null
hosts_of first-dropped 6 1 >"$hosts"
sshinv --no-db --per-net 1 --retries 3 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "connections" 12 "$(fleet_connections)"
