#!/usr/bin/env bash
# scripts/demo, but for the building: it shows what it means to show, and leaves
# nothing behind.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
export SSHINV_BUILD=$build
# The well hosts need a second or two; those that hang take all of it.
export SSHINV_DEMO_SECONDS=20

mkdir "$scratch/tmp"
run env TMPDIR="$scratch/tmp" "$root/scripts/demo"
check_eq "exit status" 0 "$status"
check_contains "its last word on the hosts" \
  "all 60 hosts have the status they should have" "$(cat "$out")"
check_contains "its first line of a host" "  hostname:host-127." "$(cat "$out")"
check_eq "what is left" "" "$(find "$scratch/tmp" -mindepth 1)"
check_eq "what is left at home" "" "$(find "$HOME" "$scratch/data" \
  "$scratch/state" -type f 2>/dev/null)"
