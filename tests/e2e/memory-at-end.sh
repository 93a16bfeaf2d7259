#!/usr/bin/env bash
# The memory that a run leaves when it ends, in each way in which it can end: no
# password of a host is in it, not even a piece of one.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/memory.sh
. "$root/tests/e2e/memory.sh"

need sqlite3
memory_need

# begins ARGUMENT...: a run whose memory is looked at when it ends; its output
# goes to $out. Sets $pid, sshinv's own, and $watcher.
begins() {
  rm -f "$report" "$db"*
  forget_output
  fleet_ask reset >/dev/null
  "$memsearch" "$needles" --report "$report" \
    env --default-signal=INT "$program" "$@" >"$out" 2>"$err" <&0 &
  watcher=$!
  undo_at_exit "stop_pid $watcher"
  wait_for 20 "the start" grep -q '^pid' "$report"
  pid=$(awk '/^pid/ { print $2; exit }' "$report")
}

# ended STATUS
ended() {
  wait_for 30 "the end of the run" gone "$watcher"
  status=0
  wait "$watcher" || status=$?
  check_eq "exit status" "$1" "$status"
}

# clean STATUS: it ended so, and nothing is left.
clean() {
  ended "$1"
  check_eq "kinds of host whose passwords are left" "" "$(memory_kinds)"
}

silent=no-banner=3,no-login=3,no-answer=3,no-eof=3

note "SIGKILL: they are found, so they can be found"
memory_hosts "$silent" </dev/null
begins --no-db -t 60 -T 60 "$hosts"
wait_for 20 "all connections" fleet_holds 12
kill -KILL "$pid"
ended 137
check_eq "no-banner hosts that were not found" "" "$(memory_all_of 40)"

note "the file's end, with bad and repeated lines"
memory_hosts well=4,motd=2,wrong-password=2,exit-1=2,refused=1 <<END
127.99.0.1 user PASSWORD stray
127.99.0.2 user PASSWORD port=none
127.1.0.1 root PASSWORD port=$fleet_port
END
for store in "--db=sqlite:$db" --no-db; do
  begins "$store" "$hosts"
  clean 2
done

note "hosts whose time is up"
memory_hosts "$silent,drip=1,half-kexinit=1" </dev/null
begins --no-db -t 1 -T 1 "$hosts"
clean 3

for signal in INT:130 TERM:143 HUP:129; do
  note "SIG${signal%:*}, with hosts in flight, queued and not yet read"
  memory_hosts "$silent,well=90" </dev/null
  begins --db "sqlite:$db" -f 12 -t 60 -T 60 "$hosts"
  wait_for 20 "twelve connections" fleet_holds 12
  kill "-${signal%:*}" "$pid"
  clean "${signal#*:}"
done

note "a second signal, while the lines go nowhere"
memory_hosts well=400,no-banner=4 </dev/null
mkfifo "$scratch/pipe"
exec 7<>"$scratch/pipe"
out_kept=$out out=$scratch/pipe
begins --no-db -O json -f 8 "$hosts"
out=$out_kept
wait_for 30 "a full pipe" fleet_rests 8
kill -INT "$pid"
kill -TERM "$pid"
wait_for 30 "the end of the run" gone "$watcher"
status=0
wait "$watcher" || status=$?
case $status in
  130 | 143) ;;
  *) give_up "exit status $status" ;;
esac
# What was not read yet may be there; hosts that were asked are not.
fleet_ask counts | cut -f 1 >"$scratch/asked"
awk 'NR == FNR { if ($1 ~ /^[0-9]+$/) found[$1] = 1; next }
  FNR in found { print $1 }' "$report" "$hosts" >"$scratch/left"
check_eq "hosts that were asked and whose passwords are left" "" \
  "$(grep -Fxf "$scratch/asked" "$scratch/left" || true)"
exec 7<&-

note "a closed pipe"
memory_hosts well=60 </dev/null
rm -f "$report"
set +e
"$memsearch" "$needles" --report "$report" "$program" --no-db -f 4 \
  "$hosts" 2>"$err" | head -n 1 >"$out"
status=${PIPESTATUS[0]}
set -e
check_eq "exit status" 0 "$status"
check_eq "kinds of host whose passwords are left" "" "$(memory_kinds)"

first_lines() {
  [ "$(lines_of "$out")" -ge 2 ]
}
drop_table() {
  sqlite3 -cmd '.timeout 10000' "$db" \
    "ALTER TABLE server_status RENAME TO kept"
}

note "a store that is lost: into the spool, and without one"
for spool in "" --no-spool; do
  memory_hosts slow-login=8,no-login=1 </dev/null
  begins --db "sqlite:$db" -f 3 -T 5 $spool "$hosts"
  wait_for 20 "the first lines" first_lines
  drop_table
  clean 6
done

note "the run's time is up"
memory_hosts slow-login=4,well=40 </dev/null
begins --no-db -f 1 --max-runtime 1 "$hosts"
clean 4

note "a file that cannot be read to its end: a line over the limit, no newline"
memory_hosts well=2 </dev/null
printf '127.1.0.9 root %s %05000d' "$(head -n 1 "$needles")" 0 >>"$hosts"
begins --no-db "$hosts"
clean 2
