#!/usr/bin/env bash
# Little address space, small stacks: with too little it is told and nothing is
# wrong; with enough all is well; nowhere in between a crash.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3 prlimit
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=24 >"$hosts"
fleet_hosts well=24 | awk '{ print "IP:" $1 "  hostname:host-" $1 }' |
  sort >"$scratch/want"

# limited LIMIT...: a run under these, judged but for its success.
limited() {
  rm -rf "$db"* "$XDG_STATE_HOME"
  run timeout 60 prlimit "$@" "$program" --db "sqlite:$db" -f 16 -t 5 -T 10 \
    "$hosts"
  case $status in
    [0-6]) ;;
    # The loader, which comes before us, has no room for a library.
    127) grep -q 'error while loading shared libraries' "$err" ||
      give_up "exit status 127 with $*" ;;
    *) give_up "exit status $status with $*" ;;
  esac
  [ "$status" = 0 ] || [ -s "$err" ] || give_up "not a word with $*"
  { grep '^IP:' "$out" || true; } | sort >"$scratch/got"
  check_eq "wrong lines with $*" "" \
    "$(comm -13 "$scratch/want" "$scratch/got")"
  for file in "$db" "$XDG_STATE_HOME"/sshinv/*.db; do
    [ ! -s "$file" ] || sqlite3 "$file" "SELECT 'IP:' || ip || '  hostname:' ||
      hostname FROM server_status WHERE status = 'ok'" 2>/dev/null || true
  done | sort >"$scratch/stored"
  check_eq "lines without a row with $*" "" \
    "$(comm -13 "$scratch/stored" "$scratch/got")"
}

all_right() {
  check_eq "exit status with $1" 0 "$status"
  check_same "the lines with $1" "$scratch/want" "$scratch/got"
}

note "address space, from hardly any to enough"
seen=
for mib in 10 16 24 27 30 40 160; do
  limited --as=$((mib * 1048576))
  seen+=" $mib:$status"
done
note "exit status by MiB:$seen"
limited --as=$((2048 * 1048576))
all_right "2 GiB of address space"

note "the main stack, from small to unlimited"
for kib in 64 128 256 unlimited; do
  case $kib in
    unlimited) limited --stack=unlimited ;;
    *) limited --stack=$((kib * 1024)) ;;
  esac
  all_right "a stack of $kib KiB"
done

note "no memory may be locked, no file may be larger than 64 KiB"
limited --memlock=0
all_right "no locked memory"
limited --fsize=65536
