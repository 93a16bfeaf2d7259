# shellcheck shell=bash disable=SC2034,SC2154
# libssh has no daemon: tests/fleet is made of it, and its kind "either-way"
# takes all ways in. In another root SSHINV_ROOT_FLEET names it.
title=libssh
host=127.19.0.1
user=root
password=fleet-secret
hostname="host-127.19.0.1"
accounts=no
if [ "$system" = / ]; then
  files=${SSHINV_FLEET:?}
else
  files=${SSHINV_ROOT_FLEET:-SSHINV_ROOT_FLEET}
fi

version() {
  dpkg-query -W -f '${Version}' libssh-4 | sed 's/-.*//'
}

serve() {
  exec "$files" --port "$2" --authorized-keys "$1/authorized_keys"
}
