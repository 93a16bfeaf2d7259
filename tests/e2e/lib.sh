# shellcheck shell=bash disable=SC2034
# Sourced by every end-to-end test: one scratch folder that is removed at the
# end, processes that are stopped by their own id, and checks that print both
# sides. A test's file tells its story from top to bottom; the first check that
# does not hold ends it.
#
#   SSHINV_BUILD      the build folder under test (ctest sets it)
#   SSHINV_SANITIZED  1: a sanitizer build, whose times say nothing
#   SSHINV_NO_SKIP    1: a test that cannot run is a failed test (.ci/run)
#   SSHINV_UNDER      words put before sshinv, such as "valgrind -q"
#   SSHINV_KEEP       1: the scratch folder stays, and its name is printed

set -eu -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SSHINV_BUILD:-$root/build/dev}
program=$build/cli/sshinv
fleet=$build/tests/fleet/fleet
sanitized=${SSHINV_SANITIZED:-0}

[ -x "$program" ] || {
  echo "there is no $program: build it, or name a build folder in SSHINV_BUILD"
  exit 1
}

umask 077
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sshinv-e2e.XXXXXX")
# Other accounts (the database's, those that log in) pass through it.
chmod 711 "$scratch"
out=$scratch/out
err=$scratch/err
db=$scratch/inventory.db
status=0
at_exit=()

# Everything of the caller's that could change what sshinv does stays outside.
mkdir "$scratch/home"
export HOME=$scratch/home XDG_DATA_HOME=$scratch/data
export XDG_STATE_HOME=$scratch/state LC_ALL=C.UTF-8
unset SSHINV_DB SSHINV_DB_PASSWORD MYSQL_HOST MYSQL_TCP_PORT MYSQL_PWD \
  MYSQL_HOME MYSQL_UNIX_PORT SSH_ASKPASS DISPLAY

cleanup() {
  local code=$? i
  trap - EXIT
  set +e
  for ((i = ${#at_exit[@]} - 1; i >= 0; i--)); do
    eval "${at_exit[i]}"
  done
  if [ "${SSHINV_KEEP:-0}" = 1 ]; then
    echo "kept: $scratch"
  else
    # Never into something that is mounted there.
    rm -rf --one-file-system "$scratch"
  fi
  exit "$code"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Something that has to be undone, last one first. $1 is evaluated at the end.
undo_at_exit() {
  at_exit+=("$1")
}

note() {
  printf -- '-- %s\n' "$*"
}

# Ends the test. What sshinv said last is shown: it is nearly always the answer.
give_up() {
  printf 'FAILED: %s\n' "$1"
  local file
  for file in "$out" "$err"; do
    [ ! -s "$file" ] || printf -- '--- last lines of %s\n%s\n' \
      "${file##*/}" "$(tail -n 20 "$file" | cut -c 1-400)"
  done
  exit 1
}

# This machine lacks what the test needs.
give_way() {
  echo "SKIPPED: $1"
  [ "${SSHINV_NO_SKIP:-0}" = 0 ] || exit 1
  exit 77
}

need() {
  local command
  for command; do
    command -v "$command" >/dev/null || [ -x "/usr/sbin/$command" ] ||
      give_way "$command is not installed"
  done
}

# check_eq WHAT EXPECTED ACTUAL
check_eq() {
  [ "$2" = "$3" ] && return
  give_up "$1
  expected: $2
  got:      $3"
}

# check_contains WHAT PART TEXT
check_contains() {
  case $3 in *"$2"*) return ;; esac
  give_up "$1
  should contain: $2
  got:            $3"
}

# check_lacks WHAT PART TEXT
check_lacks() {
  case $3 in *"$2"*) ;; *) return ;; esac
  give_up "$1
  should not contain: $2
  got:                $3"
}

# check_le WHAT LIMIT NUMBER
check_le() {
  [ "$3" -le "$2" ] && return
  give_up "$1
  at most: $2
  got:     $3"
}

# check_soon WHAT BEGIN: it is nowhere near a minute since BEGIN (of now_ms),
# which it would be if what is tested had not ended the waiting. A machine that
# has other tests to run tells no more than that; those that measure run alone.
check_soon() {
  check_le "milliseconds $1" 20000 $(($(now_ms) - $2))
}

# check_same WHAT EXPECTED_FILE ACTUAL_FILE
check_same() {
  diff "$2" "$3" >"$scratch/diff" && return
  give_up "$1 (< expected, > got)
$(head -n 40 "$scratch/diff")"
}

# Runs a command with its output in $out and $err and its exit status in
# $status. The standard input is the caller's.
run() {
  status=0
  "$@" >"$out" 2>"$err" || status=$?
}

# Before a run beside the test: what an earlier one has said must not be taken
# for this one's, which may not have begun when its output is looked at.
forget_output() {
  : >"$out"
  : >"$err"
}

# The words that start the program under test.
sshinv_words() {
  # shellcheck disable=SC2206 # several words are what SSHINV_UNDER is for
  words=(${SSHINV_UNDER:-} "$program")
}

# One run of sshinv, as `run`.
sshinv() {
  local words
  sshinv_words
  run "${words[@]}" "$@"
}

# The same with the SQLite file $db as store.
sshinv_db() {
  sshinv --db "sqlite:$db" "$@"
}

# One row per line, columns separated by |, from $db.
rows() {
  sqlite3 -readonly "$db" "$1"
}

lines_of() {
  wc -l <"$1" | tr -d ' '
}

now_ms() {
  date +%s%3N
}

# wait_for SECONDS WHAT COMMAND...: polls, since what is waited for (a port, a
# line in a file) does not tell by itself.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -le "$end" ] || give_up "$what did not happen in time"
    sleep 0.05
  done
}

# True when someone listens on 127.0.0.1. The subshell closes it again.
port_listens() {
  (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port that is free right now, below the range the kernel hands out itself.
# Between this and its use somebody may take it: whoever starts a server checks
# that it came up and asks again if not.
free_port() {
  local port
  while :; do
    port=$((10000 + RANDOM % 20000))
    port_listens "$port" || break
  done
  echo "$port"
}

# alive PID: a process that this script started and that has not ended. Ids come
# round again within minutes where many tests run, and then are somebody else's:
# to signal one of them would end another test's server. It is one line, read at
# once: of several each is made anew, and moves when one before it has changed.
alive() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) } # the name is in brackets; then the state, and the parent
  stat=${stat#* }
  [ "${stat%% *}" = $$ ]
}

gone() {
  ! alive "$1"
}

# Ends one process that this script started, if it is still there. wait_for
# cannot be used here: it may end the test, and this runs while the test ends.
stop_pid() {
  local tries=0
  alive "$1" || return 0
  kill "$1" 2>/dev/null || true
  while alive "$1" && [ "$tries" -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  ! alive "$1" || kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# fleet_start [OPTION]...: one fleet on a port of the kernel's choice; sets
# $fleet_port and $fleet_control.
fleet_start() {
  local dir
  dir=$(mktemp -d "$scratch/fleet.XXXXXX")
  fleet_control=$dir/control
  "$fleet" --port 0 --control "$fleet_control" "$@" \
    >"$dir/out" 2>"$dir/err" &
  fleet_pid=$!
  undo_at_exit "stop_pid $fleet_pid"
  wait_for 20 "the fleet's start" grep -q '^ready ' "$dir/out"
  fleet_port=$(awk '/^ready / { print $2; exit }' "$dir/out")
}

# fleet_hosts KIND=N,... : a host file for the fleet that runs.
fleet_hosts() {
  "$fleet" --hosts "$1" --port "$fleet_port"
}

# What became of it so far, for example `fleet_ask counts`.
fleet_ask() {
  "$fleet" --ask "$fleet_control" "$@"
}

# Over all hosts: connections so far, and those that are open now.
fleet_connections() {
  fleet_ask totals | cut -f 2
}

fleet_holds() {
  [ "$(fleet_ask totals | cut -f 7)" = "$1" ]
}

# fleet_rests [N]: since the last reset more than N hosts were asked, none is
# now, and so it was at the last look. Whoever has more to ask waits for
# something else, such as room in a pipe.
fleet_was=
fleet_rests() {
  local now was=$fleet_was
  now=$(fleet_ask totals | cut -f 2,7 --output-delimiter ' ')
  fleet_was=$now
  [ "$now" = "$was" ] && [ "${now#* }" = 0 ] && [ "${now% *}" -gt "${1:-0}" ]
}

fleet_holds_least() {
  [ "$(fleet_ask totals | cut -f 7)" -ge "$1" ]
}
