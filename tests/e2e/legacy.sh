#!/usr/bin/env bash
# --legacy: servers that have nothing but what is old. Without it they are
# refused, and the sentence says what would help; as with hardened ones.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need

# old WHAT LINE [LINE]...: a server with these lines, without --legacy and with.
old() {
  local what=$1
  shift
  note "$*"
  sshd_start "$@"
  sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
  sshinv --no-db -O tsv --fields status,phase,error "$scratch/hosts.txt"
  check_contains "without it" \
    "protocol	handshake	no common $what algorithm (with --legacy there is one): we offer" \
    "$(cat "$out")"
  check_eq "no login was tried" 0 "$(grep -c password "$sshd_dir/log" || true)"
  sshinv --no-db --legacy "$scratch/hosts.txt"
  check_eq "with it" 0 "$status"
  check_contains "the host's name" "hostname:" "$(cat "$out")"
}

for kex in diffie-hellman-group14-sha1 diffie-hellman-group1-sha1 \
  diffie-hellman-group-exchange-sha1; do
  old "key exchange" "KexAlgorithms $kex"
done
for cipher in aes128-cbc aes192-cbc aes256-cbc 3des-cbc; do
  old cipher "Ciphers $cipher"
done
for mac in hmac-sha1 hmac-sha1-96 hmac-md5; do
  # With AES-GCM no MAC would be needed.
  old MAC "MACs $mac" "Ciphers aes256-ctr,aes128-ctr"
done
old "key exchange" "KexAlgorithms diffie-hellman-group14-sha1" \
  "Ciphers aes128-cbc,3des-cbc" "MACs hmac-sha1,hmac-md5"

# OpenSSH 10 has no DSA any more.
if ssh-keygen -q -t dsa -N '' -f "$scratch/dsa" 2>"$scratch/keygen.err"; then
  old "host key" "HostKeyAlgorithms ssh-dss" "HostKey $scratch/dsa"
else
  note "(no ssh-dss: $(tail -n 1 "$scratch/keygen.err"))"
fi

note "ssh-rsa is old only where libssh2 has better"
sshd_start "HostKeyAlgorithms ssh-rsa"
sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
sshinv --no-db "$scratch/hosts.txt"
if [ "$status" != 0 ]; then
  check_contains "the sentence" "(with --legacy there is one): we offer" \
    "$(cat "$out")"
  check_contains "what is better" "rsa-sha2-512" "$(cat "$out")"
fi
sshinv --no-db --legacy "$scratch/hosts.txt"
check_eq "with --legacy" 0 "$status"

note "what is new is taken before what is old"
sshd_start "KexAlgorithms diffie-hellman-group14-sha1,curve25519-sha256" \
  "Ciphers aes128-cbc,aes128-ctr" "MACs hmac-sha1,hmac-sha2-256" \
  "LogLevel DEBUG1"
sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
sshinv --no-db --legacy "$scratch/hosts.txt"
check_eq "exit status" 0 "$status"
log=$(cat "$sshd_dir/log")
check_contains "key exchange" "kex: algorithm: curve25519-sha256" "$log"
check_contains "cipher and MAC" "cipher: aes128-ctr MAC: hmac-sha2-256" "$log"

note "a hardened server has encrypt-then-MAC, and AES-GCM that needs no MAC"
etm=hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
sshd_start "MACs $etm"
sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
sshinv --no-db "$scratch/hosts.txt"
if [ "$status" != 0 ]; then
  check_contains "with libssh2 1.10" \
    "no common MAC algorithm (a newer libssh2 can do without, by AES-GCM)" \
    "$(cat "$out")"
else
  check_contains "with libssh2 1.11" "hostname:" "$(cat "$out")"
fi

note "without AES-GCM there is no way"
sshd_start "MACs $etm" "Ciphers aes256-ctr,aes128-ctr"
sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
sshinv --no-db "$scratch/hosts.txt"
check_eq "exit status" 4 "$status"
check_contains "what would help" 'the server'\''s "MACs" should have hmac-sha2-256, too' \
  "$(cat "$out")"
