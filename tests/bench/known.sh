#!/usr/bin/env bash
# What a known host costs with 100,000 hashed lines in known_hosts, against an
# empty file, which gets a line for each host, in instructions. Each host of the
# fleet has a key of its own, and the other lines are of hosts that are not
# visited.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

need valgrind ssh-keygen ssh-keyscan
lines=100000
few=20
many=120

fleet_start --host-keys 1
fleet_hosts "well=$few" >"$scratch/hosts.$few"
fleet_hosts "well=$many" >"$scratch/hosts.$many"

# Their keys, as OpenSSH knows them; then those of others behind them.
cut -d ' ' -f 1 "$scratch/hosts.$many" |
  xargs ssh-keyscan -T 60 -t ed25519 -p "$fleet_port" >"$scratch/known" \
    2>/dev/null
ssh-keygen -q -H -f "$scratch/known" >/dev/null 2>&1
"$build/tests/bench/bench_known" -l $((lines - many)) >>"$scratch/known"
check_eq "hashed lines" "$lines" "$(grep -c '^|1|' "$scratch/known")"

# instructions HOSTS ARGUMENT...: of a run over them. Sets $refs.
instructions() {
  local hosts=$1
  shift
  : >"$scratch/empty"
  run valgrind --tool=callgrind --callgrind-out-file="$scratch/callgrind" \
    "$program" --no-db -f 1 -T 600 "$@" "$scratch/hosts.$hosts"
  [ "$status" = 0 ] || give_up "a run over $hosts hosts failed"
  refs=$(awk '$1 == "summary:" { print $2 }' "$scratch/callgrind")
}

# per_host ARGUMENT...: what starting costs, reading the file too, is in both
# runs and falls out. Sets $per_host.
per_host() {
  local less
  instructions "$few" "$@"
  less=$refs
  instructions "$many" "$@"
  per_host=$(((refs - less) / (many - few)))
}

per_host --host-keys accept-new --known-hosts "$scratch/empty"
empty=$per_host
per_host --host-keys strict --known-hosts "$scratch/known"
known=$per_host
per_host --host-keys off
off=$per_host
printf 'instructions per host: %d known among %d hashed lines, %d with an ' \
  "$known" "$lines" "$empty"
printf 'empty file, %d with --host-keys off\n' "$off"
check_le "known among $lines hashed lines: at most 5 % more than an empty file" \
  $((empty * 105 / 100)) "$known"
