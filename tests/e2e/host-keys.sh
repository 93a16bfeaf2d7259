#!/usr/bin/env bash
# A real sshd's host keys of every type, in key exchanges of every kind: what
# looks at them before the library does lets them all through.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
for bits in 384 521; do
  ssh-keygen -q -t ecdsa -b "$bits" -N '' -f "$scratch/ecdsa-$bits"
done

# one_key ALGORITHMS KEX TYPE KEY [LINE]...: a server that has nothing else. KEY
# is one of the server's own, or a file.
one_key() {
  local algorithms=$1 kex=$2 type=$3 key=$4
  shift 4
  note "$type, $kex"
  sshd_start "HostKeyAlgorithms $algorithms" "KexAlgorithms $kex" "$@"
  sshd_host 1 sshinv-bash >"$scratch/hosts.txt"
  sshinv --no-db -O tsv --fields status,host_key_type,host_key_sha256 \
    "$scratch/hosts.txt"
  [ -f "$key" ] || key=$sshd_dir/$key
  check_eq "status, type, fingerprint" \
    "ok $type $(ssh-keygen -l -E sha256 -f "$key.pub" |
      sed 's/.*SHA256:\([^ ]*\).*/\1/')" \
    "$(tr '\t' ' ' <"$out")"
}

one_key ssh-ed25519 curve25519-sha256 ssh-ed25519 ed25519
one_key ssh-ed25519 diffie-hellman-group-exchange-sha256 ssh-ed25519 ed25519
one_key ssh-rsa,rsa-sha2-256,rsa-sha2-512 diffie-hellman-group-exchange-sha256 \
  ssh-rsa rsa
one_key ssh-rsa,rsa-sha2-256,rsa-sha2-512 diffie-hellman-group14-sha256 \
  ssh-rsa rsa
one_key ecdsa-sha2-nistp256 ecdh-sha2-nistp256 ecdsa-sha2-nistp256 ecdsa
one_key ecdsa-sha2-nistp384 diffie-hellman-group-exchange-sha256 \
  ecdsa-sha2-nistp384 "$scratch/ecdsa-384" "HostKey $scratch/ecdsa-384"
one_key ecdsa-sha2-nistp521 ecdh-sha2-nistp521 ecdsa-sha2-nistp521 \
  "$scratch/ecdsa-521" "HostKey $scratch/ecdsa-521"
