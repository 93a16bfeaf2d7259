#!/usr/bin/env bash
# An allocation that fails, one run after another at another place: no crash, no
# hang, no line that is wrong or not stored, and no success where a host is
# missing. Every place is tried with SSHINV_EVERY=1, which takes minutes; else
# about 200 of them, others each time.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
preload=$build/tests/faults/failmalloc.so
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=3 >"$hosts"
fleet_hosts well=3 | awk '{ print "IP:" $1 "  hostname:host-" $1 }' |
  sort >"$scratch/want"

# run_with VARIABLE=VALUE...: a run whose allocations are counted.
run_with() {
  rm -f "$db"*
  rm -rf "$XDG_STATE_HOME"
  run timeout 60 env "$@" LD_PRELOAD="$preload" FAILMALLOC_COUNT="$scratch/count" \
    "$program" --db "sqlite:$db" --db-timeout 3 -t 3 -T 3 "$hosts"
}

# The rows of the store, or of the spool that took its place, as lines.
stored() {
  local file
  for file in "$db" "$XDG_STATE_HOME"/sshinv/*.db; do
    [ -s "$file" ] || continue
    sqlite3 -cmd '.timeout 5000' "$file" "SELECT 'IP:' || ip || '  hostname:' || hostname
      FROM server_status WHERE status = 'ok'" 2>/dev/null || true
  done | sort
}

# What is wrong with the run that just ended, or nothing.
verdict() {
  case $status in
    124) echo "it hangs" && return ;;
    [0-6]) ;;
    *) echo "exit status $status" && return ;;
  esac
  grep '^IP:' "$out" | sort >"$scratch/got" || true
  [ -z "$(comm -13 "$scratch/want" "$scratch/got")" ] || echo "a wrong line"
  [ -z "$(uniq -d "$scratch/got")" ] || echo "a line twice"
  [ -z "$(stored | comm -13 - "$scratch/got")" ] || echo "a line without a row"
  [ "$(lines_of "$scratch/got")" = 3 ] || [ "$status" != 0 ] ||
    echo "a host is missing, and the exit status is 0"
  [ "$status" = 0 ] || [ -s "$err" ] || echo "exit status $status without a word"
}

run_with FAILMALLOC_AT=0
check_eq "exit status without a fault" 0 "$status"
total=$(cat "$scratch/count")
check_eq "a run without a fault" "" "$(verdict)"

# try WORD...: at every step-th place, from one by chance.
try() {
  local at runs=0
  for ((at = 1 + RANDOM % step; at <= total; at += step)); do
    run_with "FAILMALLOC_AT=$at" "$@"
    verdict | sed "s/^/FAILMALLOC_AT=$at $*: /" >>"$scratch/wrong"
    runs=$((runs + 1))
  done
  note "$runs of $total places ${*:+with $*}"
}

: >"$scratch/wrong"
step=${SSHINV_EVERY:-$((total / 180 + 1))}
try
# All later ones too. OpenSSL then waits some seconds before the run ends.
step=$((total / 2 + 1))
[ -z "${SSHINV_EVERY:-}" ] || step=$((total / 40 + 1))
try FAILMALLOC_ON=1
: >"$out"
check_eq "places where it went wrong" "" "$(cat "$scratch/wrong")"
