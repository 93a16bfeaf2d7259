#!/usr/bin/env bash
# Logging in by the keys of an ssh-agent, a well one and ill ones.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need ssh-agent ssh-add setsid
hosts=$scratch/hosts.txt
user=sshinv-bash
me=$(hostname)

ssh-keygen -q -t ed25519 -N '' -f "$scratch/known"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$scratch/rsa"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/strange"
cat "$scratch/known.pub" "$scratch/rsa.pub" >"$scratch/authorized"
chmod 644 "$scratch/authorized"

# As many hosts as there are addresses: sshd has 16 sockets at most, so there is
# one for all of them, and it lets this machine in only.
sshd_addresses=0
sshd_start "AuthorizedKeysFile $scratch/authorized" "StrictModes no" \
  "ListenAddress 0.0.0.0" "AllowUsers *@127.0.0.0/8"

# One that was stopped has to go on before it can end.
agent_stop() {
  alive "$1" || return 0
  kill -CONT "$1"
  stop_pid "$1"
}

# agent_start KEY...: a new one, with these; sets $SSH_AUTH_SOCK, $agent.
agent_start() {
  export SSH_AUTH_SOCK=$scratch/agent.socket
  rm -f "$SSH_AUTH_SOCK"
  ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null &
  agent=$!
  undo_at_exit "agent_stop $agent"
  wait_for 20 "the agent's start" [ -S "$SSH_AUTH_SOCK" ]
  ssh-add -q "$@"
}

# some COUNT: lines for as many hosts.
some() {
  local n
  for ((n = 1; n <= $1; n++)); do
    echo "127.0.0.$n $user - port=$sshd_port"
  done
}

answered() {
  grep -c "  hostname:$me$" "$out" || true
}

note "200 hosts through one agent, which stays alive"
agent_start "$scratch/known"
some 200 >"$hosts"
check_eq "hosts" 200 "$(lines_of "$hosts")"
sshinv --no-db -F none -f 100 -T 120 "$hosts"
check_eq "exit status" 0 "$status"
check_eq "hosts that answered" 200 "$(answered)"
ssh-add -l >/dev/null || give_up "the agent is gone"

note "a host with a password is not asked to look at the agent's keys"
before=$(grep -c 'Accepted publickey for' "$sshd_dir/log" || true)
sshd_host 1 "$user" >"$hosts"
sshinv --no-db -F none "$hosts"
check_eq "exit status" 0 "$status"
check_eq "keys that were offered" "$before" \
  "$(grep -c 'Accepted publickey for' "$sshd_dir/log" || true)"
sshinv --no-db -F none --auth agent "$hosts"
check_eq "exit status" 0 "$status"
check_eq "now it is" $((before + 1)) \
  "$(grep -c 'Accepted publickey for' "$sshd_dir/log" || true)"

note "an agent without keys, or with those of others"
some 1 >"$hosts"
ssh-add -q -D
sshinv --no-db -F none --auth agent "$hosts"
check_eq "exit status" 4 "$status"
check_contains "the line" "the ssh-agent has no keys" "$(cat "$out")"
ssh-add -q "$scratch/strange"
sshinv --no-db -F none --auth agent "$hosts"
check_eq "exit status" 4 "$status"
check_contains "the line" "refused for '$user'" "$(cat "$out")"

note "an RSA key in the agent"
ssh-add -q "$scratch/rsa"
sshinv --no-db -F none "$hosts"
check_eq "exit status" 0 "$status"

# A run whose hosts come one by one, so that something can happen to the agent
# after the first: open_run OPTION...; sets $run_pid. Hosts go to descriptor 8.
open_run() {
  local words
  sshinv_words
  rm -f "$scratch/fifo"
  mkfifo "$scratch/fifo"
  forget_output
  "${words[@]}" --no-db -F none "$@" "$scratch/fifo" >"$out" 2>"$err" &
  run_pid=$!
  undo_at_exit "stop_pid $run_pid"
  exec 8>"$scratch/fifo"
  some 1 >&8
  wait_for 20 "the first host's line" grep -q "hostname:$me" "$out"
}

# The rest of the hosts, and the end of the run; sets $status.
close_run() {
  some "$1" | tail -n +2 >&8
  exec 8>&-
  wait_for 60 "the end of the run" gone "$run_pid"
  status=0
  wait "$run_pid" || status=$?
}

note "an agent that hangs costs each host its time, and the run no more"
agent_start "$scratch/known"
# They have to come as far as the agent in that time.
open_run -T 6 -f 32
kill -STOP "$agent"
begin=$(now_ms)
close_run 8
check_soon "to the end, not 42 seconds" "$begin"
check_eq "exit status" 3 "$status"
check_eq "hosts that were in time" 1 "$(answered)"
check_eq "hosts that were not" 7 "$(grep -c 'timeout: .*(auth)' "$out")"
kill -CONT "$agent"
some 24 >"$hosts"
sshinv --no-db -F none -f 32 "$hosts"
check_eq "hosts that answered afterwards" 24 "$(answered)"

# The run has connections that it does not get on with.
waits_for_agent() {
  [ "$(grep -c "Connection from" "$sshd_dir/log")" -gt "$connections" ]
}

note "the end of the run while it hangs"
open_run -T 100 -f 32
kill -STOP "$agent"
connections=$(grep -c "Connection from" "$sshd_dir/log")
some 24 | tail -n +2 >&8
wait_for 20 "a connection beside the first" waits_for_agent
kill -TERM "$run_pid"
close_run 1
check_eq "exit status" 143 "$status"
kill -CONT "$agent"

note "an agent that goes away is refused, and the password left"
open_run -T 20 -f 8
kill "$agent"
wait_for 20 "its end" gone "$agent"
close_run 8
check_eq "exit status" 4 "$status"
check_eq "hosts" 7 "$(grep -c 'auth: .*ssh-agent' "$out")"

note "no agent at all"
some 1 >"$hosts"
sshinv --no-db -F none --auth agent "$hosts"
[ "$status" != 0 ] || give_up "it logged in by nothing"
check_contains "what is said" "ssh-agent" "$(cat "$out" "$err")"
