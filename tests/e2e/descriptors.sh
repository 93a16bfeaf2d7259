#!/usr/bin/env bash
# Descriptors: none of a run's own would go to a program that it started, and a
# limit of 64 is enough for 500 hosts.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

need sqlite3 prlimit
db_need
fleet_start
hosts=$scratch/hosts.txt

# begins ARGUMENT...: a run in the background. Sets $pid.
begins() {
  forget_output
  "$program" "$@" >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
}

ended() {
  wait_for 30 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
}

# Descriptors of $pid that would go on to another program. Those that it had
# from us are not its own.
inherited() {
  local info fd
  for info in "/proc/$pid/fdinfo"/*; do
    fd=${info##*/}
    # O_CLOEXEC, as the kernel prints flags: in octal.
    [ $((0$(awk '/^flags:/ { print $2 }' "$info") & 02000000)) = 0 ] || continue
    [ "$(link "$pid" "$fd")" != "$(link $$ "$fd")" ] || continue
    [ "$fd" -gt 2 ] || continue
    echo "$fd -> $(link "$pid" "$fd")"
  done
}

link() {
  readlink "/proc/$1/fd/$2" || true
}

note "all are closed on exec: host file, output, sockets, SQLite"
fleet_hosts well=2,no-answer=3 >"$hosts"
two_lines() {
  [ "$(lines_of "$scratch/list")" = 2 ] && fleet_holds 3
}
begins --db "sqlite:$db" -o "$scratch/list" -t 30 -T 30 "$hosts"
wait_for 20 "two lines" two_lines
[ "$(find "/proc/$pid/fd" | wc -l)" -gt 10 ] || give_up "hardly any is open"
check_eq "descriptors that are inherited" "" "$(inherited)"
stop_pid "$pid"

note "and the connection to a database"
db_start
export SSHINV_DB_PASSWORD=$db_password
rm "$scratch/list"
begins --db "$(db_dsn)" -o "$scratch/list" -t 30 -T 30 "$hosts"
wait_for 20 "two lines" two_lines
check_eq "descriptors that are inherited" "" "$(inherited)"
stop_pid "$pid"
stop_pid "$db_pid"

note "64 descriptors, 1,000 hosts in flight asked for: all 500 are done"
fleet_hosts well=500 >"$hosts"
run prlimit --nofile=64:64 "$program" --db "sqlite:$db" -f 1000 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 500 "$(grep -c '^IP:127.*hostname:host-127' "$out")"
check_eq "said once" 1 "$(grep -c 'warning: .* 16 hosts in flight, not 1000' "$err")"

note "a soft limit is raised, and nothing is said"
rm -f "$db"*
run prlimit --nofile=64:4096 "$program" --db "sqlite:$db" -f 200 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 500 "$(grep -c '^IP:127.*hostname:host-127' "$out")"
check_lacks "the messages" "hosts in flight" "$(cat "$err")"

note "none left under way: each host has its line, and says so"
rm -f "$db"*
fleet_hosts no-banner=8,well=20 >"$hosts"
begins --db "sqlite:$db" -f 8 -t 60 -T 60 --retries 0 "$hosts"
wait_for 20 "eight connections" fleet_holds 8
prlimit --pid "$pid" --nofile=3:3
stop_pid "$fleet_pid" # and so hangs up
ended
check_eq "exit status" 1 "$status"
check_eq "lines" 28 "$(lines_of "$out")"
check_eq "hosts that are nobody's fault but ours" 20 \
  "$(grep -c 'error: .*Too many open files' "$out")"
check_eq "rows" "20 of error, 8 of protocol" "$(rows "
  SELECT group_concat(n || ' of ' || status, ', ') FROM (SELECT status,
    count(*) AS n FROM server_status GROUP BY status ORDER BY status)")"
