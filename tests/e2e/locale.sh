#!/usr/bin/env bash
# The output is the same, byte for byte, whatever the locale is and whether it
# exists: no decimal comma, no other sorting of letters, no translated message.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=2,control=1,latin1=1,bidi=1,wrong-password=1,refused=1 >"$hosts"
echo "127.9.9.1 only-two" >>"$hosts"

# One host after another, so that the order is the file's; times differ.
told() {
  run env -u LC_ALL -u LANG "$@" "$program" --no-db -f 1 -T 2 -O json \
    --fields ip,port,hostname,status,phase,error,output "$hosts"
  check_eq "exit status with $*" 2 "$status"
  sed -E 's/ in [0-9.]+ s( \([0-9.]+\/s\))?/ in TIME/' "$err" >>"$out"
}

told LC_ALL=C
cp "$out" "$scratch/want"
check_eq "lines" 9 "$(lines_of "$scratch/want")"
for locale in LC_ALL=C.UTF-8 LC_ALL=POSIX LC_ALL=xx_YY.nowhere LC_ALL= \
  LANG=tr_TR.UTF-8 LC_NUMERIC=de_DE.UTF-8 LC_ALL=../../etc LC_ALL=%s%n; do
  told "$locale"
  check_same "with $locale" "$scratch/want" "$out"
done
# Those with other digits and letters, where they are installed.
for locale in $(locale -a 2>/dev/null | grep -iE '^(de_DE|tr_TR|ar_|ja_JP)' || true); do
  told LC_ALL="$locale"
  check_same "with $locale" "$scratch/want" "$out"
done

note "a time zone that is not UTC changes no time"
fleet_hosts well=1 >"$hosts"
run env TZ=Asia/Kathmandu "$program" --no-db -O json --fields last_attempt "$hosts"
check_contains "this hour in UTC" "$(date -u +%Y-%m-%d)" "$(cat "$out")"
