#!/usr/bin/env bash
# One wrong password must not lock an account on all hosts: the credential guard
# against the fleet, which counts what it is sent.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
hosts=$scratch/hosts.txt
many=2000
[ "$sanitized" = 0 ] || many=400

# Passwords and answers to prompts that all hosts were sent.
sent() {
  fleet_ask totals | awk -F '\t' '{ print $3 + $4 }'
}

# statuses: how many hosts of $out have which, "3 auth, 7 skipped".
statuses() {
  cut -f 2 "$out" | sort | uniq -c | awk '{ print $1, $2 }' | paste -s -d , |
    sed 's/,/, /g'
}

# probe [OPTION]...
probe() {
  fleet_ask reset >/dev/null
  sshinv --no-db -O tsv --fields ip,status,phase,error "$@" "$hosts"
}

note "a wrong password that $many hosts share is sent three times"
fleet_hosts "wrong-password=$many" >"$hosts"
fleet_ask reset >/dev/null
sshinv_db -f 256 -O tsv --fields ip,status,phase,error "$hosts"
check_eq "exit status" 4 "$status"
check_eq "statuses" "3 auth, $((many - 3)) skipped" "$(statuses)"
check_le "passwords sent" 3 "$(sent)"
check_eq "one sentence for all that were skipped" \
  "skipped	not tried: 3 hosts refused this user and password (--max-auth-failures)" \
  "$(awk -F '\t' '$2 == "skipped"' "$out" | cut -f 2,4 | sort -u)"
# Those in flight at that time are connected: 256, and what they were followed by.
check_le "connections, since who has nothing else to show is not called" \
  $((many - 1)) "$(fleet_connections)"
check_eq "stderr says how many, once, and by which option" 1 \
  "$(grep -c -- '--max-auth-failures' "$err")"
check_contains "how many" "$((many - 3)) hosts were not tried" "$(cat "$err")"
check_eq "rows" "auth|3 skipped|$((many - 3))" "$(rows "
  SELECT status, count(*) FROM server_status GROUP BY 1 ORDER BY 1" |
  paste -s -d ' ')"

note "a password that the lines do not have is the same for all"
fleet_hosts wrong-password=400 | awk '{ $3 = "-"; print }' >"$hosts"
password=not-this-one probe -f 16 --password-env password
check_eq "statuses" "3 auth, 397 skipped" "$(statuses)"
check_eq "passwords sent" 3 "$(sent)"
check_le "connections" 399 "$(fleet_connections)"

note "another number, and one"
fleet_hosts wrong-password=40 >"$hosts"
for most in 5 1; do
  probe -f 16 --max-auth-failures "$most"
  check_eq "statuses" "$most auth, $((40 - most)) skipped" "$(statuses)"
  check_eq "passwords sent" "$most" "$(sent)"
done
check_contains "the sentence for one" "1 host refused this user" "$(cat "$out")"

note "0 is off"
probe -f 16 --max-auth-failures 0
check_eq "statuses" "40 auth" "$(statuses)"
check_eq "passwords sent" 40 "$(sent)"
check_lacks "nothing to say" "max-auth-failures" "$(cat "$err")"

note "as the answer to a prompt it is the same password"
fleet_hosts asks-again=20 >"$hosts"
probe -f 16 --auth keyboard-interactive
check_eq "statuses" "3 auth, 17 skipped" "$(statuses)"
check_eq "answers" 3 "$(sent)"

note "a server that takes password off its list with the refusal"
fleet_hosts one-password=40 >"$hosts"
probe -f 16
check_eq "statuses of none" "" "$(grep -v 'auth\|skipped' <(statuses) || true)"
check_le "passwords and answers sent" 3 "$(sent)"

note "each credential for itself: the right one reaches all"
{
  fleet_hosts well=60
  fleet_hosts wrong-password=30
  fleet_hosts well=90 | tail -n 30 | awk '{ $3 = "another"; print }'
  fleet_hosts well=95 | tail -n 5 | awk '{ $3 = "one-" NR; print }'
} | shuf --random-source=/dev/zero >"$hosts"
probe -f 64
check_eq "statuses" "11 auth, 60 ok, 54 skipped" "$(statuses)"
check_eq "each of one host was tried" 5 \
  "$(awk '$3 ~ /^one-/ { print $1 }' "$hosts" |
    grep -cxFf <(awk -F '\t' '$2 == "auth" { print $1 }' "$out"))"
check_eq "passwords sent" 71 "$(sent)"

note "once it was accepted, the hosts that refuse it are tried all the same"
{
  fleet_hosts well=1
  fleet_hosts asks-again=20 | awk '{ $3 = "fleet-secret"; print }'
} >"$hosts"
probe -f 1
check_eq "statuses" "20 auth, 1 ok" "$(statuses)"
check_lacks "nothing to say" "max-auth-failures" "$(cat "$err")"

note "who waits for a verdict waits connected, and sends nothing"
fleet_hosts slow-refusal=20 >"$hosts"
probe -f 20
check_eq "statuses" "3 auth, 17 skipped" "$(statuses)"
check_eq "connections" 20 "$(fleet_connections)"
check_eq "passwords sent" 3 "$(sent)"

note "a verdict that never comes counts as a refusal"
fleet_hosts no-login=8 >"$hosts"
probe -f 8 -T 2
check_eq "statuses" "5 skipped, 3 timeout" "$(statuses)"
check_eq "passwords sent" 3 "$(sent)"

note "a run that ends does not wait for verdicts"
fleet_hosts no-login=8 >"$hosts"
fleet_ask reset >/dev/null
"$program" --no-db -T 60 -f 8 "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "eight connections" fleet_holds 8
three_sent() {
  [ "$(sent)" = 3 ]
}
wait_for 20 "three passwords" three_sent
begin=$(now_ms)
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
check_eq "exit status" 143 "$status"
check_soon "to the end" "$begin"
check_eq "passwords sent" 3 "$(sent)"

note "its own time stands still while a host waits"
stop_pid "$fleet_pid"
fleet_start --slow 4000
fleet_hosts slow-login=6 >"$hosts"
probe -f 6 --max-auth-failures 1 -T 7
check_eq "statuses: eight seconds for all but one" "6 ok" "$(statuses)"
