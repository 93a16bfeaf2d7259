#!/usr/bin/env bash
# The memory that a run leaves when it ends: the password that all hosts share
# is not in it, not even a piece of it, wherever it came from.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/memory.sh
. "$root/tests/e2e/memory.sh"

memory_need
od -An -v -tx1 -w24 -N 24 /dev/urandom | tr -d ' ' >"$needles"
secret=$(cat "$needles")
chmod 600 "$needles"

# looked_through VARIABLE=VALUE OPTION...: a run with these. Sets $pid and
# $watcher.
looked_through() {
  local variable=$1
  shift
  rm -f "$report"
  fleet_ask reset >/dev/null
  "$memsearch" "$needles" --report "$report" \
    env --default-signal=INT "$variable" "$program" --no-db "$@" "$hosts" \
    >"$out" 2>"$err" <&0 &
  watcher=$!
  undo_at_exit "stop_pid $watcher"
  wait_for 20 "the start" grep -q '^pid' "$report"
  pid=$(awk '/^pid/ { print $2; exit }' "$report")
}

# clean STATUS: it ended so, and nothing is left.
clean() {
  wait_for 30 "the end of the run" gone "$watcher"
  status=0
  wait "$watcher" || status=$?
  check_eq "exit status" "$1" "$status"
  grep -q '^searched [1-9][0-9]* KiB$' "$report" ||
    give_up "memory was not looked through: $(cat "$report")"
  check_eq "what is left" "" "$(grep -v '^pid\|^searched' "$report" || true)"
}

without() {
  fleet_hosts "$1" | awk '{ sub("port=", "", $4); print $1 ":" $4, $2 }'
}

note "SIGKILL: it is found, so it can be found"
without no-banner=3,no-login=3 >"$hosts"
looked_through X=1 --password-file "$needles" -t 60 -T 60
wait_for 20 "all connections" fleet_holds 6
kill -KILL "$pid"
wait_for 30 "the end of the run" gone "$watcher"
wait "$watcher" || true
grep -qv '^pid\|^searched' "$report" ||
  give_up "it was not found while it was there"

note "the hosts' end, with each source"
without well=4,wrong-password=2,no-login=1,refused=1 >"$hosts"
for source in "--password-file=$needles" "--password-command=cat $needles" \
  "--password-command=cat $needles # %h"; do
  looked_through X=1 "$source" -T 1 --max-auth-failures 0
  clean 3
done
looked_through X=1 --password-fd 0 -T 1 --max-auth-failures 0 <"$needles"
clean 3
looked_through "SSHINV_TEST_PASSWORD=$secret" -T 1 --max-auth-failures 0 \
  --password-env SSHINV_TEST_PASSWORD
clean 3

note "SIGINT, with hosts in flight"
without no-banner=3,no-login=3,well=20 >"$hosts"
looked_through X=1 --password-file "$needles" -f 6 -t 60 -T 60
wait_for 20 "six connections" fleet_holds 6
kill -INT "$pid"
clean 130

note "an input that is refused"
looked_through X=1 --password-command "cat $needles; false"
clean 2
