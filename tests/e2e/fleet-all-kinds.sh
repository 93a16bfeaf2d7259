#!/usr/bin/env bash
# One run over every kind of host at once: each gets the status it should, each
# that answers its own name, and no ill host delays the end.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

under=${SSHINV_UNDER:-env}
need sqlite3 "${under%% *}"
fleet_start
# Two of each.
kinds=all=2
deadline=4
connect=2
if [ "$sanitized" = 1 ]; then
  deadline=15
  connect=10
fi
fleet_hosts "$kinds" >"$scratch/hosts.txt"
"$fleet" --expect --hosts "$kinds" --port "$fleet_port" | sort >"$scratch/want"

note "$(lines_of "$scratch/want") hosts"
begin=$(now_ms)
sshinv_db -f 256 -t "$connect" -T "$deadline" "$scratch/hosts.txt"
took=$(($(now_ms) - begin))
cat "$err"
check_eq "exit status: some timed out" 3 "$status"

# A status may be one of several, as in "timeout|protocol".
rows "SELECT ip || char(9) || status FROM server_status" | sort >"$scratch/got"
awk 'NR == FNR { want[$1] = $2; next }
  { if (!($1 in want) || index("|" want[$1] "|", "|" $2 "|") == 0)
      print $1 ": " $2 ", not " want[$1]
    delete want[$1] }
  END { for (ip in want) print ip ": no row, not " want[ip] }' \
  "$scratch/want" "$scratch/got" >"$scratch/wrong"
check_eq "every host has its status" "" "$(cat "$scratch/wrong")"
check_eq "a line for each" "$(lines_of "$scratch/hosts.txt")" \
  "$(lines_of "$out")"

note "no host was asked twice with the same secret, or more than need be"
# Address, connections, passwords, prompts answered, keys, execs. Those that
# dropped us before the login were called once more.
check_eq "hosts that were seen: all but the two that listen nowhere" \
  $(($(lines_of "$scratch/hosts.txt") - 2)) "$(fleet_ask counts | wc -l)"
# Those that ask by prompts name that method once they were sent the password by
# the other, which they do not look at.
check_eq "addresses, passwords, prompts and execs" "" "$(fleet_ask counts |
  awk -F '\t' '$2 > 2 || ($2 > 1 && $1 !~ /^127\.(5[236]|6[0-6])\./) || $3 > 1 || $4 > 1 || ($3 + $4 > 1 && $1 !~ /^127\.(1[78]|2[1459])\./) || $6 > 2 { print $1, $3, $4, $6 }')"

note "each answers with its own name, remote bytes escaped"
awk -F '\t' '$2 == "ok" { print "IP:" $1 "  hostname:" $3 }' \
  "$scratch/want" >"$scratch/names"
grep -F "$(grep -oE '^IP:127[.0-9]+ ' "$scratch/names")" "$out" |
  sort >"$scratch/got"
sort "$scratch/names" >"$scratch/want"
check_same "the lines" "$scratch/want" "$scratch/got"

note "no byte of a host reached the terminal as it was"
if LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f\x80-\xff]' "$out"; then
  give_up "remote bytes on stdout"
fi
check_eq "lines that look like a line" "$(lines_of "$out")" "$(
  grep -cE "^(IP:127[.0-9]+  hostname:|sorry I can't connect this server \[127)" "$out")"

[ "$sanitized" = 0 ] || exit 0
check_le "milliseconds, with $deadline s for a host" \
  $((deadline * 1000 + 2000)) "$took"
