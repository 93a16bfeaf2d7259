#!/usr/bin/env bash
# Logging in with private keys: every kind and format against a real sshd.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"
# shellcheck source=tests/e2e/terminal.sh
. "$root/tests/e2e/terminal.sh"

sshd_need
need script stty
keys=$scratch/keys
hosts=$scratch/hosts.txt
user=sshinv-bash
passphrase='p€ss phr@se'
mkdir "$keys"

# make NAME TYPE [OPTION]...: a key, unencrypted unless -N is among the options.
make() {
  local name=$1 type=$2
  shift 2
  case " $* " in *" -N "*) ;; *) set -- "$@" -N '' ;; esac
  ssh-keygen -q -t "$type" -a 4 -C "$name" -f "$keys/$name" "$@" </dev/null
}

for format in RFC4716 PEM PKCS8; do
  # ssh-keygen writes ed25519 in its own format only.
  [ $format != RFC4716 ] || make "ed25519" ed25519
  for bits in 256 384 521; do
    make "ecdsa-$bits.$format" ecdsa -b "$bits" -m $format
  done
  make "rsa.$format" rsa -b 2048 -m $format
  make "secret.$format" ecdsa -b 256 -m $format -N "$passphrase"
done
openssl genpkey -algorithm ed25519 -out "$keys/ed25519.PKCS8" 2>/dev/null
# What OpenSSH of old cannot read; its public half at the end of the DER.
{
  printf '\0\0\0\013ssh-ed25519\0\0\0 '
  openssl pkey -in "$keys/ed25519.PKCS8" -pubout -outform DER | tail -c 32
} | base64 -w 0 | sed 's/^/ssh-ed25519 /' >"$keys/ed25519.PKCS8.pub"
echo >>"$keys/ed25519.PKCS8.pub"
make secret.ed25519 ed25519 -N "$passphrase"
cat "$keys"/*.pub >"$scratch/authorized"
for n in 1 2 3 4 5 6 7; do
  make "stranger$n" ed25519
done
make authority ed25519
cp "$keys/authority.pub" "$scratch/authority.pub"
chmod 644 "$scratch/authorized" "$scratch/authority.pub"

sshd_start "AuthorizedKeysFile $scratch/authorized" \
  "TrustedUserCAKeys $scratch/authority.pub" "StrictModes no"
me=$(hostname)
libssh2=$(pkg-config --modversion libssh2 2>/dev/null || echo unknown)
note "libssh2 $libssh2"

# one N [OPTION]...: a line for 127.0.0.N, without a password.
line() {
  local n=$1
  shift
  echo "127.0.0.$n $user - port=$sshd_port $*"
}

line 1 >"$hosts"

# logs_in OPTION...: the one host, by these means.
logs_in() {
  sshinv --no-db -F none "$@" "$hosts"
  check_eq "exit status with $*" 0 "$status"
  check_eq "the line with $*" "IP:127.0.0.1  hostname:$me" "$(cat "$out")"
}

# is_refused PART OPTION...
is_refused() {
  local part=$1
  shift
  sshinv --no-db -F none -O tsv --fields status,phase,error "$@" "$hosts"
  check_eq "exit status with $*" 4 "$status"
  check_contains "the line with $*" "auth	auth	" "$(cat "$out")"
  check_contains "the line with $*" "$part" "$(cat "$out")"
}

note "every kind in every format"
for key in "$keys"/{ed25519,ed25519.PKCS8,ecdsa-*,rsa.*}; do
  case $key in *.pub) continue ;; esac
  logs_in -i "$key"
done

note "a key of the host's line"
line 1 "key=$keys/ed25519" >"$hosts"
logs_in
line 1 >"$hosts"

note "a key that the server does not know"
is_refused "key '$keys/stranger1' refused for '$user'" -i "$keys/stranger1"
logs_in -i "$keys/stranger1" -i "$keys/ed25519"

note "an encrypted key that nobody is there to open"
sshinv --no-db -F none -i "$keys/secret.ed25519" "$hosts" </dev/null
[ "$status" != 0 ] || give_up "it was used"
check_contains "what is said" "secret.ed25519" "$(cat "$err")"

note "its passphrase, asked once for twelve hosts"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
  line "$n"
done >"$hosts"
for name in ed25519 RFC4716 PEM PKCS8; do
  terminal_start --no-db -F none -i "$keys/secret.$name" "$hosts"
  terminal_shows "passphrase for $keys/secret.$name: "
  terminal_type "$passphrase"$'\r'
  terminal_end
  check_eq "exit status" 0 "$status"
  check_eq "hosts that answered" 12 "$(grep -c "hostname:$me" "$out")"
  check_eq "asked" 1 "$(grep -c 'passphrase for' "$screen")"
  check_lacks "the screen" "$passphrase" "$(cat "$screen")"
done

note "a wrong one, three times"
terminal_start --no-db -F none -i "$keys/secret.ed25519" "$hosts"
for n in 1 2 3; do
  terminal_shows "passphrase for $keys/secret.ed25519: " "$n"
  terminal_type "not this one"$'\r'
done
terminal_end
[ "$status" != 0 ] || give_up "a wrong passphrase served"
check_contains "what is said" "the passphrase does not fit" "$(cat "$err")"
line 1 >"$hosts"

note "a key that others can read is told of"
cp "$keys/ed25519" "$keys/open"
chmod 644 "$keys/open"
logs_in -i "$keys/open"
check_contains "the warning" "$keys/open is a private key and others can read it" \
  "$(cat "$err")"

note "many keys that are of no use leave room for the password"
strangers=()
for n in 1 2 3 4 5 6 7; do
  strangers+=(-i "$keys/stranger$n")
done
before=$(grep -c 'Failed publickey' "$sshd_dir/log" || true)
sshd_host 1 "$user" >"$hosts"
logs_in "${strangers[@]}"
check_eq "keys that were offered" 5 \
  "$(($(grep -c 'Failed publickey' "$sshd_dir/log") - before))"
line 1 >"$hosts"
is_refused "not offered, after 5 others" "${strangers[@]}"

note "certificates"
for name in ecdsa-256.RFC4716 ed25519 rsa.RFC4716; do
  cp "$keys/$name" "$keys/certified.$name"
  ssh-keygen -y -f "$keys/$name" >"$keys/certified.$name.pub"
  ssh-keygen -q -s "$keys/authority" -I it -n "$user" "$keys/certified.$name.pub"
done
# Only the certificate opens this account.
line 1 | sed 's/sshinv-bash/sshinv-dash/' >"$hosts"
: >"$scratch/authorized"
for name in ecdsa-256.RFC4716 ed25519; do
  sshinv --no-db -F none -O tsv --fields status,error \
    -i "$keys/certified.$name" "$hosts"
  check_contains "not its principal" "auth" "$(cat "$out")"
done
line 1 >"$hosts"
logs_in -i "$keys/certified.ecdsa-256.RFC4716"
for name in ed25519 rsa.RFC4716; do
  case $libssh2 in
  1.10.*)
    note "SKIPPED: libssh2 $libssh2 cannot use the certificate of $name"
    is_refused "this libssh2 cannot use its certificate" \
      -i "$keys/certified.$name"
    ;;
  *) logs_in -i "$keys/certified.$name" ;;
  esac
done

note "a key and then a password, where the server wants both"
cat "$keys"/ed25519.pub >"$scratch/authorized"
sshd_start "AuthorizedKeysFile $scratch/authorized" "StrictModes no" \
  "AuthenticationMethods publickey,password"
sshd_host 1 "$user" >"$hosts"
logs_in -i "$keys/ed25519"
line 1 >"$hosts"
is_refused "" -i "$keys/ed25519"

note "a server that takes no RSA, and an RSA key before the one that it takes"
cat "$keys"/rsa.PEM.pub "$keys"/ed25519.pub >"$scratch/authorized"
sshd_start "AuthorizedKeysFile $scratch/authorized" "StrictModes no" \
  "PubkeyAcceptedAlgorithms ssh-ed25519"
line 1 >"$hosts"
is_refused "key '$keys/rsa.PEM' refused" -i "$keys/rsa.PEM"
logs_in -i "$keys/rsa.PEM" -i "$keys/ed25519"
