#!/usr/bin/env bash
# Where the lines cannot go: a full disk, a file that cannot be made, a file that
# the run reads.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3 ssh-keygen
fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=4 >"$hosts"
cp "$hosts" "$scratch/untouched"

# Runs a command whose standard output goes to a full disk.
run_full() {
  status=0
  : >"$out"
  "$@" >/dev/full 2>"$err" || status=$?
}

note "a full disk is told, and is no success"
sshinv_words
for format in text csv json; do
  run_full "${words[@]}" --no-db -O "$format" "$hosts"
  check_eq "exit status of $format" 1 "$status"
  check_contains "the message" "No space left" "$(cat "$err")"
  sshinv --no-db -O "$format" -o /dev/full "$hosts"
  check_eq "exit status of $format with -o" 1 "$status"
done
for option in --help --version --print-schema=sqlite; do
  run_full "${words[@]}" "$option"
  check_eq "exit status of $option" 1 "$status"
  [ -s "$err" ] || give_up "$option says nothing"
done

note "a file that cannot be made ends the run before it began"
fleet_ask reset >/dev/null
for file in "$scratch/nowhere/x" "$scratch/home"; do
  rm -f "$db"*
  sshinv_db -o "$file" "$hosts"
  check_eq "exit status" 2 "$status"
  check_contains "which file" "$file" "$(cat "$err")"
  check_eq "connections" 0 "$(fleet_connections)"
  # Nor is there a run in the store, if there is a store.
  [ ! -e "$db" ] || check_eq "runs" 0 "$(rows "
    SELECT count(*) FROM runs")"
done

note "the host file is not written over, whatever it is called"
ln "$hosts" "$scratch/same-file"
ln -s hosts.txt "$scratch/link"
for file in "$hosts" "$scratch/./hosts.txt" "$scratch/same-file" \
  "$scratch/link"; do
  sshinv --no-db -o "$file" "$hosts"
  check_eq "exit status with -o $file" 2 "$status"
  check_contains "why" "host file" "$(cat "$err")"
  check_same "the host file" "$scratch/untouched" "$hosts"
done
check_eq "connections" 0 "$(fleet_connections)"

note "nor is any other file that the run reads"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$scratch/key"
for words in "-w @FILE" "-w 192.0.2.1,@FILE" "-x @FILE $hosts" \
  "--inventory FILE" "--password-file FILE $hosts" "-i FILE $hosts" \
  "--known-hosts FILE $hosts" "-F FILE $hosts"; do
  for option in -o --retry-file; do
    # What each of them can read.
    case $words in
      -i*) cp "$scratch/key" "$scratch/read" ;;
      --password*) echo secret >"$scratch/read" ;;
      *) echo '# nothing' >"$scratch/read" ;;
    esac
    cp "$scratch/read" "$scratch/was"
    # shellcheck disable=SC2086 # the words are the arguments
    sshinv --no-db ${words//FILE/$scratch/read} "$option" "$scratch/read"
    check_eq "exit status with $words $option FILE" 2 "$status"
    check_contains "why" "would overwrite" "$(cat "$err")"
    check_same "$words: the file" "$scratch/was" "$scratch/read"
  done
done
sshinv --no-db -x "192.0.2.1, @$scratch/read" -o "$scratch/read" "$hosts"
check_eq "exit status with a blank in the list" 2 "$status"
check_same "its file" "$scratch/was" "$scratch/read"
check_eq "connections" 0 "$(fleet_connections)"

note "- is standard output, and no place for the failed hosts"
cd "$scratch"
sshinv --no-db -o - "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 4 "$(lines_of "$out")"
sshinv --no-db --retry-file - "$hosts"
check_eq "exit status" 2 "$status"
[ ! -e ./- ] || give_up "there is a file called -"

note "an older list of results is"
printf 'an older list\n%s\n' "$(cat "$hosts")" >"$scratch/list"
sshinv --no-db -o "$scratch/list" "$hosts"
check_eq "exit status" 0 "$status"
check_eq "lines" 4 "$(lines_of "$scratch/list")"
