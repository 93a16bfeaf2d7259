#!/usr/bin/env bash
# Wherever a run is, SIGINT ends it within a second: the promise is measured with
# half a second on top. SIGUSR1 and the first SIGINT say who is in flight.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need ip unshare
limit=1500
[ "$sanitized" = 0 ] || limit=6000
hosts=$scratch/hosts.txt
fleet_start

says() {
  grep -qE -- "$1" "$err"
}

# start WORD...: sshinv -v in the background, with the signals as a terminal has
# them, after the words in the array before, with standard output to $to; waits
# until it has begun.
before=()
to=$out
start() {
  : >"$err"
  "${before[@]}" env --default-signal=INT "$program" -v "$@" \
    <&0 >"$to" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "its start" says "^sshinv: run "
}

# Asks by SIGUSR1 until the answer is right: it is there by now or will be.
in_phase() {
  : >"$err"
  kill -USR1 "$pid"
  sleep 0.1
  says "in flight: .*: $1 for [0-9.]+ s"
}

# interrupt PHASE: SIGINT ends the run in time, and it says what was under way.
interrupt() {
  local begin took
  : >"$err"
  begin=$(now_ms)
  kill -INT "$pid"
  while alive "$pid" && [ $(($(now_ms) - begin)) -le 20000 ]; do
    sleep 0.01
  done
  took=$(($(now_ms) - begin))
  status=0
  wait "$pid" || status=$?
  check_eq "exit status" 130 "$status"
  check_le "milliseconds to the end" "$limit" "$took"
  [ -z "${1:-}" ] || says "in flight: .*: $1 for [0-9.]+ s" ||
    give_up "the first SIGINT says who is in flight"
}

note "shaking hands, logging in, running the command"
for phase in handshake:no-banner auth:no-login command:no-answer; do
  fleet_hosts "${phase#*:}=2" >"$hosts"
  start --db "sqlite:$db" -t 60 -T 60 "$hosts"
  wait_for 20 "phase ${phase%:*}" in_phase "${phase%:*}"
  interrupt "${phase%:*}"
  check_eq "lines" 2 "$(grep -c 'skipped: interrupted' "$out")"
done

note "waiting for another attempt: the result is that of the last"
fleet_hosts refused=2 >"$hosts"
start --db "sqlite:$db" --retries 10 -T 600 -t 60 "$hosts"
waiting() {
  : >"$err"
  kill -USR1 "$pid"
  sleep 0.1
  says "waiting for another attempt: 2 hosts"
}
wait_for 20 "two that wait" waiting
interrupt
check_eq "lines" 2 "$(grep -c 'refused' "$out")"

note "reading a silent standard input, with a host in flight beside it"
mkfifo "$scratch/pipe"
exec 7<>"$scratch/pipe"
fleet_hosts no-answer=1 >&7
start --no-db -T 60 - <&7
wait_for 20 "phase command" in_phase command
interrupt command

note "writing to a full pipe"
fleet_hosts well=400 >"$hosts"
mkfifo "$scratch/full"
exec 8<>"$scratch/full"
to=$scratch/full
fleet_ask reset >/dev/null
start --no-db -O json "$hosts"
to=$out
# Before it is full somebody is in that phase now and then.
wait_for 30 "a full pipe" fleet_rests
wait_for 30 "phase output" in_phase output
interrupt output
exec 7<&- 8<&-

note "standard error is a full pipe too"
exec 8<>"$scratch/full"
fleet_hosts no-answer=2,wrong-password=200 >"$hosts"
env --default-signal=INT "$program" --no-db -vv -T 60 "$hosts" >"$out" \
  2>"$scratch/full" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "two that never answer" fleet_holds_least 2
head -c 60000 /dev/zero >&8 & # what is not taken any more stays with head
filler=$!
undo_at_exit "stop_pid $filler"
interrupt
stop_pid "$filler"
exec 8<&-

# A network that swallows every packet. Takes the place of the shell that it runs
# in.
silent() {
  # shellcheck disable=SC2016 # for the inner shell
  exec unshare -nm sh -ec '
    ip link add silent type veth peer name nobody
    ip addr add 192.0.2.1/24 dev silent
    ip link set silent up
    ip link set nobody up
    for i in 2 7; do # the address of none of the two
      ip neigh add 192.0.2.$i lladdr 02:00:00:00:00:01 dev silent
    done
    echo "nameserver 192.0.2.2" >"$0"
    mount --bind "$0" /etc/resolv.conf
    exec "$@"' "$scratch/resolv.conf" "$@"
}

note "connecting, resolving"
(silent true) 2>/dev/null || give_way "no namespaces of one's own"
before=(silent)
echo '192.0.2.7 root x' >"$hosts"
start --no-db -t 60 -T 60 "$hosts"
wait_for 20 "phase connect" in_phase connect
interrupt connect
echo 'nobody.example root x' >"$hosts"
start --no-db -t 60 -T 60 "$hosts"
wait_for 20 "phase resolve" in_phase resolve
interrupt resolve
