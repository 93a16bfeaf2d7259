#!/usr/bin/env bash
# Every kind of host behind a network of 200 ms round trip that cuts the bytes
# into pieces of random size, many of them a single byte: each has the status
# that it has without. Times are not judged.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
kinds=all=2
# For each host; far more than any needs that ends.
deadline=12
[ "$sanitized" = 0 ] || deadline=25

# judge FLEET_OPTION...: a run over all of them behind that network.
judge() {
  fleet_start "$@"
  fleet_hosts "$kinds" >"$scratch/hosts.txt"
  "$fleet" --expect --hosts "$kinds" --port "$fleet_port" | sort >"$scratch/want"
  rm -f "$db"*
  sshinv_db -f 256 -t "$deadline" -T "$deadline" "$scratch/hosts.txt"
  check_eq "exit status: some timed out" 3 "$status"
  rows "SELECT ip || char(9) || status FROM server_status" |
    sort >"$scratch/got"
  awk -F '\t' 'NR == FNR { want[$1] = $2; next }
    { if (!($1 in want) || index("|" want[$1] "|", "|" $2 "|") == 0)
        print $1 ": " $2 ", not " want[$1]
      delete want[$1] }
    END { for (ip in want) print ip ": no row, not " want[ip] }' \
    "$scratch/want" "$scratch/got" >"$scratch/wrong"
  check_eq "every host has its status" "" "$(cat "$scratch/wrong")"
  check_eq "a line for each" "$(lines_of "$scratch/hosts.txt")" \
    "$(lines_of "$out")"
  awk -F '\t' '$2 == "ok" { print "IP:" $1 "  hostname:" $3 }' \
    "$scratch/want" | sort >"$scratch/names"
  check_eq "each of them has its own name" "" \
    "$(sort "$out" | comm -23 "$scratch/names" -)"
  stop_pid "$fleet_pid"
}

note "200 ms and pieces"
judge --rtt 200 --segments --seed 1
[ "$sanitized" = 0 ] || exit 0
note "pieces cut otherwise, and no delay"
judge --segments --seed 2
