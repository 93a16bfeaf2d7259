# shellcheck shell=bash disable=SC2034,SC2154
title=Paramiko
programs=/usr/bin/python3
modules=paramiko
accounts=no

version() {
  /usr/bin/python3 -c 'import paramiko; print(paramiko.__version__)'
}

serve() {
  exec /usr/bin/python3 "$here/paramiko_host.py" "$1" "$2"
}
