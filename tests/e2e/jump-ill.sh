#!/usr/bin/env bash
# Jump hosts that do not do what they should: every host has its record, which
# names the jump host, and the run ends in time.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need sqlite3
sshd_start
fleet_start
hosts=$scratch/hosts.txt
export SSHD_PASSWORD=$sshd_password FLEET_PASSWORD=fleet-secret

# of FIELD ADDRESS: what the fleet counted, 2 connections, 3 passwords.
of() {
  fleet_ask counts "$2" | cut -f "$1"
}

# statuses: how many of each, "5 auth 3 ok".
statuses() {
  cut -f 2 "$out" | sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = " " }'
}

# all_name_it N ADDRESS: N lines, and those that are not ok name the jump host.
all_name_it() {
  check_eq "lines" "$1" "$(lines_of "$out")"
  check_eq "failures that do not name the jump host" "" \
    "$(awk -F '\t' -v name="jump host $2" \
      '$2 != "ok" && index($4, name) == 0' "$out" | head -3)"
}

tsv=(--no-db -O tsv --fields "ip,status,phase,error")

note "a wrong password for the jump host: sent once"
fleet_hosts well=100 >"$hosts"
sshinv "${tsv[@]}" -f 32 --password-env SSHD_PASSWORD \
  -J "root@127.1.99.1:$fleet_port" "$hosts"
check_eq "statuses" "100 auth" "$(statuses)"
all_name_it 100 127.1.99.1
check_eq "connections" 1 "$(of 2 127.1.99.1)"
check_eq "passwords" 1 "$(of 3 127.1.99.1)"
check_eq "exit status" 4 "$status"

note "a jump host that is not there"
sshinv "${tsv[@]}" -f 32 -J "root@127.1.99.2:1" "$hosts"
check_eq "statuses" "100 refused" "$(statuses)"
all_name_it 100 127.1.99.2

note "a jump host with another key than the known one: nothing is sent"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/other"
echo "[127.1.99.3]:$fleet_port $(cut -d ' ' -f 1,2 "$scratch/other.pub")" \
  >"$scratch/known"
sshinv "${tsv[@]}" -f 32 --known-hosts "$scratch/known" \
  --password-env FLEET_PASSWORD -J "root@127.1.99.3:$fleet_port" "$hosts"
check_eq "statuses" "100 hostkey" "$(statuses)"
all_name_it 100 127.1.99.3
check_eq "passwords" 0 "$(of 3 127.1.99.3)"

note "one that forwards nothing"
sshinv "${tsv[@]}" -f 32 --password-env FLEET_PASSWORD \
  -J "root@127.101.0.1:$fleet_port" "$hosts"
check_eq "statuses" "100 unreachable" "$(statuses)"
all_name_it 100 127.101.0.1
check_eq "logins" 1 "$(of 3 127.101.0.1)"

note "one that dies with its 20th channel, again and again"
fleet_hosts well=400 >"$hosts"
sshinv "${tsv[@]}" -f 32 --jump-channels 256 --password-env FLEET_PASSWORD \
  -J "root@127.102.0.1:$fleet_port" "$hosts"
all_name_it 400 127.102.0.1
check_lacks "not all were well" "400 ok" "$(statuses)"

note "one that answers nobody who wants a channel"
fleet_hosts well=40 >"$hosts"
sshinv "${tsv[@]}" -f 40 -t 500ms -T 3 --password-env FLEET_PASSWORD \
  -J "root@127.103.0.1:$fleet_port" "$hosts"
check_eq "statuses" "40 timeout" "$(statuses)"
all_name_it 40 127.103.0.1

# Without the guard: to it a password whose verdict never came was refused.
note "sshd's process is killed amid the run"
fleet_hosts slow-login=400 >"$hosts"
"$program" "${tsv[@]}" -f 100 --max-auth-failures 0 \
  --password-env SSHD_PASSWORD \
  -J "sshinv-bash@127.0.0.1:$sshd_port" "$hosts" >"$out" 2>"$err" &
run_pid=$!
wait_for 20 "hosts in flight" fleet_holds_least 50
victim=$(pgrep -P "$(cat "$sshd_dir/pid")" | head -1)
"${as_root[@]}" kill -9 $(pgrep -P "$victim") "$victim"
status=0
wait "$run_pid" || status=$?
all_name_it 400 127.0.0.1
check_contains "the session was lost" "jump host 127.0.0.1: session lost: " \
  "$(cat "$out")"
check_contains "others came through by another one" " ok" "$(statuses)"
check_eq "logins" 2 "$(grep -c 'Accepted password' "$sshd_dir/log")"

note "an interrupt ends the run, whatever the jump host waits for"
fleet_hosts no-answer=50 >"$hosts"
"$program" "${tsv[@]}" -f 50 --password-env SSHD_PASSWORD \
  -J "sshinv-bash@127.0.0.1:$sshd_port" "$hosts" >"$out" 2>"$err" &
run_pid=$!
wait_for 20 "hosts in flight" fleet_holds_least 50
begin=$(now_ms)
kill -TERM "$run_pid"
status=0
wait "$run_pid" || status=$?
check_eq "exit status" 143 "$status"
check_soon "to the end" "$begin"
check_eq "statuses" "50 skipped" "$(statuses)"
