#!/usr/bin/env bash
# Which hosts a run is for: -w and -x, short lines of a host file, --shuffle.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt
secret=$scratch/secret
echo fleet-secret >"$secret"

# The hosts of the fleet need a user and a password, and take any key.
scan() {
  sshinv --no-db -F none --host-keys off -p "$fleet_port" --retries 0 \
    --password-file "$secret" "$@"
}

# The addresses of the output's lines, sorted.
found() {
  sed -n 's/^IP:\([^ ]*\) .*/\1/p' "$out" | sort -V | tr '\n' ' '
}

note "-w: hosts, ranges, networks, with a user and a port of their own"
scan -l root -w "127.1.0.[1-3],127.1.0.8/30" -w 127.1.0.20
check_eq "exit status" 0 "$status"
check_eq "the hosts" \
  "127.1.0.1 127.1.0.2 127.1.0.3 127.1.0.9 127.1.0.10 127.1.0.20 " "$(found)"
scan -p 1 -w "root@127.1.0.1:$fleet_port,root@127.1.0.[2-3]:$fleet_port"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 127.1.0.3 " "$(found)"
scan -l nobody -w root@127.1.0.1
check_eq "a user in the list wins" 0 "$status"

note "overlapping lists are harmless, and say nothing"
scan -l root -w "127.1.0.[1-3],127.1.0.[2-4]" -w 127.1.0.1
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 127.1.0.3 127.1.0.4 " "$(found)"
check_lacks "no repeat is told" "already" "$(cat "$err")"

note "@file and standard input"
printf '# ours\n127.1.0.[1-2] # two\r\n\n127.1.0.5,127.1.0.6\n' >"$hosts"
scan -l root -w "@$hosts"
check_eq "a file" "127.1.0.1 127.1.0.2 127.1.0.5 127.1.0.6 " "$(found)"
scan -l root -w - <"$hosts"
check_eq "standard input" "127.1.0.1 127.1.0.2 127.1.0.5 127.1.0.6 " "$(found)"
scan -l root -w 127.1.0.9,@- < <(cat "$hosts")
check_eq "a pipe" "127.1.0.1 127.1.0.2 127.1.0.5 127.1.0.6 127.1.0.9 " \
  "$(found)"

note "a bad line of such a file is told, and the others are probed"
printf '127.1.0.1\n127.1.0.2 root pass-word-1\n127.1.0.[3\n127.1.0.4\n' >"$hosts"
scan -l root -w "@$hosts"
check_eq "exit status" 2 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.4 " "$(found)"
check_contains "which line" "hosts.txt:2: '127.1.0.2': " "$(cat "$err")"
check_contains "which line" "hosts.txt:3: '127.1.0.[3': " "$(cat "$err")"
check_lacks "no part of a password" pass-word "$(cat "$err")"

note "what is wrong on the command line is told before anything is begun"
fleet_ask reset >/dev/null
for list in "127.1.0.1,127.1.0.[2" "127.1.0.1,127.0.0.0/7" "127.1.0.1,a b" \
  "127.1.0.1,127.1.0.[250-260]" "" "127.1.0.1,@$scratch/nowhere"; do
  scan -l root -w "$list"
  check_eq "exit status of '$list'" 2 "$status"
  check_eq "lines of '$list'" 0 "$(lines_of "$out")"
  check_contains "the option" "-w" "$(cat "$err")"
done
scan -l root -w - - <"$hosts"
check_eq "standard input twice: exit status" 2 "$status"
check_eq "nothing was probed" 0 "$(fleet_connections)"

note "-x: by address, range, network, name and port; from a file"
scan -l root -w "127.1.0.[1-9]" -x "127.1.0.2,127.1.0.[4-5]" -x 127.1.0.8/30
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.3 127.1.0.6 127.1.0.7 " "$(found)"
check_contains "how many" "4 ok; 5 excluded" "$(cat "$err")"
printf '127.1.0.1\n# 127.1.0.2\n' >"$scratch/not"
fleet_hosts well=3 | sed 's/$/ name=host-of-mine/' >"$hosts"
scan "$hosts" -x "@$scratch/not"
check_eq "from a host file" "127.1.0.2 127.1.0.3 " "$(found)"
scan "$hosts" -x Host-of-Mine
check_eq "by name: exit status" 0 "$status"
check_eq "by name: lines" 0 "$(lines_of "$out")"
scan "$hosts" -x "127.1.0.1:1,127.1.0.2:$fleet_port"
check_eq "of this port only" "127.1.0.1 127.1.0.3 " "$(found)"
fleet_ask reset >/dev/null
scan -l root -w 127.1.0.1 -x "127.1.0.[2"
check_eq "an exclusion that is not understood: exit status" 2 "$status"
check_eq "nothing was probed" 0 "$(fleet_connections)"

note "a host file and lists together; the file's repeats are told"
fleet_hosts well=2 >"$hosts"
fleet_hosts well=1 >>"$hosts"
scan -l root "$hosts" -w "127.1.0.[1-3]"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 127.1.0.3 " "$(found)"
check_eq "one repeat" 1 "$(grep -c 'already' "$err")"
check_contains "of the file" "hosts.txt:3: " "$(cat "$err")"

note "short lines: the user by -l, the password from its file"
printf '127.1.0.1\n127.1.0.2 root\nroot@127.1.0.3\n127.1.0.4 user=root\n' >"$hosts"
printf 'root@127.1.0.5 fleet-secret\n127.1.0.6 port=%s user=root\n' \
  "$fleet_port" >>"$hosts"
scan -l root "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 6 "$(grep -c '^IP:' "$out")"
printf '127.1.0.1 root\n127.1.0.2 root fleet-secret\n' >"$hosts"
sshinv --no-db -F none --host-keys off -p "$fleet_port" "$hosts"
check_eq "without any password a short line is a bad one" 2 "$status"
check_contains "which says so" "hosts.txt:1: no password" "$(cat "$err")"
check_eq "the other one is probed" 1 "$(grep -c '^IP:' "$out")"

note "a large network is begun at once, and ends at once"
timeout 60 env --default-signal=INT "$program" --no-db -F none --host-keys off \
  -p "$fleet_port" --password-file "$secret" -l root -w 127.0.0.0/8 -f 8 \
  >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
ten_lines() {
  [ "$(lines_of "$out")" -ge 10 ]
}
wait_for 30 "ten lines" ten_lines
program_pid=$(pgrep -P "$pid" || echo "$pid")
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$program_pid/status")
[ "$sanitized" = 1 ] || check_le "KiB at most" 40000 "$rss"
kill -INT "$program_pid"
wait "$pid" || true

note "--shuffle: each host once, in another order"
fleet_hosts well=60 >"$hosts"
awk '{ print $1 }' "$hosts" >"$scratch/order"
scan --shuffle -f 1 "$hosts"
check_eq "exit status" 0 "$status"
sed -n 's/^IP:\([^ ]*\) .*/\1/p' "$out" >"$scratch/got"
sort "$scratch/got" >"$scratch/sorted"
sort "$scratch/order" >"$scratch/all"
check_same "all hosts" "$scratch/all" "$scratch/sorted"
! cmp -s "$scratch/got" "$scratch/order" || give_up "they came in their order"
scan --shuffle -f 1 "$hosts"
sed -n 's/^IP:\([^ ]*\) .*/\1/p' "$out" >"$scratch/again"
! cmp -s "$scratch/got" "$scratch/again" || give_up "they came in one order"
scan --shuffle -f 4 -l root -w "127.1.0.[1-20],127.1.0.[11-30]" -x 127.1.0.7
check_eq "a list: lines" 29 "$(grep -c '^IP:' "$out")"
