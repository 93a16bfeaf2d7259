#!/usr/bin/env bash
# The question for the database's password, on a terminal of its own.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

need script stty
db_need
db_start
fleet_start
hosts=$scratch/hosts.txt
screen=$scratch/screen
fleet_hosts well=2 >"$hosts"
mkfifo "$scratch/keys"
# Open in both directions, or script would take its end for the end of input.
exec 7<>"$scratch/keys"

# What runs on the terminal, from which all its places can be seen.
cat >"$scratch/on-terminal" <<'END'
tty >"$scratch/tty"
stty -g >"$scratch/before"
status=0
sh -c 'echo $$ >"$scratch/pid"
  exec "$program" --db "$dsn" "$hosts" >"$out" 2>"$err"' || status=$?
stty -g >"$scratch/after"
exit "$status"
END
export scratch program hosts out err
dsn=$(db_dsn)
export dsn

# Starts sshinv on a terminal and waits for the question. Sets $pid.
ask() {
  rm -f "$scratch/tty" "$scratch/before" "$scratch/after" "$scratch/pid"
  : >"$screen"
  # -f: without it the question stays in a buffer.
  script -qefc "bash '$scratch/on-terminal'" /dev/null <&7 >"$screen" 2>&1 &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "the question" grep -q "password for .*$db_database: " "$screen"
  wait_for 20 "a silent terminal" silent
}

silent() {
  stty -F "$(cat "$scratch/tty")" -a | grep -q -- ' -echo '
}

# Presses keys and waits for the end.
answer() {
  printf '%s' "$1" >&7
  ended
}

# Sets $status.
ended() {
  wait_for 20 "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
  check_same "the terminal's settings" "$scratch/before" "$scratch/after"
}

note "the right password, typed with a mistake that is taken back"
ask
answer "$db_password"$'x\x7f\r'
check_eq "exit status" 0 "$status"
check_eq "rows" 2 "$(db_rows "SELECT count(*) FROM server_status")"
check_lacks "the screen" "$db_password" "$(cat "$screen")"
check_eq "asked once" 1 "$(grep -c 'password for' "$screen")"

note "a wrong one"
ask
answer $'not-this-one\r'
check_eq "exit status" 6 "$status"
check_lacks "the screen" not-this-one "$(cat "$screen" "$err")"

note "^C"
fleet_ask reset >/dev/null
ask
answer $'half\x03'
check_eq "exit status" 130 "$status"
check_lacks "the screen" half "$(cat "$screen")"
check_eq "connections" 0 "$(fleet_connections)"

note "a signal of others leaves the terminal as it was, too"
ask
kill -TERM "$(cat "$scratch/pid")"
ended
check_eq "exit status" 143 "$status"

note "no terminal, no question: the server's refusal is what there is to tell"
run setsid -w "$program" --db "$dsn" "$hosts" </dev/null
check_eq "exit status" 6 "$status"
check_contains "where" "127.0.0.1:$db_port" "$(cat "$err")"
check_eq "connections" 0 "$(fleet_connections)"
