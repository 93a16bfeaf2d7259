#!/usr/bin/env bash
# System calls that fail now and then: interrupted ones, descriptors that the
# whole machine has run out of, threads that are refused in turn.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
preload=$build/tests/faults/failcall.so
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=24 >"$hosts"
fleet_hosts well=24 | awk '{ print "IP:" $1 "  hostname:host-" $1 }' |
  sort >"$scratch/want"
EINTR=4 EAGAIN=11 ENFILE=23

# failing CALLS ERRNO AT [EVERY]: a run whose calls fail so.
failing() {
  rm -f "$db"*
  run timeout 60 env LD_PRELOAD="$preload" FAILCALL="$1" FAILCALL_ERRNO="$2" \
    FAILCALL_AT="$3" FAILCALL_EVERY="${4:-}" \
    "$program" --db "sqlite:$db" -f 6 "$hosts"
}

# All hosts have their line and their row, as if nothing had been.
all_right() {
  check_eq "exit status with $1" 0 "$status"
  sort "$out" >"$scratch/got"
  check_same "the lines with $1" "$scratch/want" "$scratch/got"
  check_eq "rows with $1" 24 "$(rows "
    SELECT count(*) FROM server_status WHERE hostname = 'host-' || ip")"
}

# Not every second one: a loop of two calls would have the same one fail for
# ever, which no signal does.
note "every third call of a kind is interrupted; every seventh of any"
for calls in read write poll recv send; do
  failing "$calls" "$EINTR" 1 3
  all_right "EINTR of $calls"
done
failing read,write,poll,recv,send "$EINTR" 1 7
all_right "EINTR of all of them"

note "the machine is out of descriptors for a moment: the host is tried again"
for at in 2 7 24; do
  failing socket "$ENFILE" "$at"
  all_right "ENFILE at socket $at"
done

note "the machine stays out of descriptors: a line for each host all the same"
failing socket "$ENFILE" 5 1
check_eq "exit status" 1 "$status"
check_eq "lines" 24 "$(lines_of "$out")"
check_eq "rows" 24 "$(rows "SELECT count(*) FROM server_status")"
check_eq "hosts that are nobody's fault but ours" 20 \
  "$(grep -c 'error: .*Too many open files in system' "$out")"

note "one thread is refused, each in its turn; all from one on"
for at in 1 2 3 4 5 6 7 8; do
  for every in "" 1; do
    failing pthread_create "$EAGAIN" "$at" "$every"
    all_right "thread $at refused, then every ${every:-none}"
  done
done
