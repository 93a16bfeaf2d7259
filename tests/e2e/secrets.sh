#!/usr/bin/env bash
# The passwords of the host file and of the database are nowhere but where they
# have to be.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
secrets=(Sesame-4711-open fleet-secret out-of-date)
secret=${secrets[0]}

# nowhere WHERE FILE...
nowhere() {
  local where=$1 word
  shift
  for word in "${secrets[@]}"; do
    if grep -aqF "$word" "$@"; then
      give_up "the password $word stands in $where"
    fi
  done
}

# Hosts that refuse it, hosts that hang, lines that are bad in every field.
{
  fleet_hosts well=2,wrong-password=2,drop-after-login=1
  fleet_hosts well=4 | tail -n 2 | awk -v s="$secret" '{ $3 = s; print }'
  echo "127.9.9.1 $secret"
  echo "127.9.9.2 user $secret stray"
  echo "127.9.9.3 user $secret port=$secret"
  echo "127.9.9.4 user $secret $secret=1"
} >"$hosts"

note "not on stdout, stderr or in the store, however much is told"
for format in text tsv csv json; do
  sshinv_db -v -v -O "$format" "$hosts"
  check_eq "exit status" 2 "$status"
  nowhere "the output" "$out"
  nowhere "the messages" "$err"
  nowhere "the store" "$db"*
done
check_eq "rows with a password" 0 "$(rows "
  SELECT count(*) FROM server_status WHERE password IS NOT NULL")"

note "not in the process's arguments or environment, not in its name"
fleet_hosts no-banner=2 | awk -v s="$secret" '{ $3 = s; print }' >"$hosts"
for store in "--db=sqlite:$db" --no-db; do
  SSHINV_DB_PASSWORD=$secret "$program" "$store" -t 30 -T 30 "$hosts" \
    >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "two connections" fleet_holds 2
  nowhere "/proc/PID with $store" "/proc/$pid/cmdline" "/proc/$pid/environ" \
    "/proc/$pid/comm"
  stop_pid "$pid"
  wait_for 20 "the connections' end" fleet_holds 0
done

# Its memory is as closed as its environment: the kernel asks the same question
# for both. With a sanitizer that looks into the process it is left open.
if [ "$sanitized" = 0 ]; then
  note "not in a core dump, and its own user cannot look into it"
  apart=()
  [ "$(id -u)" != 0 ] || apart=(setpriv --reuid 64998 --clear-groups)
  # Where that user may read it.
  install -m 755 "$program" "$scratch/sshinv"
  "${apart[@]}" "$scratch/sshinv" --no-db -t 30 -T 30 - <"$hosts" \
    >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "two connections" fleet_holds 2
  check_eq "size of a core dump" "0 0" \
    "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")"
  "${apart[@]}" sleep 60 &
  other=$!
  undo_at_exit "stop_pid $other"
  readable() {
    "${apart[@]}" cat "/proc/$1/environ" >/dev/null 2>&1
  }
  wait_for 20 "a look into another process" readable "$other"
  ! readable "$pid" || give_up "its user can look into it"
  stop_pid "$other"
  stop_pid "$pid"
fi

note "not in the spool, when the store is lost"
rm -f "$db"*
mkfifo "$scratch/pipe"
exec 8<>"$scratch/pipe"
forget_output
"$program" --db "sqlite:$db" -v -v -O json -f 2 - <"$scratch/pipe" >"$out" \
  2>"$err" 8>&- &
pid=$!
undo_at_exit "stop_pid $pid"
two_lines() {
  [ "$(lines_of "$out")" -ge 2 ]
}
fleet_hosts well=2 >&8
wait_for 20 "the first lines" two_lines
sqlite3 -cmd '.timeout 10000' "$db" "ALTER TABLE server_status RENAME TO kept"
{
  fleet_hosts well=6 | tail -n 4
  fleet_hosts wrong-password=2,drop-after-login=1
  echo "127.9.9.2 user $secret stray"
} >&8
exec 8>&-
wait_for 30 "the end of the run" gone "$pid"
status=0
wait "$pid" || status=$?
check_eq "exit status" 6 "$status"
check_eq "lines" 9 "$(lines_of "$out")"
nowhere "the output" "$out"
nowhere "the messages" "$err"
nowhere "the store" "$db"*
nowhere "the spool" "$XDG_STATE_HOME"/sshinv/spool-*
check_eq "the spool's mode" 600 "$(stat -c %a "$XDG_STATE_HOME"/sshinv/spool-*)"
check_eq "its folder's mode" 700 "$(stat -c %a "$XDG_STATE_HOME/sshinv")"

note "--store-password stores it, and only then"
fleet_hosts well=1 >"$hosts"
rm -f "$db"*
sshinv_db --store-password "$hosts"
check_eq "the column" "$(awk '{ print $3 }' "$hosts")" \
  "$(rows "SELECT password FROM server_status")"

note "the default store is the user's own"
sshinv "$hosts"
check_eq "exit status" 0 "$status"
check_eq "the folder's mode" 700 "$(stat -c %a "$XDG_DATA_HOME/sshinv")"
check_eq "the file's mode" 600 \
  "$(stat -c %a "$XDG_DATA_HOME/sshinv/inventory.db")"
