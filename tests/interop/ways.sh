# shellcheck shell=bash disable=SC2154,SC2034
# Sourced by run: the ways in, each as a run of sshinv and as one of ssh(1),
# which tells whether a cell's fault is the server's or ours.

matrix_ways="password keyboard-interactive ed25519 ecdsa rsa agent jump"
jump_targets=${SSHINV_JUMP_TARGETS:-10}

# What the agent holds, and what all jump hosts lead to.
ways_make() {
  export SSH_AUTH_SOCK=$scratch/agent.socket
  ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null &
  undo_at_exit "stop_pid $!"
  wait_for 20 "the agent's start" [ -S "$SSH_AUTH_SOCK" ]
  ssh-add -q "$material/ed25519"
  fleet_start
  fleet_hosts "well=$jump_targets" >"$scratch/jump.txt"
  printf '#!/bin/sh\nexec cat %s\n' "$scratch/secret" >"$scratch/askpass"
  chmod 700 "$scratch/askpass"
}

# way_words WAY: sets options and writes $hosts, the host file.
way_words() {
  hosts=$scratch/hosts.txt
  options=()
  printf '%s\n' "$host $user - port=$port" >"$hosts"
  case $1 in
    password | keyboard-interactive)
      printf '%s\n' "$host $user $secret port=$port" >"$hosts"
      options=(--auth "$1")
      ;;
    ed25519 | ecdsa | rsa) options=(--auth publickey -i "$material/$1") ;;
    agent) options=(--auth agent) ;;
    jump)
      hosts=$scratch/jump.txt
      options=(--auth "publickey,password" -i "$material/ed25519"
        -J "$user@$host:$port")
      ;;
    *)
      # A user of its own that finds the server odd, any way allowed.
      printf '%s\n' "$host $1 $secret port=$port" >"$hosts"
      case $1 in
        *key*) options=(-i "$material/ed25519") ;;
        no-login)
          printf '%s\n' "$host $1 - port=$port" >"$hosts"
          options=(--auth password)
          ;;
      esac
      ;;
  esac
}

# What the hosts of a cell are called, a line each.
expected_names() {
  if [ "$1" = jump ]; then
    sed 's/ .*//; s/^/host-/' "$hosts"
  else
    echo "$hostname"
  fi
}

# sshinv_cell WAY: sets $cell_status and $cell_error. A cell is as good as the
# worst of its hosts.
sshinv_cell() {
  local words hosts options broken
  way_words "$1"
  sshinv_words
  run timeout 60 "${words[@]}" --no-db -q -t 10 -T 20 "${options[@]}" \
    -O tsv --fields status,phase,error,hostname "$hosts" </dev/null
  broken=
  case $status in
    0 | 1 | 3 | 4 | 5) [ -s "$out" ] || broken="no line" ;;
    124) broken=hangs ;;
    *) broken="exit $status" ;;
  esac
  if [ -n "$broken" ]; then
    cell_status=$broken cell_error=$(tail -n 1 "$err")
  elif grep -v '^ok	' "$out" >"$scratch/bad"; then
    cell_status=$(head -n 1 "$scratch/bad" | cut -f 1)
    cell_error=$(head -n 1 "$scratch/bad" | cut -f 3)
  else
    cell_status=ok cell_error=
    if ! diff <(expected_names "$1" | sort) <(cut -f 4 "$out" | sort) \
      >"$scratch/bad"; then
      cell_status="wrong answers" cell_error=$(sed -n 2p "$scratch/bad")
    fi
  fi
  # The same in every run.
  cell_error=${cell_error//$host:$port/HOST}
  cell_error=${cell_error//:$port/:PORT}
  cell_error=${cell_error//$host/HOST}
  cell_error=${cell_error//$material\//}
  cell_error=${cell_error//$fleet_port/PORT}
}

# ssh_cell WAY: the same with ssh(1).
ssh_cell() {
  local one=(-o PreferredAuthentications=publickey -o IdentitiesOnly=yes)
  local common=(-F none -o StrictHostKeyChecking=no -o LogLevel=ERROR
    -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=1
    -p "$port")
  local words=(ssh "${common[@]}") to=$user@$host
  case $1 in
    password | keyboard-interactive)
      words+=(-o "PreferredAuthentications=$1") ;;
    ed25519 | ecdsa | rsa)
      words+=("${one[@]}" -o IdentityAgent=none -i "$material/$1") ;;
    agent) words+=(-o PreferredAuthentications=publickey) ;;
    jump)
      # The fleet's banner is enough: the channel carries bytes.
      words+=("${one[@]}" -i "$material/ed25519" -W "127.1.0.1:$fleet_port") ;;
    *key*) to=$1@$host words+=(-i "$material/ed25519") ;;
    *) to=$1@$host words+=(-o PubkeyAuthentication=no) ;;
  esac
  words+=("$to")
  if [ "$1" = jump ]; then
    # An input that stays open until the banner was there.
    status=0
    { echo SSH-2.0-none; sleep 1; } |
      timeout 20 "${words[@]}" 2>"$err" | head -n 1 >"$out" || true
    grep -q '^SSH-2.0-' "$out" || status=1
  else
    run env SSH_ASKPASS="$scratch/askpass" SSH_ASKPASS_REQUIRE=force \
      timeout 20 "${words[@]}" echo in </dev/null
    grep -q '^in$' "$out" || status=1
  fi
  cell_status=ok cell_error=
  if [ "$status" != 0 ]; then
    cell_status=refused cell_error=$(tail -n 1 "$err")
  fi
}
