#!/usr/bin/env bash
# A system that refuses more threads: the run goes on with those it has.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need setpriv prlimit
# The limit counts all that a user runs, and does not count for root.
[ "$(id -u)" = 0 ] || give_way "only root can become a user that runs nothing"
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=500 >"$hosts"
# Where that user may read it.
install -m 755 "$program" "$scratch/sshinv"

# sshinv_with THREADS...: as a user who has no others.
sshinv_with() {
  local threads=$1
  shift
  run setpriv --reuid 64999 --clear-groups \
    prlimit --nproc="$threads" "$scratch/sshinv" --no-db -f 64 "$@" - <"$hosts"
}

note "few threads: every host has its line"
sshinv_with 8
check_eq "exit status" 0 "$status"
check_eq "lines" 500 "$(grep -c '^IP:127.*hostname:' "$out")"
grep -qE 'only [1-7] threads could be started' "$err" ||
  give_up "nothing is said of the threads that are missing"
check_eq "said once" 1 "$(grep -c 'could be started' "$err")"

note "enough threads: nothing is said"
sshinv_with 80
check_eq "exit status" 0 "$status"
check_lacks "the messages" "could be started" "$(cat "$err")"

# The check for leaks needs a thread of its own.
[ "$sanitized" = 0 ] || exit 0
note "none at all: one host after another"
sshinv_with 1
check_eq "exit status" 0 "$status"
check_eq "lines" 500 "$(grep -c '^IP:127.*hostname:' "$out")"
[ -s "$err" ] || give_up "nothing is said"
