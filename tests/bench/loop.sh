#!/usr/bin/env bash
# The loop visits every host and says how many were ok.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

loop=$build/tests/bench/bench_loop

fleet_start
fleet_hosts well=20 >"$scratch/hosts"
run "$loop" 4 "$scratch/hosts"
check_eq "20 well hosts: exit status" 0 "$status"
check_eq "20 well hosts" "20 ok, 0 failed" "$(cat "$out")"

fleet_hosts well=2,wrong-password=1,exit-1=1,close-at-once=1 >"$scratch/hosts"
run "$loop" 2 "$scratch/hosts"
check_eq "2 of 5 hosts are well: exit status" 1 "$status"
check_eq "2 of 5 hosts are well" "2 ok, 3 failed" "$(cat "$out")"
