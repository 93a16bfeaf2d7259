#!/usr/bin/env bash
# -4, -6 and --bind.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

hosts=$scratch/hosts.txt

# In a network of its own with ten ports to connect from: a source address has
# no more of them, but one serves for many hosts.
few_ports() {
  ip link set lo up
  echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range
  # A port of its choice would be one of the ten.
  fleet_start --port "$(free_port)"
  fleet_hosts slow-login=60 >"$hosts"
  sshinv --no-db -f 60 --bind 127.0.0.9 "$hosts"
  check_eq "exit status" 0 "$status"
  check_eq "connections" 60 "$(fleet_connections)"
  check_le "held at once" "$(fleet_ask totals | cut -f 8)" 11
}

if [ "${1:-}" = few-ports ]; then
  few_ports
  exit
fi

fleet_start

# result ARGUMENT...: the only line of a run.
result() {
  sshinv --no-db -O tsv --fields ip,status,address,error "$@" "$hosts"
  tr '\t' ' ' <"$out"
}

note "a literal of the other family"
fleet_hosts well=1 >"$hosts"
check_eq "-4" "127.1.0.1 ok 127.1.0.1 " "$(result -4)"
check_eq "-6" "127.1.0.1 unresolved  not an IPv6 address (-6)" "$(result -6)"
check_eq "nobody was called by -6" 1 "$(fleet_connections)"

note "a name has the addresses of one family"
echo "localhost root fleet-secret port=$fleet_port" >"$hosts"
check_eq "-4" "localhost ok 127.0.0.1 " "$(result -4)"
if grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null &&
  grep -q '^::1.*localhost' /etc/hosts; then
  check_contains "-6" "localhost refused ::1 " "$(result -6)"
fi

note "--bind"
fleet_hosts no-answer=1 >"$hosts"
sshinv_words
"${words[@]}" --no-db --bind 127.0.0.77 -T 600 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "the connection" fleet_holds_least 1
# As the kernel prints them: in hexadecimal, host byte order.
check_contains "where it comes from" "4D00007F:" \
  "$(awk -v port=":$(printf '%04X' "$fleet_port")" '$3 ~ port { print $2 }' \
    /proc/net/tcp)"
kill -TERM "$pid"
wait_for 15 "the end of the run" gone "$pid"
wait "$pid" || true

note "a source has a family"
echo "::1 root x port=$fleet_port" >"$hosts"
check_eq "of another one" "::1 unresolved  not an IPv4 address (--bind)" \
  "$(result --bind 127.0.0.77)"

note "what cannot be a source is a mistake that is seen at once"
for source in 192.0.2.77 fe80::1 web1 127.0.0.1%lo; do
  sshinv --no-db --bind "$source" "$hosts"
  check_eq "--bind $source" 2 "$status"
  check_contains "the sentence" "--bind $source" "$(cat "$err")"
done
sshinv --no-db -6 --bind 127.0.0.1 "$hosts"
check_eq "-6 with an IPv4 source" 2 "$status"
check_contains "the sentence" "127.0.0.1 is no IPv6 address (-6)" "$(cat "$err")"

note "one port serves for many hosts"
if unshare -rn true 2>/dev/null && command -v ip >/dev/null; then
  unshare -rn bash "$0" few-ports
else
  note "(not here: no network of its own)"
fi
