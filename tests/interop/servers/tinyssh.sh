# shellcheck shell=bash disable=SC2034,SC2154
# TinySSH speaks on its standard input and output: someone else listens.
title=TinySSH
programs="tinysshd systemd-socket-activate|socat"
accounts=yes

version() {
  dpkg-query -W -f '${Version}' tinysshd | sed 's/-.*//'
}

serve() {
  local program
  program=$(command -v tinysshd || echo /usr/sbin/tinysshd)
  tinysshd-makekey -q "$dir/keys"
  if command -v systemd-socket-activate >/dev/null; then
    exec systemd-socket-activate --accept --inetd -l "127.0.0.1:$2" \
      "$program" -v -- "$dir/keys"
  fi
  exec socat "TCP-LISTEN:$2,bind=127.0.0.1,reuseaddr,fork" \
    "EXEC:$program -v -- $dir/keys"
}
