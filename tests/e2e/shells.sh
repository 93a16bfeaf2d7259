#!/usr/bin/env bash
# Whatever the login shell is, the hostname is found.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need dash bash busybox zsh tcsh fish
sshd_start
shells=(dash bash noisy busybox zsh tcsh fish)

n=0
for shell in "${shells[@]}"; do
  n=$((n + 1))
  sshd_host "$n" "sshinv-$shell"
done >"$scratch/hosts.txt"

note "the hostname alone"
sshinv --no-db -O tsv --fields user,status,hostname "$scratch/hosts.txt"
for shell in "${shells[@]}"; do
  printf 'sshinv-%s\tok\t%s\n' "$shell" "$(hostname)"
done | sort >"$scratch/want"
sort "$out" >"$scratch/got"
check_same "every login shell" "$scratch/want" "$scratch/got"
check_eq "exit status" 0 "$status"

note "a command full of what shells quote"
# shellcheck disable=SC2016 # the remote sh is to expand it
command='x="a b"; printf %s\\n "$x" '\''!'\'' "\$"; exit 3'
sshinv --no-db -O json -c "$command" "$scratch/hosts.txt"
for shell in "${shells[@]}"; do
  echo "sshinv-$shell $(hostname) 3 a b|!|\$"
done | sort >"$scratch/want"
jq -r '"\(.user) \(.hostname) \(.exit_code) \(.output | rtrimstr("\n") |
  gsub("\n"; "|"))"' "$out" | sort >"$scratch/got"
check_same "every login shell" "$scratch/want" "$scratch/got"
