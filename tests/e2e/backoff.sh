#!/usr/bin/env bash
# A real sshd behind 200 addresses of one network that takes three logins at a
# time, two of which somebody else holds, and drops whoever else comes: all hosts
# are well, and few are dropped.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
sshd_addresses=0
sshd_startups=3:100:3
# DEBUG1: each of the dropped has a line.
sshd_start 'ListenAddress 0.0.0.0' 'LogLevel DEBUG1' 'LoginGraceTime 0'
for ((n = 1; n <= 200; n++)); do
  sshd_host "$n" sshinv-dash
done >"$scratch/hosts.txt"
exec {first}<>"/dev/tcp/127.0.0.1/$sshd_port"
exec {second}<>"/dev/tcp/127.0.0.1/$sshd_port"
# They have been taken when its version has come.
read -r _ <&"$first"
read -r _ <&"$second"

sshinv --no-db -f 64 --retries 10 -T 120 "$scratch/hosts.txt"
drops=$(grep -c 'drop connection #' "$sshd_dir/log" || true)
note "$drops connections were dropped; $(tail -n 1 "$err")"
check_eq "exit status" 0 "$status"
check_eq "hosts that are well" 200 "$(grep -c '^IP:' "$out")"
# Those that were too many at once, and who was needed to find that out and,
# later, whether there is more room. Were it not for the back-off, several for
# each host.
check_le "dropped" 200 "$drops"
[ "$drops" -gt 0 ] || give_up "nobody was dropped: this tests nothing"
