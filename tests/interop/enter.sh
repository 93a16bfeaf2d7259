#!/usr/bin/env bash
# As root, in a mount namespace of its own: puts the accounts of MATERIAL over
# the machine's (or over those of another Debian in the folder ROOT), and
# becomes the command there. Whatever is mounted ends with the process.
#
#   enter.sh ROOT SCRATCH MATERIAL COMMAND [ARGUMENT]...
set -eu -o pipefail

system=${1%/} scratch=$2 material=$3
shift 3
umask 022

# A file of that system with our lines behind it.
cover() {
  cat "$system/etc/$1" "$material/$1.own" >"$material/$1.$$"
  chmod --reference="$system/etc/$1" "$material/$1.$$"
  chown --reference="$system/etc/$1" "$material/$1.$$"
  mount --bind "$material/$1.$$" "$system/etc/$1"
  rm "$material/$1.$$"
}

cover passwd
cover shadow
cover group
# sshd wants an empty folder here, which its service would have made.
mount -t tmpfs -o mode=755 tmpfs "$system/run"
mkdir "$system/run/sshd" "$system/run/home"
# Some servers mistrust a home below a folder that others can write to (/tmp).
mount --bind "$material/home" "$system/run/home"

[ -n "$system" ] || exec "$@"
[ -e "$system/proc/self" ] || mount -t proc proc "$system/proc"
[ -c "$system/dev/null" ] || mount --rbind /dev "$system/dev"
mount --bind "$scratch" "$system$scratch"
exec chroot "$system" "$@"
