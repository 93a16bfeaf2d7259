#!/usr/bin/env bash
# 1,000 well hosts, 256 at once: a line and a row each, and each address stands
# beside its own hostname.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
fleet_hosts well=1000 >"$scratch/hosts.txt"
"$fleet" --expect --hosts well=1000 --port "$fleet_port" >"$scratch/expected"

# All the time that they may need where a sanitizer looks at each.
sshinv_db -f 256 -T 120 "$scratch/hosts.txt"
check_eq "exit status" 0 "$status"
awk '{ print "IP:" $1 "  hostname:" $3 }' "$scratch/expected" |
  sort >"$scratch/want"
sort "$out" >"$scratch/got"
check_same "the lines" "$scratch/want" "$scratch/got"
check_eq "lines" 1000 "$(lines_of "$out")"

awk '{ print $1 "|" $3 "|ok" }' "$scratch/expected" | sort >"$scratch/want"
rows "SELECT ip, hostname, status FROM server_status" | sort >"$scratch/got"
check_same "the rows" "$scratch/want" "$scratch/got"
check_eq "different hostnames" 1000 "$(rows "
  SELECT count(DISTINCT hostname) FROM server_status")"
