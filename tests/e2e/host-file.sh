#!/usr/bin/env bash
# What a host file may hold, and what is said of what it may not.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=4 >"$scratch/well"
mapfile -t well <"$scratch/well"
ip() {
  echo "${well[$1]}" | awk '{ print $1 }'
}
login() {
  echo "${well[0]}" | awk '{ print $2 " " $3 }'
}

note "byte-order mark, CRLF, comments, runs of blanks, no last newline"
{
  printf '\xef\xbb\xbf# a comment\r\n\r\n'
  printf ' \t%s\r\n' "${well[0]}"
  printf '%s\r\n' "${well[1]}" | sed 's/ /\t  /g'
  printf '   # not a host\n'
  printf '%s:%s %s' "$(ip 2)" "$fleet_port" "$(login)"
} >"$hosts"
sshinv --no-db "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 3 "$(lines_of "$out")"

note "bad lines: named by file and line, never probed, the others run"
{
  echo "${well[0]}"
  echo "127.9.9.1 only-two"
  echo "127.9.9.2 user pass-word-1 stray"
  echo "127.9.9.3 user pass-word-2 colour=red"
  echo "127.9.9.4:99999 user pass-word-3"
  echo "300.1.1.1 user pass-word-4"
  printf '127.9.9.5 us\0er pass-word-5\n'
  printf '127.9.9.6 user pass-word-6\xff\n'
  printf '127.9.9.7 user pass-word-7 name=%05000d\n' 0
  echo "${well[1]}"
} >"$hosts"
chmod 600 "$hosts"
sshinv --no-db "$hosts"
check_eq "exit status" 2 "$status"
check_eq "the good ones have lines" 2 "$(grep -c hostname: "$out")"
check_eq "the bad ones have none" 2 "$(lines_of "$out")"
for n in 2 3 4 5 6 7 8 9; do
  check_eq "one message for line $n" 1 "$(grep -c "hosts.txt:$n: " "$err")"
done
check_lacks "no part of a password" pass-word "$(tr -d '\0' <"$err")"
check_lacks "nothing was probed" 127.9.9 "$(fleet_ask counts)"

note "a repeat is probed once and named with both lines"
printf '%s\n' "${well[0]}" "${well[1]}" "${well[0]}" >"$hosts"
fleet_ask reset >/dev/null
sshinv --no-db "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 2 "$(lines_of "$out")"
check_contains "the repeat's line" "hosts.txt:3: " "$(cat "$err")"
check_contains "the first's line" "line 1" "$(cat "$err")"

note "standard input"
sshinv --no-db - <"$scratch/well"
check_eq "exit status" 0 "$status"
check_eq "lines" 4 "$(lines_of "$out")"
sshinv --no-db - < <(cat "$scratch/well")
check_eq "a pipe: exit status" 0 "$status"
check_eq "a pipe: lines" 4 "$(lines_of "$out")"

note "a file that others can read is warned about"
cp "$scratch/well" "$hosts"
chmod 644 "$hosts"
sshinv --no-db "$hosts"
check_eq "exit status" 0 "$status"
check_contains "the warning" "hosts.txt" "$(cat "$err")"
chmod 600 "$hosts"
sshinv --no-db "$hosts"
check_lacks "no warning when it is one's own" "hosts.txt" "$(cat "$err")"

note "a file that is not there, a folder, an empty file"
sshinv --no-db "$scratch/nowhere.txt"
check_eq "no file: exit status" 2 "$status"
check_contains "which file" "nowhere.txt" "$(cat "$err")"
sshinv --no-db "$scratch/home"
check_eq "a folder: exit status" 2 "$status"
: >"$hosts"
sshinv --no-db "$hosts"
check_eq "an empty file: exit status" 0 "$status"
check_eq "an empty file: lines" 0 "$(lines_of "$out")"
