#!/usr/bin/env bash
# No HOME, or one in which nothing can be written: a run that needs no place of
# its own does not mind, and one that does says what is missing.
set -eu -o pipefail
# shellcheck source=tests/e2e/private-mounts.sh
. "$(dirname "$0")/private-mounts.sh"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=4 >"$hosts"

# homeless WORD...: sshinv without HOME and XDG folders.
homeless() {
  run env -u HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_CONFIG_HOME \
    "$program" "$@" "$hosts"
}

# in_read_only ARGUMENT...: all of them on a read-only file system.
in_read_only() {
  run env -u XDG_DATA_HOME -u XDG_STATE_HOME HOME="$scratch/ro" \
    "$program" "$@" "$hosts"
}
small_disk "$scratch/ro" 64k
mount -o remount,ro "$scratch/ro"

for how in homeless in_read_only; do
  note "$how: a store that is named, or none"
  for store in "--db=sqlite:$scratch/named-$how.db" --no-db; do
    "$how" "$store"
    check_eq "exit status with $store" 0 "$status"
    check_eq "lines with $store" 4 "$(grep -c hostname: "$out")"
  done

  note "$how: the default store has no place, which is told before any host"
  fleet_ask reset >/dev/null
  "$how"
  case $status in
    2 | 6) ;;
    *) give_up "exit status $status" ;;
  esac
  [ -s "$err" ] || give_up "nothing is said"
  check_eq "hosts that were asked" 0 "$(fleet_connections)"
done
check_contains "which folder" "$scratch/ro" "$(cat "$err")"

note "no place for a spool: what is not stored is told, and has no line"
fleet_hosts well=9 >"$scratch/all"
for how in homeless in_read_only; do
  rm -f "$db"* "$hosts"
  # The last six come when the table is gone.
  mkfifo "$hosts"
  exec 8<>"$hosts"
  "$how" --db "sqlite:$db" -f 3 8>&- &
  runner=$!
  undo_at_exit "stop_pid $runner"
  table_is_there() {
    [ "$(rows "SELECT count(*) FROM server_status")" -ge 3 ]
  }
  head -n 3 "$scratch/all" >&8
  wait_for 20 "the first rows" table_is_there
  sqlite3 -cmd '.timeout 10000' "$db" \
    "ALTER TABLE server_status RENAME TO kept"
  tail -n 6 "$scratch/all" >&8
  exec 8>&-
  wait_for 30 "the end of the run" gone "$runner"
  wait "$runner"
  # Its words: the status was kept by the shell in the background.
  grep -q 'cannot be stored\|not stored' "$err" || give_up "nothing is said"
  sed -nE 's/^IP:([0-9.]+) .*/\1/p' "$out" | sort >"$scratch/got"
  rows "SELECT ip FROM kept" | sort >"$scratch/stored"
  check_eq "lines without a row" "" \
    "$(comm -13 "$scratch/stored" "$scratch/got")"
  check_eq "lines" 3 "$(lines_of "$scratch/got")"
done
