# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh: sshinv on a terminal of its own, of which it is the
# session's leader, with somebody who reads and types.

screen=$scratch/screen

# What runs on the terminal, from which all its places can be seen.
cat >"$scratch/on-terminal" <<'END'
tty >"$scratch/tty"
stty -g >"$scratch/before"
status=0
"${@}" >"$out" 2>"$err" || status=$?
stty -g >"$scratch/after"
exit "$status"
END
export scratch out err

# terminal_start ARGUMENT...: one run of sshinv.
terminal_start() {
  local words command
  sshinv_words
  rm -f "$scratch/tty" "$scratch/before" "$scratch/after" "$scratch/typed"
  mkfifo "$scratch/typed"
  # Open in both directions, or script would take its end for the end of input.
  exec 7<>"$scratch/typed"
  : >"$screen"
  printf -v command '%q ' bash "$scratch/on-terminal" "${words[@]}" "$@"
  # -f: without it the question stays in a buffer.
  script -qefc "$command" /dev/null <&7 >"$screen" 2>&1 &
  terminal_pid=$!
  undo_at_exit "stop_pid $terminal_pid"
}

terminal_is_silent() {
  stty -F "$(cat "$scratch/tty")" -a | grep -q -- ' -echo '
}

terminal_has() {
  [ "$(grep -oF -- "$1" "$screen" | wc -l)" -ge "$2" ]
}

# terminal_shows TEXT [TIMES]: waits for a question, and for a terminal that
# does not show the answer.
terminal_shows() {
  wait_for 20 "the question '$1'" terminal_has "$1" "${2:-1}"
  wait_for 20 "a silent terminal" terminal_is_silent
}

terminal_type() {
  printf '%s' "$1" >&7
}

# Waits for the end; sets $status. The terminal has to be as it was.
terminal_end() {
  wait_for 60 "the end of the run" gone "$terminal_pid"
  status=0
  wait "$terminal_pid" || status=$?
  check_same "the terminal's settings" "$scratch/before" "$scratch/after"
  exec 7>&-
}
