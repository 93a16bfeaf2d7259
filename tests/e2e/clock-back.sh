#!/usr/bin/env bash
# The machine's clock is set back by an hour during a run: no time goes
# backwards, in the store or in a line, and nobody's timeout is an hour off.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
# A second each, two at a time.
fleet_hosts slow-login=4,no-login=1 >"$hosts"
export CLOCKBACK=$scratch/behind

note "the tool sets it back"
run env LD_PRELOAD="$build/tests/faults/clockback.so" date +%s
: >"$CLOCKBACK"
before=$(cat "$out")
run env LD_PRELOAD="$build/tests/faults/clockback.so" date +%s
check_le "seconds since then" -3500 "$(($(cat "$out") - before))"
rm "$CLOCKBACK"

first_line() {
  [ "$(lines_of "$out")" -ge 1 ]
}
begin=$SECONDS
LD_PRELOAD=$build/tests/faults/clockback.so "$program" --db "sqlite:$db" \
  -O json -f 2 -T 3 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "the first line" first_line
: >"$CLOCKBACK"
wait_for 30 "the end of the run" gone "$pid"
status=0
wait "$pid" || status=$?
check_eq "exit status" 3 "$status"

note "the run's end is after its begin, by what it took"
check_eq "runs whose times are right" 1 "$(rows "
  SELECT count(*) FROM runs WHERE end_time >= begin_time
    AND julianday(end_time) - julianday(begin_time) <=
      $((SECONDS - begin + 1)) / 86400.0")"

note "and every host's time is within them"
check_eq "rows" 5 "$(rows "SELECT count(*) FROM server_status")"
check_eq "rows with another time" 0 "$(rows "
  SELECT count(*) FROM server_status, runs
  WHERE last_attempt < begin_time OR last_attempt > end_time
    OR total_ms > 10000 OR total_ms < 0")"
check_eq "lines with another time than their row" "" "$(
  sort "$out" | grep -oE '"last_attempt":"[^"]*"' | cut -d '"' -f 4 |
    tr 'T' ' ' | tr -d Z | sort >"$scratch/got"
  rows "SELECT last_attempt FROM server_status" | tr 'T' ' ' | tr -d Z |
    sort | comm -3 - "$scratch/got")"
