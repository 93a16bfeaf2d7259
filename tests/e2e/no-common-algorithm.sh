#!/usr/bin/env bash
# A server with which nothing can be agreed: the sentence names the list and
# both sides' offers.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
sshd_start 'KexAlgorithms sntrup761x25519-sha512@openssh.com'
sshd_host 1 sshinv-bash >"$scratch/hosts.txt"

sshinv --no-db -O tsv --fields status,phase,error "$scratch/hosts.txt"
check_eq "exit status" 4 "$status"
line=$(cat "$out")
check_contains "status and phase" "protocol	handshake	" "$line"
check_contains "the server's offer" "sntrup761x25519-sha512@openssh.com" "$line"
check_contains "our offer" "curve25519-sha256" "$line"
check_eq "no login was tried" 0 "$(grep -c 'password' "$sshd_dir/log" || true)"
