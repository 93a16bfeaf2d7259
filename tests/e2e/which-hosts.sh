#!/usr/bin/env bash
# --only-failed, --retry-file and --max-runtime: which hosts a run is for.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=3,wrong-password=2 >"$hosts"

note "--only-failed: the first time all, then those that are not ok"
sshinv_db --only-failed "$hosts"
check_eq "exit status" 4 "$status"
check_eq "lines" 5 "$(lines_of "$out")"
sshinv_db --only-failed "$hosts"
check_eq "lines" 2 "$(lines_of "$out")"
check_eq "all of them failed before" 2 "$(grep -c '^sorry' "$out")"
check_contains "the summary" "3 passed over" "$(cat "$err")"
fleet_hosts well=4,wrong-password=2 >"$hosts"
sshinv_db --only-failed "$hosts"
check_eq "a host without a row is probed" 3 "$(lines_of "$out")"

note "--retry-file: first all hosts, then those that failed"
again=$scratch/again
fleet_hosts well=3,wrong-password=1,first-dropped=2 >"$hosts"
sshinv --no-db --retries 0 --retry-file "$again" "$hosts"
check_eq "exit status" 4 "$status"
check_eq "lines" 6 "$(lines_of "$out")"
check_eq "hosts in the file" 3 "$(lines_of "$again")"
check_eq "no password in it" "-" "$(awk '{ print $3 }' "$again" | sort -u)"
sshinv --no-db --retry-file "$again" "$hosts"
check_eq "lines" 3 "$(lines_of "$out")"
check_eq "the two succeeded" 2 "$(grep -c '^IP:' "$out")"
check_eq "one is left" 1 "$(lines_of "$again")"
# The password is put right.
sed -i 's/ admin out-of-date / root fleet-secret /' "$hosts"
sshinv --no-db --retry-file "$again" "$hosts"
check_eq "exit status" 0 "$status"
check_eq "one line" 1 "$(lines_of "$out")"
[ ! -e "$again" ] || give_up "the file goes with its last host"
sshinv --no-db --retry-file "$again" "$hosts"
check_eq "and then it is about all hosts again" 6 "$(lines_of "$out")"

note "a retry file that is no host file is an error, and stays as it is"
echo nonsense >"$again"
sshinv --no-db --retry-file "$again" "$hosts"
check_eq "exit status" 2 "$status"
check_eq "nothing was probed" 0 "$(lines_of "$out")"
check_eq "the file" nonsense "$(cat "$again")"
sshinv --no-db --retry-file "$hosts" "$hosts"
check_eq "the host file itself is refused" 2 "$status"

note "--resume with --retry-file: what failed before is in the file too"
fleet_hosts well=1,wrong-password=2,no-answer=1 >"$hosts"
rm -f "$again" "$db"*
forget_output
env --default-signal=INT "$program" --db "sqlite:$db" -T 60 \
  --retry-file "$again" "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
three_lines() {
  [ "$(lines_of "$out")" = 3 ]
}
wait_for 20 "three lines" three_lines
kill -INT "$pid"
wait "$pid" || true
[ ! -e "$again" ] || give_up "a run that was cut short makes no retry file"
sshinv_db -T 1 --resume --retry-file "$again" "$hosts"
check_eq "lines of the second part" 1 "$(lines_of "$out")"
check_eq "hosts in the file" 3 "$(lines_of "$again")"

note "what is written as a whole may not be the store"
sshinv --db "sqlite:$db" -o "$db" "$hosts"
check_eq "exit status" 2 "$status"
sshinv --db "sqlite:$db" --retry-file "$db" "$hosts"
check_eq "exit status" 2 "$status"
check_eq "rows" 4 "$(rows "SELECT count(*) FROM server_status")"
rm -f "$again"

note "--max-runtime: what was not begun is skipped, what was comes to its end"
fleet_hosts slow-login=12 >"$hosts"
sshinv_db -f 2 --max-runtime 3 "$hosts"
check_eq "exit status" 4 "$status"
check_eq "a line for every host" 12 "$(lines_of "$out")"
skipped=$(grep -c "skipped: the run's time was up" "$out" || true)
ok=$(grep -c '^IP:' "$out" || true)
check_eq "ok or skipped" 12 $((ok + skipped))
[ "$ok" -ge 2 ] || give_up "those in flight came to their end"
[ "$skipped" -ge 2 ] || give_up "the others were skipped"
sshinv_db --resume -f 12 "$hosts"
check_eq "the next run does the others: exit status" 0 "$status"
check_eq "lines" "$skipped" "$(lines_of "$out")"

note "--max-runtime does not wait for a silent pipe"
mkfifo "$scratch/pipe"
exec 7<>"$scratch/pipe"
fleet_hosts well=2 >&7
sshinv --no-db --max-runtime 1 - <&7
exec 7<&-
check_eq "lines" 2 "$(lines_of "$out")"
check_eq "exit status" 4 "$status"
