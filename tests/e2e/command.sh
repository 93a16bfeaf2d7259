#!/usr/bin/env bash
# -c: its output and exit code are fields of their own, next to the hostname.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need jq sqlite3
sshd_start
sshd_host 1 sshinv-dash >"$scratch/hosts.txt"
me=$(hostname)

# ask COMMAND: $got is "status hostname exit_code output"
ask() {
  sshinv_db -O json -c "$1" "$scratch/hosts.txt"
  got=$(jq -r '"\(.status) \(.hostname) \(.exit_code) \(.output)"' "$out")
}

note "output and exit code"
ask 'echo one; echo two >&2; exit 0'
check_eq "a command that ends well" "ok $me 0 one" "${got%$'\n'}"
check_eq "exit status" 0 "$status"
check_eq "the row" "$me|0" \
  "$(rows "SELECT hostname, exit_code FROM server_status")"

note "a command that fails is told with its code; what was known stays"
ask 'echo half; exit 7'
check_eq "status, exit code and output" "command $me 7 half" "$got"
check_eq "exit status" 5 "$status"
check_eq "the row" "command|$me|0" \
  "$(rows "SELECT status, hostname, exit_code FROM server_status")"

note "the text line carries the output, newlines escaped"
sshinv --no-db -c 'printf "a\nb\n"' "$scratch/hosts.txt"
check_eq "one line" 1 "$(lines_of "$out")"
check_contains "the line" "IP:127.0.0.1  hostname:$me  output:a\\x0ab" \
  "$(cat "$out")"

note "standard input of the command is empty, not ours"
ask 'cat; echo end' <<<"from the terminal"
check_contains "nothing read" " 0 end" "$got"

note "quotes, an exclamation mark and a long command go through"
# shellcheck disable=SC2016,SC1003 # the remote sh is to read it
ask 'a='\''x y'\''; echo "$a" ! "\\"'
check_contains "quoting" " 0 x y ! \\" "$got"
ask "$(printf ': %04000d; echo long' 0)"
check_contains "4,000 bytes" " 0 long" "$got"

note "over 64 KiB of output is an error of the host"
ask 'head -c 100000 /dev/zero | tr "\\0" x'
check_contains "status" "command " "$got"
check_eq "exit status" 5 "$status"
