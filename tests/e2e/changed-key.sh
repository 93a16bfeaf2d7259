#!/usr/bin/env bash
# A host whose key has changed between two runs, and one in the middle with a
# key of another type: both are told with both fingerprints, and no password
# gets to either.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
hosts=$scratch/hosts.txt
new=$XDG_STATE_HOME/sshinv/known_hosts

# visit ARGUMENT...: one run.
visit() {
  sshinv --no-db -O tsv --fields status,phase,host_key_type,error "$@" "$hosts"
}

fingerprint() {
  awk -v host="$2" '$1 == host { print $2, $3 }' "$1" | ssh-keygen -l -f - |
    awk '{ print $2 }'
}

note "the fleet comes back with other keys on its port"
# One that the kernel gives nobody meanwhile.
fleet_start --host-keys 1 --port "$(free_port)"
fleet_hosts well=10 >"$hosts"
visit
check_eq "first run" ok "$(cut -f 1 "$out" | sort -u)"
check_eq "exit status" 0 "$status"
check_eq "passwords, so it is seen when one is sent" 10 \
  "$(fleet_ask totals | cut -f 3)"
cp "$new" "$scratch/before"
stop_pid "$fleet_pid"
port=$fleet_port
fleet_start --host-keys 2 --port "$port"
check_eq "the port" "$port" "$fleet_port"
for mode in accept-new strict; do
  visit --host-keys "$mode"
  check_eq "$mode" "hostkey handshake ssh-ed25519" \
    "$(cut -f 1-3 "$out" | tr '\t' ' ' | sort -u)"
  check_eq "$mode: exit status" 4 "$status"
  check_eq "$mode: connections" 10 "$(fleet_connections)"
  check_eq "$mode: passwords, prompts, keys" "0 0 0" \
    "$(fleet_ask totals | cut -f 3-5 | tr '\t' ' ')"
  fleet_ask reset >/dev/null
done
check_same "nothing was learnt" "$scratch/before" "$new"
ssh-keyscan -T 20 -t ed25519 -p "$port" 127.1.0.1 2>/dev/null >"$scratch/now"
name="[127.1.0.1]:$port"
check_contains "what is offered, what is known, and where" \
  "host key changed: ssh-ed25519 $(fingerprint "$scratch/now" "$name") offered, \
ssh-ed25519 $(fingerprint "$new" "$name") known ($new:" "$(cat "$out")"

note "looked at by nobody"
visit --host-keys off
check_eq "off" ok "$(cut -f 1 "$out" | sort -u)"
check_same "nothing was learnt" "$scratch/before" "$new"

# only TYPE...: a real sshd on the same port with these keys and no others.
only() {
  local type
  for type in "$sshd_dir"/{ed25519,ecdsa,rsa}; do
    sed -i "\|^HostKey $type\$|d" "$sshd_dir/config"
  done
  for type; do
    echo "HostKey $sshd_dir/$type" >>"$sshd_dir/config"
  done
  sshd_stop "$sshd_pid" "$sshd_dir"
  sshd_try || give_up "sshd does not come up again on port $sshd_port"
  sshd_pid=$(cat "$sshd_dir/pid")
}

logins() {
  grep -cE '(Failed|Accepted) |Postponed|authenticating user' "$sshd_dir/log" ||
    true
}

note "a real sshd: known by its ECDSA key"
sshd_start
sshd_pid=$(cat "$sshd_dir/pid")
sshd_host 1 sshinv-bash >"$hosts"
rm "$new"
only ecdsa
visit
check_eq "first run" "ok ecdsa-sha2-nistp256" "$(cut -f 1,3 "$out" |
  tr '\t' ' ')"
check_eq "a login is seen in its log" 1 "$(grep -c '^Accepted' "$sshd_dir/log")"

note "with a key of another type beside it, it shows the known one"
only ed25519 ecdsa rsa
visit --host-keys strict
check_eq "plain" "ok ecdsa-sha2-nistp256" "$(cut -f 1,3 "$out" | tr '\t' ' ')"

note "of a hashed line too, which is found a handshake later"
cp "$new" "$scratch/plain"
ssh-keygen -q -H -f "$new" >/dev/null 2>&1
visit --host-keys strict
check_eq "hashed" "ok ecdsa-sha2-nistp256" "$(cut -f 1,3 "$out" | tr '\t' ' ')"

note "known by its RSA key"
cp "$new" "$scratch/hashed"
printf '[127.0.0.1]:%s %s\n' "$sshd_port" "$(cut -d ' ' -f 1,2 \
  "$sshd_dir/rsa.pub")" >"$new"
echo "HostKeyAlgorithms +ssh-rsa" >>"$sshd_dir/config"
only ed25519 ecdsa rsa
visit --host-keys strict
check_eq "RSA" "ok ssh-rsa" "$(cut -f 1,3 "$out" | tr '\t' ' ')"

note "in the middle: keys of other types only"
for known in plain hashed; do
  cp "$scratch/$known" "$new"
  only ed25519 rsa
  visit
  check_eq "$known" "hostkey handshake ssh-ed25519" \
    "$(cut -f 1-3 "$out" | tr '\t' ' ')"
  check_contains "$known: both keys" \
    "ssh-ed25519 SHA256:$(sshd_fingerprint ed25519) offered, \
ecdsa-sha2-nistp256 SHA256:$(sshd_fingerprint ecdsa) known ($new:1)" \
    "$(cat "$out")"
  check_eq "$known: logins tried" 0 "$(logins)"
done

note "in the middle: another key of the same type"
ssh-keygen -q -t ecdsa -b 256 -N '' -f "$scratch/other"
mv "$scratch/other" "$sshd_dir/ecdsa"
only ecdsa
visit
check_eq "status" "hostkey" "$(cut -f 1 "$out")"
check_eq "logins tried" 0 "$(logins)"
