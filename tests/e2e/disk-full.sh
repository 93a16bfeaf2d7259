#!/usr/bin/env bash
# Disks that run full under way: of the list of results, of the store, of the
# spool as well. What was printed as stored is stored, whole.
set -eu -o pipefail
# shellcheck source=tests/e2e/private-mounts.sh
. "$(dirname "$0")/private-mounts.sh"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=400 >"$hosts"
fleet_hosts well=400 | awk '{ print "IP:" $1 "  hostname:host-" $1 }' |
  sort >"$scratch/want"
disk=$scratch/disk
spools=$XDG_STATE_HOME/sshinv

# Lines of the hosts whose rows are in the store or the spool.
stored() {
  local file
  for file in "$@"; do
    [ ! -s "$file" ] || sqlite3 "$file" "SELECT 'IP:' || ip || '  hostname:' ||
      hostname FROM server_status WHERE status = 'ok'"
  done | sort -u
}

# durable FILE...: no line without a row, and the files are sound.
durable() {
  local file
  for file in "$@"; do
    [ ! -s "$file" ] || check_eq "$file" ok \
      "$(sqlite3 "$file" 'PRAGMA integrity_check')"
  done
  stored "$@" >"$scratch/stored"
  { grep '^IP:' "$out" || true; } | sort >"$scratch/got"
  check_eq "lines without a row" "" \
    "$(comm -13 "$scratch/stored" "$scratch/got")"
}

note "the list's disk: an error, whole lines, and nothing that is not stored"
small_disk "$disk" 8k
sshinv_db -o "$disk/list" "$hosts"
check_eq "exit status" 1 "$status"
check_eq "said once" 1 "$(grep -c 'No space left' "$err")"
cp "$disk/list" "$out"
[ "$(lines_of "$out")" -ge 10 ] || give_up "hardly a line fits into 8 KiB"
# The last one may have been cut.
head -n "$(lines_of "$out")" "$out" >"$scratch/whole"
mv "$scratch/whole" "$out"
check_eq "lines that are not as they should be" "" \
  "$(sort "$out" | comm -13 "$scratch/want" -)"
durable "$db"
umount "$disk"

note "the store's disk: the spool takes over"
small_disk "$disk" 300k
db=$disk/inventory.db
sshinv_db "$hosts"
check_eq "exit status" 6 "$status"
sort "$out" >"$scratch/got"
check_same "the lines: all" "$scratch/want" "$scratch/got"
check_eq "said once" 1 "$(grep -c "results go to the spool $spools/spool-" "$err")"
durable "$db" "$spools"/spool-*.db
[ "$(rows "SELECT count(*) FROM server_status")" -ge 1 ] ||
  give_up "not a row went to the store before its disk was full"

note "and comes back to a store that has room"
spool=$(find "$spools" -name 'spool-*.db')
umount "$disk"
small_disk "$disk" 20m
sshinv replay "$spool" --db "sqlite:$db"
check_eq "exit status" 0 "$status"
[ ! -e "$spool" ] || give_up "the spool is still there"
umount "$disk"

note "both disks: the run ends, and keeps what it said"
small_disk "$disk" 300k
small_disk "$spools" 100k
sshinv_db "$hosts"
check_eq "exit status" 6 "$status"
check_le "lines" 399 "$(lines_of "$out")"
durable "$db" "$spools"/spool-*.db
umount "$spools"
umount "$disk"

note "no room for a store from the beginning"
small_disk "$disk" 4k
fleet_ask reset >/dev/null
sshinv_db "$hosts"
check_eq "exit status" 6 "$status"
[ -s "$err" ] || give_up "nothing is said"
check_eq "hosts that were asked in vain" 0 "$(fleet_connections)"
