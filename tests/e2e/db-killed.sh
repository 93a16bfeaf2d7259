#!/usr/bin/env bash
# A server that is killed and comes back, five times in one run: a line and a
# right row for each of 5,000 hosts, and the run does not know the difference.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

number=5000
kills=5
if [ "$sanitized" = 1 ]; then
  number=500
  kills=2
fi

db_need
# This one waits for its disk.
db_options=()
db_start
fleet_start
export SSHINV_DB_PASSWORD=$db_password
plan "$number"

begin=$(now_ms)
start --db "$(db_dsn)" -f 128 "$hosts"
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
took=$(($(now_ms) - begin))
cat "$err"
note "$number hosts, $kills kills: $took ms"

check_eq "exit status" 0 "$status"
check_all_printed
check_all_stored
check_run_ended
check_no_spool
