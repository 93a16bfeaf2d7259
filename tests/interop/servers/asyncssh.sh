# shellcheck shell=bash disable=SC2034,SC2154
title=AsyncSSH
programs=/usr/bin/python3
modules=asyncssh
accounts=no

version() {
  /usr/bin/python3 -c 'import asyncssh; print(asyncssh.__version__)'
}

serve() {
  exec /usr/bin/python3 "$here/asyncssh_host.py" "$1" "$2"
}
