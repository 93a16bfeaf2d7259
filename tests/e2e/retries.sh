#!/usr/bin/env bash
# Another attempt: for connections that were refused or lost before anything
# secret was sent, within -T, and without a place in flight meanwhile.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

hosts=$scratch/hosts.txt
fleet_start

calls() {
  fleet_ask counts "$1" | cut -f 2
}

passwords() {
  fleet_ask counts "$1" | cut -f 3
}

note "how often a host is called, by what happened to the first connection"
fleet_hosts well=1,first-dropped=1,close-at-once=1,reset-after-banner=1,close-after-banner=1,wrong-password=1,drop-after-login=1,garbage=1,http=1,no-common-kex=1,line-flood=1,no-login=1,no-banner=1 \
  >"$hosts"
sshinv --no-db --retries 2 -T 8 "$hosts"
check_eq "lines" 13 "$(lines_of "$out")"
while read -r ip expected; do
  check_eq "connections to $ip" "$expected" "$(calls "$ip")"
done <<'END'
127.1.0.1 1
127.56.0.1 2
127.60.0.1 3
127.53.0.1 3
127.52.0.1 3
127.20.0.1 1
127.70.0.1 1
127.54.0.1 1
127.55.0.1 1
127.58.0.1 1
127.50.0.1 1
127.45.0.1 1
127.40.0.1 1
END
check_contains "who came back well is well" "hostname:host-127.56.0.1" \
  "$(cat "$out")"
check_eq "how many attempts there were is said" 3 \
  "$(grep -c '(3 attempts)' "$out")"
for ip in 127.20.0.1 127.45.0.1 127.70.0.1; do
  check_eq "passwords sent to $ip" 1 "$(passwords "$ip")"
done

note "--retries 0"
fleet_ask reset >/dev/null
fleet_hosts first-dropped=1 >"$hosts"
sshinv --no-db --retries 0 "$hosts"
check_eq "connections" 1 "$(calls 127.56.0.1)"
check_lacks "no word of attempts" "attempt" "$(cat "$out")"

note "who waits for its next attempt keeps nobody waiting"
{
  fleet_hosts refused=1
  fleet_hosts well=5
} >"$hosts"
sshinv --no-db -f 1 --retries 4 "$hosts"
check_eq "lines" 6 "$(lines_of "$out")"
check_contains "the first of the file is the last" "refused" \
  "$(tail -n 1 "$out")"

note "nor does a busy run cost a host its attempt"
{
  fleet_hosts close-at-once=1
  fleet_hosts slow-login=64
} >"$hosts"
sshinv --no-db -f 8 -T 4 "$hosts"
check_contains "it had two attempts" "(2 attempts)" \
  "$(grep -F '[127.60.0.1]' "$out")"

note "-T is for all attempts: when it is over, the last result counts"
fleet_hosts close-at-once=3,refused=3 >"$hosts"
begin=$(now_ms)
sshinv --no-db -T 2 -t 2 --retries 10 "$hosts"
check_eq "lines" 6 "$(lines_of "$out")"
# Whoever is in the midst of an attempt then times out.
check_eq "protocol" 3 "$(grep -cE ': (protocol|timeout): ' "$out")"
check_eq "refused" 3 "$(grep -c ': refused: ' "$out")"
check_soon "to the end" "$begin"

note "more hosts than may wait: the reader waits, nobody is lost"
fleet_hosts refused=5000 >"$hosts"
sshinv --no-db "$hosts"
check_eq "lines" 5000 "$(lines_of "$out")"
check_eq "each had two attempts" 5000 "$(grep -c '(2 attempts)' "$out")"
check_eq "each host once" 5000 "$(sort -u "$out" | wc -l)"
