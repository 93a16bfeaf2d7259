# shellcheck shell=bash disable=SC2034,SC2154
# OpenSSH's sshd, with PAM so that it has prompts to show.
title=OpenSSH
programs=sshd
accounts=yes

version() {
  # Debian's suffix says nothing about what is spoken.
  ssh -V 2>&1 | sed -E 's/^OpenSSH_([^ ,]*).*/\1/'
}

serve() {
  local type sshd
  sshd=$(command -v sshd || echo /usr/sbin/sshd)
  {
    printf '%s\n' "Port $2" 'ListenAddress 127.0.0.1' "PidFile $dir/pid" \
      'UsePAM yes' 'KbdInteractiveAuthentication yes' 'MaxStartups 500' \
      'PrintMotd no' 'LogLevel DEBUG1' 'MaxSessions 500' \
      'AuthorizedKeysFile .ssh/authorized_keys'
    for type in ed25519 ecdsa rsa; do
      echo "HostKey $1/host_$type"
    done
  } >"$dir/config"
  # 9.8 and later shut out a source that is refused too often.
  cp "$dir/config" "$dir/config.new"
  echo 'PerSourcePenalties no' >>"$dir/config.new"
  "$sshd" -t -f "$dir/config.new" 2>/dev/null && mv "$dir/config.new" "$dir/config"
  exec "$sshd" -D -e -f "$dir/config"
}
