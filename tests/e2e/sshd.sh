# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh: a real sshd on 127.0.0.1 to 127.0.0.12 with accounts of
# its own. The machine's accounts stay as they are: the accounts live in a
# private mount namespace. Where a container refuses that, temporary ones are
# made and removed again.

sshd_password='it'\''s_"8"_€uro$#!\%'
sshd_addresses=12
# Not by a line of sshd_start: of this keyword sshd takes the last value.
sshd_startups=500
sshd_program=$(command -v sshd || echo /usr/sbin/sshd)
as_root=()
# In the files of this machine's accounts while the fallback is in use.
sshd_temporary=()

# name, shell, and the shadow fields after the password (last change, least and
# most age, warning, inactive, expiry). Day 1 is long past, day 0 means "change
# it at the next login".
sshd_accounts() {
  cat <<END
sshinv-dash $(command -v dash) 19000:0:99999:7:::
sshinv-bash $(command -v bash) 19000:0:99999:7:::
sshinv-noisy $(command -v bash) 19000:0:99999:7:::
sshinv-nologin /usr/sbin/nologin 19000:0:99999:7:::
sshinv-expired $(command -v bash) 19000:0:99999:7::1:
sshinv-stale $(command -v bash) 0:0:99999:7:::
END
  ! command -v busybox >/dev/null || echo "sshinv-busybox $1/bin/ash 19000:0:99999:7:::"
  ! command -v zsh >/dev/null || echo "sshinv-zsh $(command -v zsh) 19000:0:99999:7:::"
  ! command -v tcsh >/dev/null || echo "sshinv-tcsh $(command -v tcsh) 19000:0:99999:7:::"
  ! command -v fish >/dev/null || echo "sshinv-fish $(command -v fish) 19000:0:99999:7:::"
}

# Root is needed to log others in. sudo serves when it asks no question.
sshd_need() {
  need openssl ssh-keygen unshare
  [ -x "$sshd_program" ] || give_way "sshd is not installed"
  [ "$(id -u)" = 0 ] && return
  sudo -n true 2>/dev/null || give_way "a real sshd needs root, or sudo"
  as_root=(sudo -n)
}

# Homes, shells, keys: the same in both ways of having accounts.
sshd_prepare() {
  local dir=$1 name shell shadow uid=64100
  mkdir "$dir/bin" "$dir/home"
  chmod 755 "$dir/bin" "$dir/home"
  ln -s "$(command -v busybox || echo /bin/false)" "$dir/bin/ash"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/ed25519"
  ssh-keygen -q -t ecdsa -b 256 -N '' -f "$dir/ecdsa"
  ssh-keygen -q -t rsa -b 2048 -N '' -f "$dir/rsa"
  printf '%s\n' "$sshd_password" | openssl passwd -6 -stdin >"$dir/hash"
  sshd_accounts "$dir" >"$dir/accounts"
  while read -r name shell shadow; do
    uid=$((uid + 1))
    mkdir -m 755 "$dir/home/$name"
    echo "$name:x:$uid:$uid::$dir/home/$name:$shell"
  done <"$dir/accounts" >"$dir/passwd.own"
  while read -r name shell shadow; do
    echo "$name:$(cat "$dir/hash"):$shadow"
  done <"$dir/accounts" >"$dir/shadow.own"
  cat >"$dir/home/sshinv-noisy/.bashrc" <<'END'
echo "Welcome to $(uname -n), all activity is logged"
echo "bash: warning: setlocale: LC_ALL: cannot change locale" >&2
hostname() { echo not-this-one; }
END
  chmod 644 "$dir/home/sshinv-noisy/.bashrc"
}

# sshd_config DIR PORT [LINE]...
sshd_config() {
  local dir=$1 port=$2 type n
  shift 2
  # First, since sshd takes the first value it reads of each keyword.
  [ $# = 0 ] || printf '%s\n' "$@"
  echo "Port $port"
  for ((n = 1; n <= sshd_addresses; n++)); do
    echo "ListenAddress 127.0.0.$n"
  done
  for type in ed25519 ecdsa rsa; do
    echo "HostKey $dir/$type"
  done
  cat <<END
PidFile $dir/pid
MaxStartups $sshd_startups
PasswordAuthentication yes
UsePAM no
PrintMotd no
LogLevel VERBOSE
END
}

# sshd_start [CONFIGURATION LINE]...: sets $sshd_dir and $sshd_port.
sshd_start() {
  local try
  sshd_dir=$(mktemp -d "$scratch/sshd.XXXXXX")
  chmod 711 "$sshd_dir"
  sshd_prepare "$sshd_dir"
  "${as_root[@]}" unshare -m true 2>/dev/null || sshd_temporary_accounts
  for try in 1 2 3 4 5; do
    sshd_port=$(free_port)
    sshd_config "$sshd_dir" "$sshd_port" "$@" >"$sshd_dir/config"
    if sshd_try; then
      return
    fi
    note "sshd did not come up on port $sshd_port (try $try)"
  done
  give_up "sshd does not start: $(tail -n 5 "$sshd_dir/log")"
}

# One attempt; false when it ended instead of listening, or when somebody else
# has the port on one of its addresses, which it would do without.
sshd_try() {
  local how=(unshare -m --propagation private)
  [ ${#sshd_temporary[@]} = 0 ] || how=()
  "${as_root[@]}" "${how[@]}" bash "$root/tests/e2e/sshd-run.sh" \
    "$sshd_dir" "$sshd_program" "${how[0]:-plain}" \
    </dev/null >"$sshd_dir/log" 2>&1 &
  local pid=$!
  undo_at_exit "sshd_stop $pid $sshd_dir"
  until port_listens "$sshd_port" && [ -s "$sshd_dir/pid" ]; do
    alive "$pid" || return 1
    sleep 0.05
  done
  ! grep -q '^error: Bind to port' "$sshd_dir/log" || {
    sshd_stop "$pid" "$sshd_dir"
    return 1
  }
}

# By its own id; under sudo that is not the id of the shell's child.
sshd_stop() {
  local pid
  alive "$1" || return 0
  pid=$(cat "$2/pid" 2>/dev/null || echo "$1")
  "${as_root[@]}" kill "$pid" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# The fallback: accounts of the machine, for as long as the test runs. A name
# that exists already is somebody's, and then nothing is touched.
sshd_temporary_accounts() {
  local name shell shadow
  [ ${#sshd_temporary[@]} = 0 ] || return 0
  while read -r name shell shadow; do
    ! getent passwd "$name" >/dev/null ||
      give_way "no private mounts here, and there is an account $name"
  done <"$sshd_dir/accounts"
  undo_at_exit sshd_remove_accounts
  # sshd wants it; its service would have made it.
  if [ ! -d /run/sshd ]; then
    "${as_root[@]}" mkdir -m 755 /run/sshd
    undo_at_exit "${as_root[*]} rmdir /run/sshd"
  fi
  while read -r name shell shadow; do
    "${as_root[@]}" useradd -M -N -d "$sshd_dir/home/$name" -s "$shell" \
      -p "$(cat "$sshd_dir/hash")" "$name" 2>/dev/null ||
      give_way "neither private mounts nor temporary accounts are possible"
    sshd_temporary+=("$name")
    case $shadow in
      0:*) "${as_root[@]}" chage -d 0 "$name" ;;
      *:1:) "${as_root[@]}" chage -E 1 "$name" ;;
    esac
  done <"$sshd_dir/accounts"
}

# Also one whose session, cut short by the test, has not quite ended yet.
sshd_remove_accounts() {
  local name
  for name in "${sshd_temporary[@]}"; do
    "${as_root[@]}" userdel --force "$name" 2>/dev/null || true
  done
}

# sshd_fingerprint TYPE: SHA-256 in base64, as ssh-keygen sees it.
sshd_fingerprint() {
  ssh-keygen -l -E sha256 -f "$sshd_dir/$1.pub" | awk '{ print $2 }' |
    sed 's/^SHA256://'
}

# sshd_host N ACCOUNT: the line of a host file for 127.0.0.N.
sshd_host() {
  echo "127.0.0.$1 $2 $sshd_password port=$sshd_port"
}
