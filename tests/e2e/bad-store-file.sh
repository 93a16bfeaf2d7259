#!/usr/bin/env bash
# SQLite files that cannot take a row: told with the file's name, never a crash,
# never a line without a row, and what was in the file is left as it was.
set -eu -o pipefail
# shellcheck source=tests/e2e/private-mounts.sh
. "$(dirname "$0")/private-mounts.sh"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=200 >"$hosts"
sshinv_db "$hosts"
check_eq "exit status" 0 "$status"
sqlite3 "$db" 'PRAGMA wal_checkpoint(TRUNCATE)' >"$scratch/null"
good=$scratch/good.db
cp "$db" "$good"

# refused WHY: the run ends before a host was asked.
refused() {
  check_eq "exit status of $1" 6 "$status"
  check_contains "the message of $1" "$db" "$(cat "$err")"
  check_eq "lines of $1" 0 "$(lines_of "$out")"
  check_eq "hosts that were asked with $1" 0 "$(fleet_connections)"
}
fleet_ask reset >/dev/null

note "a file system that is read-only"
small_disk "$scratch/disk" 2m
cp "$good" "$scratch/disk/inventory.db"
mount -o remount,ro "$scratch/disk"
usual=$db db=$scratch/disk/inventory.db
sshinv_db "$hosts"
refused "a read-only file system"
db=$usual

note "not a database; a header that is spoilt"
rm -f "$db"*
head -c 5000 /dev/urandom >"$db"
cp "$db" "$scratch/before"
sshinv_db "$hosts"
refused "random bytes"
check_same "the file" "$scratch/before" "$db"
for at in 0 16 100; do
  rm -f "$db"*
  cp "$good" "$db"
  head -c 40 /dev/zero | tr '\0' '\377' |
    dd of="$db" bs=1 seek="$at" conv=notrunc status=none
  cp "$db" "$scratch/before"
  sshinv_db "$hosts"
  refused "a header that is spoilt from byte $at on"
  check_same "the file" "$scratch/before" "$db"
done

note "pages in the middle: told, and no line without a row"
size=$(stat -c %s "$good")
for page in $(seq 1 2 $((size / 4096 - 1))); do
  rm -f "$db"*
  rm -rf "$XDG_STATE_HOME"
  cp "$good" "$db"
  head -c 4096 /dev/zero | tr '\0' '\377' |
    dd of="$db" bs=4096 seek="$page" conv=notrunc status=none
  sshinv_db "$hosts"
  case $status in
    0 | 6) ;;
    *) give_up "exit status $status with page $page" ;;
  esac
  [ "$status" = 0 ] || [ -s "$err" ] || give_up "page $page: nothing is said"
  # Their rows by key, wherever they went: reading on and on meets the page.
  sed -nE "s/^IP:([0-9.]+) .*/SELECT 'IP:' || ip || '  hostname:' || hostname FROM server_status WHERE ip = '\\1' AND port = $fleet_port;/p" \
    "$out" >"$scratch/queries"
  : >"$scratch/unread"
  for file in "$db" "$XDG_STATE_HOME"/sshinv/*.db; do
    [ ! -s "$file" ] ||
      sqlite3 "$file" <"$scratch/queries" 2>>"$scratch/unread" || true
  done | sort -u >"$scratch/stored"
  sort "$out" >"$scratch/got"
  # A row behind the page itself cannot be read, by nobody.
  check_le "page $page: lines without a row" \
    "$(grep -c malformed "$scratch/unread" || true)" \
    "$(comm -13 "$scratch/stored" "$scratch/got" | wc -l)"
done
