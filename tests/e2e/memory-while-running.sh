#!/usr/bin/env bash
# The memory of a run under way: passwords of hosts that are done, or past their
# login, are nowhere in it, not even a piece of one.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/memory.sh
. "$root/tests/e2e/memory.sh"

memory_need
# Octets of the hosts that may still need theirs: no-banner and no-login.
waiting="40 45"
done=14
held=10

# starts ARGUMENT...: runs until only the hosts are left that never end, and
# says whose passwords are there. Standard input is the caller's.
starts() {
  local words
  sshinv_words
  fleet_ask reset >/dev/null
  "${words[@]}" -v -v -f 64 -t 60 -T 60 "$@" >"$out" 2>"$err" <&0 &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 30 "a line of each host that ends" quiet
  "$memsearch" "$needles" --pid "$pid" >"$report"
  check_eq "kinds of host whose passwords are there" "$waiting" \
    "$(memory_kinds)"
  check_eq "no-banner hosts that were not found" "" "$(memory_all_of 40)"
  check_eq "no-login hosts that were not found" "" "$(memory_all_of 45)"
  stop_pid "$pid"
  wait_for 20 "the connections' end" fleet_holds 0
}

# All that end have a line; those that answer no exec were asked by one, and
# those that answer no password have it.
quiet() {
  [ "$(lines_of "$out")" = "$done" ] && fleet_holds "$held" &&
    [ "$(fleet_ask counts | awk '/^127\.4[34]\./ { n += $6 } END { print n }')" = 6 ] &&
    [ "$(fleet_ask counts | awk '/^127\.45\./ { n += $3 } END { print n }')" = 2 ]
}

kinds=well=4,motd=2,wrong-password=2,keyboard-interactive=2,exit-1=2
kinds+=,drop-after-login=2,no-answer=3,no-eof=3,no-banner=2,no-login=2
memory_hosts "$kinds" <<END
127.99.0.1 user PASSWORD stray
127.99.0.2 user PASSWORD port=none
127.1.0.1 root PASSWORD port=$fleet_port
END

note "with a store"
starts --db "sqlite:$db" "$hosts"

note "a command, and no store"
starts --no-db -O json -c 'echo done' "$hosts"

note "lines from a pipe that stays open"
mkfifo "$scratch/pipe"
exec 8<>"$scratch/pipe"
cat "$hosts" >&8
starts --no-db - <&8
exec 8<&-
