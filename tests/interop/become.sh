#!/usr/bin/env bash
# Becomes a server of servers/, or says something of it. It may run inside
# another Debian's root, where only this folder and the scratch folder are known.
#
#   become.sh ROOT NAME missing                what it lacks, in words
#   become.sh ROOT NAME version
#   become.sh ROOT NAME fact VARIABLE
#   become.sh ROOT NAME serve DIR MATERIAL PORT    in the foreground; DIR is its own
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # for those in servers/
system=$1 dir=${4:-}
name=$2 verb=$3
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
# What a server's file may say otherwise. Its host, user, password and hostname
# are those of material.sh unless it has its own.
# shellcheck disable=SC2034
title=$name programs='' modules='' files='' accounts=no
# shellcheck disable=SC2034
host='' user='' password='' hostname=''
# shellcheck source=/dev/null
. "$here/servers/$name.sh"

# a|b: one of them is enough.
missing() {
  local word alternative found
  for word in $programs; do
    found=no
    for alternative in ${word//|/ }; do
      ! command -v "$alternative" >/dev/null || found=yes
    done
    [ "$found" = yes ] || echo "$word"
  done
  for word in $modules; do
    /usr/bin/python3 -c "import $word" 2>/dev/null || echo "python3-$word"
  done
  for word in $files; do
    [ -e "$word" ] || echo "$word"
  done
}

case $verb in
  missing) missing | paste -sd ' ' ;;
  version) version ;;
  fact) echo "${!4}" ;;
  serve) serve "$5" "$6" ;;
esac
