#!/usr/bin/env bash
# Servers that ask malformed questions instead of one for the password. libssh2
# 1.10 believes what they say of their own length, and would crash.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/hostile.sh
. "$root/tests/e2e/hostile.sh"

hostile_start hostile_prompts

for address in 127.0.1.{1..9} 127.0.2.1; do
  echo "$address root secret port=$port"
done >"$scratch/hosts.txt"

for auth in password,keyboard-interactive keyboard-interactive; do
  note "--auth $auth"
  sshinv --no-db --known-hosts "$scratch/known" --auth "$auth" \
    --max-auth-failures 0 -T 120 -O tsv --fields ip,status,phase,error \
    "$scratch/hosts.txt"
  sort "$out"
  check_eq "exit status: an end of each host, none of the program" 4 "$status"
  check_eq "statuses" "10 protocol	auth" \
    "$(cut -f 2,3 "$out" | sort | uniq -c | sed 's/^ *//')"
done
