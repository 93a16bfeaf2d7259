#!/usr/bin/env bash
# Runs over every kind of host at once: each gets the status it should, each
# that answers its own name, and no ill host delays the end.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kinds.sh
. "$root/tests/e2e/kinds.sh"

under=${SSHINV_UNDER:-env}
need sqlite3 "${under%% *}"
fleet_start
# Two of each.
kinds_plan all=2
seconds=4

# No host was asked twice with the same secret, or more than need be. Address,
# connections, passwords, prompts answered, keys, execs. Those that dropped us
# before the login were called once more; those that ask by prompts name that
# method once they were sent the password by the other, which they do not look
# at.
check_manners() {
  check_eq "addresses, passwords, prompts and execs" "" "$(fleet_ask counts |
    awk -F '\t' '$2 > 2 || ($2 > 1 && $1 !~ /^127\.(5[236]|6[0-6])\./) || $3 > 1 || $4 > 1 || ($3 + $4 > 1 && $1 !~ /^127\.(1[78]|2[1459])\./) || $6 > 2 { print $1, $2, $3, $4, $6 }')"
}

check_bytes() {
  if LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f\x80-\xff]' "$out"; then
    give_up "remote bytes on stdout"
  fi
  check_eq "lines that look like a line" "$(lines_of "$out")" "$(
    grep -cE "^(IP:127[.0-9]+  hostname:|sorry I can't connect this server \[127)" "$out")"
}

note "$(lines_of "$scratch/all.txt") hosts, $seconds s for each"
begin=$(now_ms)
sshinv_db -f 256 -t 2 -T "$seconds" "$scratch/all.txt"
took=$(($(now_ms) - begin))
cat "$err"
check_eq "exit status: some timed out" 3 "$status"
check_eq "a line for each" "$(lines_of "$scratch/all.txt")" "$(lines_of "$out")"
kinds_check "$scratch/hangs.txt"
check_eq "hosts that were seen: all but the two that listen nowhere" \
  $(($(lines_of "$scratch/all.txt") - 2)) "$(fleet_ask counts | wc -l)"
check_manners
check_bytes
# A sanitizer's times say nothing.
[ "$sanitized" = 1 ] ||
  check_le "milliseconds" $((seconds * 1000 + 4000)) "$took"

note "those that end, with all the time that they may need"
rm -f "$db"*
# What it has not read yet would count later.
wait_for 60 "the connections' end" fleet_holds 0
fleet_ask reset >/dev/null
# Few at once: under valgrind each waits for all others.
sshinv_db -f 32 -t 120 -T 120 "$scratch/ends.txt"
check_eq "exit status: nobody timed out" 4 "$status"
check_eq "a line for each" "$(lines_of "$scratch/ends.txt")" "$(lines_of "$out")"
kinds_check "$scratch/ends.txt"
kinds_check_names
check_manners
check_bytes
