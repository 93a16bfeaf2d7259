#!/usr/bin/env bash
# A server that is killed and comes back, again and again in one run: a line
# and a right row for each host, and the run does not know the difference.
# SSHINV_FULL=1: 5,000 hosts and five kills, not 1,000 and two.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

number=1000
kills=2
if [ "${SSHINV_FULL:-0}" = 1 ]; then
  number=5000
  kills=5
fi
[ "$sanitized" = 0 ] || number=300

db_need
# This one waits for its disk.
db_options=()
db_start
fleet_start
export SSHINV_DB_PASSWORD=$db_password
plan "$number"

start=$(now_ms)
"$program" --db "$(db_dsn)" -f 128 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
for ((i = 1; i <= kills; i++)); do
  wait_for 300 "kill $i's moment" lines_are_there $((i * number / (kills + 1)))
  note "kill $i, after $(lines_of "$out") lines"
  db_gone
  # Others than those that wait for their rows would be noticed as well: all
  # that are in flight do.
  wait_for 60 "notice $i" eval \
    "[ \"\$(grep -c 'the database was lost' \"\$err\")\" -ge $i ]"
  db_back
done
ended 300
took=$(($(now_ms) - start))
cat "$err"
note "$number hosts, $kills kills: $took ms"

check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored
check_run_ended
check_no_spool
