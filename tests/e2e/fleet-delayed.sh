#!/usr/bin/env bash
# Every kind of host behind a network of 200 ms round trip that cuts the bytes
# into pieces of random size, many of them a single byte: each has the status
# that it has without. Times are not judged.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kinds.sh
. "$root/tests/e2e/kinds.sh"

need sqlite3

# judge FLEET_OPTION...: runs over all of them behind that network.
judge() {
  fleet_start "$@"
  kinds_plan all=2
  rm -f "$db"*
  sshinv_db -f 256 -t 4 -T 4 "$scratch/hangs.txt"
  check_eq "exit status: all timed out" 3 "$status"
  kinds_check "$scratch/hangs.txt"
  rm -f "$db"*
  sshinv_db -f 256 -t 120 -T 120 "$scratch/ends.txt"
  check_eq "exit status: none did" 4 "$status"
  check_eq "a line for each" "$(lines_of "$scratch/ends.txt")" \
    "$(lines_of "$out")"
  kinds_check "$scratch/ends.txt"
  kinds_check_names
  stop_pid "$fleet_pid"
}

note "200 ms and pieces"
judge --rtt 200 --segments --seed 1
[ "$sanitized" = 0 ] || exit 0
note "pieces cut otherwise, and no delay"
judge --segments --seed 2
