#!/usr/bin/env bash
# Servers that lie about the signal that ended a command. libssh2 (1.11 too)
# would give us for its name what its memory held before, and forget thousands
# of blocks of any size.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/hostile.sh
. "$root/tests/e2e/hostile.sh"

hostile_start hostile_signals

for address in 127.0.1.{1..5}; do
  echo "$address root secret port=$port"
done >"$scratch/hosts.txt"

note "a signal's name that fits is told, all others end the session"
sshinv --no-db --known-hosts "$scratch/known" -T 60 -O tsv \
  --fields ip,status,error "$scratch/hosts.txt"
check_eq "exit status" 5 "$status"
{
  printf '127.0.1.1\tcommand\tended by signal KILL\n'
  for address in 127.0.1.{2..5}; do
    printf '%s\tcommand\tcommand: a malformed packet from the server\n' \
      "$address"
  done
} >"$scratch/want"
sort "$out" >"$scratch/got"
check_same "what became of the hosts" "$scratch/want" "$scratch/got"
