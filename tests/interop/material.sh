# shellcheck shell=bash disable=SC2154
# Sourced by run: the account, keys and secrets that all servers and clients of
# one run share, and the servers' start and end.

account=sshinv
# What a person might choose, in UTF-8; no blanks, since a host line has none.
password='it'\''s_"8"_€uro$#!\%'
material=$scratch/material
key_types="ed25519 ecdsa rsa"
as_root=()
server_pid=   # the one that runs
namespaces=no # private mounts are possible, so accounts and other roots are

material_make() {
  undo_at_exit server_stop
  local type home=$material/home uid=64190
  mkdir -m 755 "$material" "$home" "$home/.ssh" "$scratch/servers"
  cp -r "$root/tests/interop" "$scratch/interop"
  for type in $key_types; do
    ssh-keygen -q -t "$type" -N '' -C "$type" -f "$material/host_$type"
    ssh-keygen -q -t "$type" -N '' -C "$type" -f "$material/$type"
    cat "$material/$type.pub" >>"$material/authorized_keys"
  done
  printf '%s\n' "$password" >"$material/password"
  cp "$material/authorized_keys" "$home/.ssh/"
  chmod 644 "$home/.ssh/authorized_keys"
  echo "$account:x:$uid:$uid::/run/home:/bin/sh" >"$material/passwd.own"
  echo "$account:$(openssl passwd -6 -stdin <"$material/password"):19000:0:99999:7:::" \
    >"$material/shadow.own"
  echo "$account:x:$uid:" >"$material/group.own"
  [ "$(id -u)" = 0 ] || ! sudo -n true 2>/dev/null || as_root=(sudo -n)
  if "${as_root[@]}" unshare -m true 2>/dev/null; then
    namespaces=yes
    "${as_root[@]}" chown -R "$uid:$uid" "$home"
    # Its owner is another one now, and it goes at the end.
    undo_at_exit "${as_root[*]} chown -R $(id -u) $home"
  fi
}

# root_prepare ROOT: where the scratch folder can be mounted in another system.
root_prepare() {
  [ "$1" != / ] && [ "$namespaces" = yes ] && [ ! -d "$1$scratch" ] || return 0
  "${as_root[@]}" mkdir -p "$1$scratch"
  undo_at_exit "${as_root[*]} rmdir $1$scratch"
}

# A server is NAME, of this machine, or NAME@ROOT, of another Debian in ROOT.
server_name() {
  echo "${1%%@*}"
}

server_root() {
  case $1 in
    *@*) echo "${1#*@}" ;;
    *) echo / ;;
  esac
}

# Sets words to what runs become.sh where the server lives.
server_words() {
  local name system
  name=$(server_name "$1")
  system=$(server_root "$1")
  words=(bash "$scratch/interop/become.sh" "$system" "$name")
  [ "$system" != / ] || [ "$(server_fact "$1" accounts)" = yes ] || return 0
  words=("${as_root[@]}" unshare -m --propagation private
    bash "$scratch/interop/enter.sh" "$system" "$scratch" "$material"
    "${words[@]}")
}

# server_fact SERVER VARIABLE: what its file says.
server_fact() {
  bash "$scratch/interop/become.sh" "$(server_root "$1")" \
    "$(server_name "$1")" fact "$2"
}

# What is said of a server that cannot be started here; nothing when it can.
server_lacks() {
  local words lacks
  if [ ! -e "$scratch/interop/servers/$(server_name "$1").sh" ]; then
    echo "there is no servers/$(server_name "$1").sh"
    return
  fi
  server_words "$1"
  if [ "${words[0]}" != bash ] && [ "$namespaces" = no ]; then
    echo "it needs root and private mounts"
    return
  fi
  lacks=$("${words[@]}" missing)
  [ -z "$lacks" ] || echo "not installed: $lacks"
}

server_version() {
  local words
  server_words "$1"
  "${words[@]}" version
}

# server_start SERVER: sets $port, $log and $server_pid, and where and as whom
# its clients log in: $host, $user, $secret; $hostname is what it answers.
server_start() {
  local words try dir
  host=$(server_fact "$1" host)
  host=${host:-127.0.0.1}
  user=$(server_fact "$1" user)
  user=${user:-$account}
  secret=$(server_fact "$1" password)
  secret=${secret:-$password}
  hostname=$(server_fact "$1" hostname)
  hostname=${hostname:-$(uname -n)}
  printf '%s\n' "$secret" >"$scratch/secret"
  for try in 1 2 3; do
    dir=$(mktemp -d "$scratch/servers/$(server_name "$1").XXXXXX")
    chmod 711 "$dir"
    log=$dir/log
    port=$(free_port)
    server_words "$1"
    "${words[@]}" serve "$dir" "$material" "$port" </dev/null >"$log" 2>&1 &
    server_pid=$!
    ! server_is_up || return 0
    server_stop
    note "$1 did not come up on port $port (try $try)"
  done
  give_up "$1 does not start: $(tail -n 5 "$log")"
}

# Go has to be compiled first, on a machine that may be busy.
server_is_up() {
  local end=$((SECONDS + 120))
  until port_listens "$port"; do
    alive "$server_pid" && [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# By its own id; sudo hands the signal on.
server_stop() {
  [ -n "$server_pid" ] || return 0
  "${as_root[@]}" kill "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}
