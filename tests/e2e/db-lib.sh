# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh and database.sh: a run whose hosts come through a pipe,
# so that a fault of its database stands between two of them, where the test
# puts it and not where time does.

all=$scratch/all

# plan N: the hosts of the runs to come are N well ones. Sets $hosts, their
# file, and $all, the rows that they have to have.
plan() {
  planned=$1
  hosts=$scratch/hosts.txt
  fleet_hosts "well=$planned" >"$hosts"
  "$fleet" --expect --hosts "well=$planned" --port "$fleet_port" |
    awk '{ print $1 "|" $3 "|ok" }' | sort >"$all"
}

# start ARGUMENT...: sshinv in the background. Sets $pid. The signals are as a
# terminal would have them; the shell ignores SIGINT for what it puts there.
start() {
  local words
  sshinv_words
  forget_output
  # The standard input is the caller's, not the nothing of what runs beside it.
  env --default-signal=INT "${words[@]}" "$@" <&0 >"$out" 2>"$err" 8>&- 9>&- &
  pid=$!
  undo_at_exit "stop_pid $pid"
}

# begin ARGUMENT...: a run that has no host yet.
begin() {
  handed=0
  rm -f "$scratch/feed"
  mkfifo "$scratch/feed"
  exec 8<>"$scratch/feed"
  start "$@" - <"$scratch/feed"
}

# hand N: the run's next N hosts.
hand() {
  sed -n "$((handed + 1)),$((handed + $1))p" "$hosts" >&8
  handed=$((handed + $1))
}

# What is left of them, and the file's end.
hand_rest() {
  hand $((planned - handed))
  exec 8>&-
}

lines_are_there() {
  [ "$(lines_of "$out")" -ge "$1" ]
}

# wait_lines N: so many of the run's hosts are done with.
wait_lines() {
  wait_for 60 "line $1" lines_are_there "$1"
}

# said TEXT: the run says so, now or soon.
said() {
  wait_for 60 "'$1'" grep -qF "$1" "$err"
}

# ended [SECONDS]: the run's end, and its exit status in $status.
# shellcheck disable=SC2120 # whoever sources this may name the seconds
ended() {
  wait_for "${1:-60}" "the end of the run" gone "$pid"
  status=0
  wait "$pid" || status=$?
}

# The server is killed, and what it had not written is lost with it.
db_gone() {
  kill -9 "$db_pid"
  # Its shell need not say that it was killed.
  wait "$db_pid" 2>/dev/null || true
}

# The same server comes back. It must not hold the pipe of the hosts open.
db_back() {
  db_try "${db_options[@]}" 8>&- ||
    give_up "$db_kind does not come back: $(tail -n 5 "$db_dir/log")"
}

# The connections of sshinv's account, one number per line.
connections_now() {
  db_sql "SELECT id FROM information_schema.processlist WHERE user = '$db_user'"
}

# Ends them, as an administrator does.
kill_connections() {
  local id
  for id in $(connections_now); do
    db_sql "KILL $id" 2>/dev/null || true # it may have ended meanwhile
  done
}

no_connection_left() {
  [ -z "$(connections_now)" ]
}

# Rights on a whole database that are taken away count from the next connection
# on. A server that looks addresses up takes 127.0.0.1 for localhost.
revoke() {
  local host
  for host in 127.0.0.1 localhost; do
    db_sql "REVOKE $1 ON $db_database.* FROM '$db_user'@'$host'"
  done
  kill_connections
}

grant() {
  local host
  for host in 127.0.0.1 localhost; do
    db_sql "GRANT $1 ON $db_database.* TO '$db_user'@'$host'"
  done
}

# One thread after the other takes notice of the signal.
db_stopped() {
  awk '/^State:/ && $2 != "T" { runs = 1 } END { exit runs }' \
    "/proc/$db_pid/task"/*/status
}

db_stop() {
  kill -STOP "$db_pid"
  # So that it can be ended if the test ends now.
  undo_at_exit "! alive $db_pid || kill -CONT $db_pid"
  wait_for 60 "the server's stop" db_stopped
}

db_continue() {
  kill -CONT "$db_pid"
}

# all_probed N: the fleet has seen so many hosts of this run and holds none.
all_probed() {
  fleet_ask totals | awk -F '\t' -v n="$1" '{ exit !($2 == n && $7 == 0) }'
}

# A run is in the table, and has not come to its end.
begun() {
  [ "$(db_rows "SELECT count(*) FROM runs WHERE end_time IS NULL")" -ge 1 ]
}

# gather N: the server does not answer until the run has N hosts more that are
# done but for their rows, which are a batch then.
gather() {
  wait_for 20 "the run's row" begun
  db_stop
  hand "$1"
  wait_for 60 "host $handed" all_probed "$handed"
  db_continue
}

# No table, no spool, and the fleet has seen nobody.
fresh() {
  db_sql "DROP DATABASE IF EXISTS $db_database;
          CREATE DATABASE $db_database CHARACTER SET utf8mb4"
  rm -rf "$XDG_STATE_HOME"
  fleet_ask reset >/dev/null
}

# The tables are there and empty.
fresh_tables() {
  fresh
  sshinv --db "$(db_dsn)" /dev/null
  check_eq "exit status of a run without hosts" 0 "$status"
  db_rows "DELETE FROM runs"
}

# other_begin [CLIENT OPTION]...: another client of the server, which keeps its
# connection until other_end. Root's if no option says otherwise.
other_begin() {
  rm -f "$scratch/other"
  mkfifo "$scratch/other"
  exec 9<>"$scratch/other"
  : >"$scratch/other.out"
  "$db_client" --no-defaults -u root -S "$db_socket" -N -B -n \
    -D "$db_database" "$@" <"$scratch/other" >"$scratch/other.out" 2>&1 \
    8>&- 9>&- &
  other_pid=$!
  undo_at_exit "stop_pid $other_pid"
}

# Returns when it is done.
other_does() {
  other_number=$((${other_number:-0} + 1))
  printf '%s; SELECT "done %d";\n' "$1" "$other_number" >&9
  wait_for 60 "the other client's '$1'" other_did
}

# It ends at the first statement that fails.
other_did() {
  alive "$other_pid" || give_up "the other client: $(cat "$scratch/other.out")"
  grep -q "^done $other_number\$" "$scratch/other.out"
}

# What it has not committed is undone.
other_end() {
  exec 9>&-
  wait "$other_pid" || true
}

rows_now() {
  db_rows "SELECT ip, hostname, status FROM server_status" | sort
}

lines_now() {
  sort "$out"
}

# Every host has its row and one line.
check_all_stored() {
  rows_now >"$scratch/got"
  check_same "every host has its row" "$all" "$scratch/got"
}

check_all_printed() {
  awk -F '|' '{ print "IP:" $1 "  hostname:" $2 }' "$all" | sort \
    >"$scratch/want"
  lines_now >"$scratch/got"
  check_same "every host has one line" "$scratch/want" "$scratch/got"
}

# The same of a run that was cut short, as far as it came.
check_lines_are_stored() {
  sed -E 's/^IP:([0-9.]+)  hostname:(.*)/\1|\2|ok/' "$out" | sort \
    >"$scratch/want"
  rows_now >"$scratch/got"
  check_eq "lines without a row" "" "$(comm -23 "$scratch/want" "$scratch/got")"
}

# The hosts that have a line, and no others, have a row.
check_lines_are_rows() {
  sed -E 's/^IP:([0-9.]+)  hostname:(.*)/\1|\2|ok/' "$out" | sort \
    >"$scratch/want"
  rows_now >"$scratch/got"
  check_same "lines (<) and rows (>)" "$scratch/want" "$scratch/got"
}

# Sets $spool, the one that the last run has left.
find_spool() {
  local files=("$XDG_STATE_HOME"/sshinv/spool-*.db)
  check_eq "spools" 1 "${#files[@]}"
  spool=${files[0]}
  [ -f "$spool" ] || give_up "there is no spool: $spool"
}

check_no_spool() {
  check_eq "spools" "" "$(find "$XDG_STATE_HOME" -name 'spool-*' 2>/dev/null)"
}

# The last run went on with a spool: exit status 6, told once, lines for all.
check_spooled() {
  check_eq "exit status" 6 "$status"
  check_eq "said once" 1 "$(grep -c 'sshinv replay' "$err")"
  find_spool
  check_contains "the way to bring it in" "sshinv replay $spool" "$(cat "$err")"
  check_eq "nobody else reads it" 600 "$(stat -c %a "$spool")"
  check_all_printed
}

# replay [ARGUMENT]...: of $spool, into the server. The run's lines stay.
# shellcheck disable=SC2120 # some tests have arguments for it
replay() {
  local out=$scratch/replay.out
  sshinv replay --db "$(db_dsn)" "$@" "$spool"
}

# With what the database has already, the spool makes it complete.
check_replay() {
  replay
  check_eq "exit status of the replay" 0 "$status"
  [ ! -e "$spool" ] || give_up "the spool is still there: $spool"
  check_eq "nothing of it is left" "" "$(find "$XDG_STATE_HOME" -name 'spool-*')"
  check_all_stored
}

# The last run, by its end in the table.
check_run_ended() {
  check_eq "the run has its end, and its hosts" "1|$planned" "$(db_rows "
    SELECT end_time IS NOT NULL, ok FROM runs ORDER BY begin_time DESC LIMIT 1")"
}

# A run on the server until its fault: half of a plan of 40 is done.
begin_half() {
  fresh
  begin --db "$(db_dsn)" "$@"
  hand 20
  wait_lines 20
}

# The rest of it, when the fault has passed: nothing is missing.
check_well() {
  hand_rest
  ended
  check_eq "exit status" 0 "$status"
  check_all_printed
  check_all_stored
  check_run_ended
  check_no_spool
}
