#!/usr/bin/env bash
# 1,000 hosts behind a real sshd as a jump host: one login there, every host
# with its own name. The same behind a server that refuses the 11th channel, by
# way of two hops, and with new keys amid it all.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need sqlite3
# New keys after each 256 KiB, from the server's side.
sshd_start "RekeyLimit 256K"
fleet_start
hosts=$scratch/hosts.txt
export SSHD_PASSWORD=$sshd_password FLEET_PASSWORD=fleet-secret

# well N: that many hosts, and the lines that they have to yield.
well() {
  fleet_hosts "well=$1" >"$hosts"
  "$fleet" --expect --hosts "well=$1" --port "$fleet_port" |
    awk '{ print "IP:" $1 "  hostname:" $3 }' | sort >"$scratch/want"
}

# all_well WHAT: each host has the line that it should.
all_well() {
  sort "$out" >"$scratch/got"
  check_same "$1: the lines" "$scratch/want" "$scratch/got"
  check_eq "$1: exit status" 0 "$status"
}

logins() {
  grep -c 'Accepted password for sshinv-bash' "$sshd_dir/log" || true
}

note "1,000 hosts behind one sshd: one login there"
well 1000
sshinv_db -f 64 --password-env SSHD_PASSWORD \
  -J "sshinv-bash@127.0.0.1:$sshd_port" "$hosts"
all_well "behind sshd"
check_eq "logins at the jump host" 1 "$(logins)"
check_eq "the rows" "1000|1000" "$(rows "
  SELECT count(*), count(DISTINCT hostname) FROM server_status
  WHERE status = 'ok'")"
check_eq "hosts that the fleet was called for" 1000 \
  "$(fleet_ask counts | wc -l)"

note "where nothing listens, and where sshd may not go"
{
  fleet_hosts refused=1
  fleet_hosts well=1
} >"$hosts"
sshinv --no-db -O tsv --fields ip,status,phase,error \
  --password-env SSHD_PASSWORD -J "sshinv-bash@127.0.0.1:$sshd_port" "$hosts"
check_contains "refused behind the jump host" \
  $'127.90.0.1\tunreachable\tconnect\tjump host 127.0.0.1: it cannot connect' \
  "$(cat "$out")"
check_contains "the other one" $'127.1.0.1\tok' "$(cat "$out")"

note "a jump host that refuses the 11th channel"
well 300
fleet_ask reset >/dev/null
sshinv --no-db -f 64 --password-env FLEET_PASSWORD \
  -J "root@127.100.0.1:$fleet_port" "$hosts"
all_well "ten at once"
check_contains "it is said" "refused a channel" "$(cat "$err")"
check_le "logins there" 16 "$(fleet_ask counts 127.100.0.1 | cut -f 3)"

note "few channels, as the user wishes"
fleet_ask reset >/dev/null
sshinv --no-db -f 64 --jump-channels 4 --password-env FLEET_PASSWORD \
  -J "root@127.1.99.1:$fleet_port" "$hosts"
all_well "four at once"
check_le "logins there" 16 "$(fleet_ask counts 127.1.99.1 | cut -f 3)"

note "two hops: one login each"
fleet_ask reset >/dev/null
sshinv --no-db -f 64 --password-env FLEET_PASSWORD \
  -J "root@127.1.99.2:$fleet_port,root@127.1.99.3:$fleet_port" "$hosts"
all_well "two hops"
check_eq "logins at the first" 1 \
  "$(fleet_ask counts 127.1.99.2 | cut -f 3)"
check_eq "logins at the second" 1 \
  "$(fleet_ask counts 127.1.99.3 | cut -f 3)"

note "300 hosts, each behind a jump host of its own, and few descriptors"
well 300
fleet_ask reset >/dev/null
cut -d ' ' -f 1 "$hosts" | cut -d : -f 1 |
  awk -v port="$fleet_port" '{
    own = $1; sub(/^127\.1\./, "127.201.", own)
    print "Host " $1 "\n  ProxyJump root@" own ":" port
  }' >"$scratch/config"
status=0
(
  ulimit -n 256
  exec "$program" --no-db -f 64 -F "$scratch/config" \
    --password-env FLEET_PASSWORD "$hosts"
) >"$out" 2>"$err" || status=$?
all_well "jump hosts of their own"
check_contains "fewer at a time" "allows 29 hosts in flight" "$(cat "$err")"
check_eq "logins at one" 1 "$(fleet_ask counts 127.201.1.1 | cut -f 3)"

note "no login at a jump host for a file without hosts"
fleet_ask reset >/dev/null
: >"$hosts"
sshinv --no-db --password-env FLEET_PASSWORD \
  -J "root@127.1.99.2:$fleet_port" "$hosts"
check_eq "connections" 0 "$(fleet_connections)"
