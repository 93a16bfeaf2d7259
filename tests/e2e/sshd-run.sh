#!/usr/bin/env bash
# Becomes the sshd of sshd.sh, as root: sshd-run.sh DIR SSHD unshare|plain
# With "unshare" it is in a mount namespace of its own and may put its accounts
# over the machine's.
set -eu -o pipefail

dir=$1 sshd=$2 how=$3

# A file of the machine with our lines behind it, seen by this process only.
cover() {
  cat "/etc/$1" "$dir/$1.own" >"$dir/$1"
  chmod --reference="/etc/$1" "$dir/$1"
  chown --reference="/etc/$1" "$dir/$1"
  mount --bind "$dir/$1" "/etc/$1"
}

# sshd wants an empty folder here, which its service would have made.
privilege_separation() {
  mkdir -p "$dir/run/sshd"
  chown -R 0:0 "$dir/run"
  chmod -R 755 "$dir/run"
  mount --bind "$dir/run" /run
}

if [ "$how" = unshare ]; then
  cover passwd
  cover shadow
  privilege_separation
  while IFS=: read -r _ _ uid gid _ home _; do
    chown -R "$uid:$gid" "$home"
  done <"$dir/passwd.own"
else
  while IFS=: read -r name _ _ _ _ home _; do
    chown -R "$name" "$home"
  done <"$dir/passwd.own"
fi

# OpenSSH 9.8 and later shut out a source that fails too often; older ones do
# not know the word.
echo "PerSourcePenalties no" >"$dir/config.new"
cat "$dir/config" >>"$dir/config.new"
"$sshd" -t -f "$dir/config.new" 2>/dev/null || cp "$dir/config" "$dir/config.new"

rm -f "$dir/pid"
exec "$sshd" -D -e -f "$dir/config.new"
