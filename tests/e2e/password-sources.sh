#!/usr/bin/env bash
# The password for hosts whose lines have none, from wherever it can come; and
# where it is not to be seen.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/terminal.sh
. "$root/tests/e2e/terminal.sh"

need age age-keygen script stty
fleet_start
hosts=$scratch/hosts.txt
secret='fleet-secret'
without() {
  fleet_hosts "$1" | awk '{ sub("port=", "", $4); print $1 ":" $4, $2 }'
}
without well=3 >"$hosts"
printf '%s\n' "$secret" >"$scratch/password"
fleet_ask reset >/dev/null

# all_ok WHAT: the run that was made has logged in to the three hosts.
all_ok() {
  check_eq "exit status with $1" 0 "$status"
  check_eq "hosts with $1" 3 "$(grep -c '^IP:' "$out")"
  check_lacks "what is said with $1" "$secret" "$(cat "$out" "$err")"
}

# refused WHAT PART: nothing was connected to.
refused() {
  check_eq "exit status with $1" 2 "$status"
  check_contains "what is said with $1" "$2" "$(cat "$err")"
  check_lacks "what is said with $1" "$secret" "$(cat "$err")"
  check_eq "connections with $1" "$connections" "$(fleet_connections)"
}

note "a file, a pipe, a descriptor, standard input"
sshinv --no-db --password-file "$scratch/password" "$hosts"
all_ok "a file"
check_lacks "warnings" "others can read" "$(cat "$err")"
sshinv --no-db --password-file <(printf '%s' "$secret") "$hosts"
all_ok "a pipe"
sshinv --no-db --password-fd 5 "$hosts" 5<"$scratch/password"
all_ok "a descriptor"
sshinv --no-db --password-fd 0 "$hosts" <"$scratch/password"
all_ok "standard input"
for words in "--password-fd 0 -" "--password-file - -w @-"; do
  # The first host would be everybody's password.
  # shellcheck disable=SC2086 # the words are the arguments
  sshinv --no-db $words <"$hosts"
  check_eq "exit status of $words" 2 "$status"
done
sshinv --no-db --password-command "cat; cat '$scratch/password'" - <"$hosts"
all_ok "a command does not eat the hosts"
printf '%s\r\nthe rest\n' "$secret" >"$scratch/crlf"
sshinv --no-db --password-file "$scratch/crlf" "$hosts"
all_ok "a line of Windows"
chmod 644 "$scratch/crlf"
sshinv --no-db --password-file "$scratch/crlf" "$hosts"
all_ok "a file that others can read"
check_contains "a warning" "others can read it (chmod o= $scratch/crlf)" \
  "$(cat "$err")"

note "a variable"
export SSHINV_TEST_PASSWORD=$secret
sshinv --no-db --password-env SSHINV_TEST_PASSWORD "$hosts"
all_ok "a variable"
unset SSHINV_TEST_PASSWORD

note "a command: once, and age(1) with a key"
sshinv --no-db --password-command "cat '$scratch/password'" "$hosts"
all_ok "a command"
age-keygen -o "$scratch/key.txt" 2>/dev/null
age -r "$(age-keygen -y "$scratch/key.txt")" -o "$scratch/secret.age" \
  "$scratch/password"
sshinv --no-db \
  --password-command "age -d -i $scratch/key.txt $scratch/secret.age" "$hosts"
all_ok "age"
sshinv --no-db \
  --password-command "echo x >>$scratch/runs; cat $scratch/password" "$hosts"
all_ok "a command that counts"
check_eq "runs of it" 1 "$(lines_of "$scratch/runs")"

if command -v pass >/dev/null && command -v gpg >/dev/null; then
  note "pass(1), and per host"
  # A socket's path is short.
  GNUPGHOME=$(mktemp -d /tmp/sshinv-gpg.XXXXXX)
  export GNUPGHOME PASSWORD_STORE_DIR=$scratch/store
  undo_at_exit "gpgconf --homedir '$GNUPGHOME' --kill all; rm -rf '$GNUPGHOME'"
  gpg --batch --quiet --passphrase '' --quick-gen-key fleet@example.org \
    default default never 2>/dev/null
  pass init fleet@example.org >/dev/null
  pass insert -m fleet/127.1.0.1 <"$scratch/password" >/dev/null
  pass insert -m fleet/127.1.0.2 <<<"not-this-one" >/dev/null
  sshinv --no-db --password-command 'pass show fleet/127.1.0.1' "$hosts"
  all_ok pass
  sshinv --no-db -O tsv --fields ip,status \
    --password-command 'pass show "fleet/%h"' "$hosts"
  check_eq "each host's own" "127.1.0.1 ok
127.1.0.2 auth
127.1.0.3 error" "$(tr '\t' ' ' <"$out" | sort)"
  check_contains "what pass says" "127.1.0.3" "$(cat "$err")"
fi

note "a command per host, with host and user"
cat >"$scratch/per-host" <<END
case \$1/\$2 in
  127.1.0.2/root) echo $secret ;;
  127.1.0.1/root) echo $secret-not; echo $secret ;;
  *) echo $secret; exit 7 ;;
esac
END
sshinv --no-db -O json \
  --password-command "sh $scratch/per-host %h '%u'" "$hosts"
check_contains "the right one" '"127.1.0.2"' "$(grep '"ok"' "$out")"
check_contains "a wrong one" '"127.1.0.1"' "$(grep '"auth"' "$out")"
check_contains "one whose command fails" \
  "--password-command 'sh': exit status 7" "$(grep '127.1.0.3' "$out")"
check_lacks "what is said" "$secret" "$(cat "$out" "$err")"

note "what is no password is said before anything is connected to"
connections=$(fleet_connections)
sshinv --no-db --password-file "$scratch/nowhere" "$hosts"
refused "a file that is not there" \
  "--password-file: cannot read $scratch/nowhere"
: >"$scratch/empty"
sshinv --no-db --password-file "$scratch/empty" "$hosts"
refused "an empty file" "--password-file: $scratch/empty: no password"
sshinv --no-db --password-fd 777 "$hosts"
refused "a descriptor that is closed" "--password-fd: descriptor 777 is not open"
sshinv --no-db --password-env SSHINV_TEST_PASSWORD "$hosts"
refused "a variable that is not set" \
  "--password-env: SSHINV_TEST_PASSWORD is not set"
sshinv --no-db --password-command "cat $scratch/password; false" "$hosts"
refused "a command that fails" "--password-command 'cat': exit status 1"
sshinv --no-db --password-command "age -d -i /nowhere $scratch/secret.age" \
  "$hosts"
refused "age without a key" "--password-command 'age': exit status"
sshinv --no-db --password-command "head -c 1 /dev/zero" "$hosts"
refused "a NUL" "NUL"

note "a command gets nothing of ours but standard error"
SSHINV_DB_PASSWORD=hidden sshinv --no-db --password-command \
  "env | grep -c -e SSHINV_DB -e hidden >&2; ls /proc/self/fd | xargs >&2
   cat $scratch/password" "$hosts" 7<"$scratch/key.txt"
all_ok "a command that looks around"
check_eq "what it saw" "0
0 1 2 3" "$(grep -x '[0-9 ]*' "$err")"

note "a run that ends takes its commands along"
number=$((RANDOM * 100000 + 71))
sleepers() {
  grep -lz -- "^$number\$" /proc/[0-9]*/cmdline 2>/dev/null || true
}
none_sleeps() {
  [ -z "$(sleepers)" ]
}
some_sleep() {
  ! none_sleeps
}
sshinv --no-db -T 1 --password-command "sleep $number & sleep $number # %h" \
  "$hosts"
check_eq "exit status" 3 "$status"
wait_for 10 "the end of all commands after the deadline" none_sleeps
"$program" --no-db -T 60 \
  --password-command "sleep $number & sleep $number # %h" \
  "$hosts" >"$out" 2>"$err" &
pid=$!
undo_at_exit "stop_pid $pid"
wait_for 20 "a command" some_sleep
kill -TERM "$pid"
wait_for 10 "the end of the run" gone "$pid"
status=0
wait "$pid" || status=$?
check_eq "exit status" 143 "$status"
wait_for 10 "the end of all commands" none_sleeps

note "-A: asked once for all, with a mistake that is taken back"
fleet_ask reset >/dev/null
terminal_start --no-db -A "$hosts"
terminal_shows "password for the hosts: "
terminal_type "$secret"$'x\x7f\r'
terminal_end
all_ok "-A"
check_lacks "the screen" "$secret" "$(cat "$screen")"
check_eq "asked" 1 "$(grep -c 'password for' "$screen")"

note "^C amid the question: nothing was connected to"
fleet_ask reset >/dev/null
terminal_start --no-db -A "$hosts"
terminal_shows "password for the hosts: "
terminal_type $'fleet-sec\x03'
terminal_end
check_eq "exit status" 130 "$status"
check_lacks "the screen" fleet-sec "$(cat "$screen")"
check_eq "connections" 0 "$(fleet_connections)"

note "a command asks on the terminal: an answer, and ^C"
cat >"$scratch/asks" <<'END'
stty -echo </dev/tty
printf 'really? ' >/dev/tty
read answer </dev/tty
stty echo </dev/tty
echo "$answer"
END
terminal_start --no-db --password-command "sh $scratch/asks" "$hosts"
terminal_shows "really? "
terminal_type "$secret"$'\n'
terminal_end
all_ok "a command that asks"
fleet_ask reset >/dev/null
# A script's background processes ignore it.
SSHINV_UNDER="${SSHINV_UNDER:-} env --default-signal=INT" \
  terminal_start --no-db --password-command "sh $scratch/asks" "$hosts"
terminal_shows "really? "
terminal_type $'fleet-sec\x03'
terminal_end
check_eq "exit status" 130 "$status"
check_eq "connections" 0 "$(fleet_connections)"

note "without a terminal there is nobody to ask"
status=0
setsid -w "$program" --no-db -A "$hosts" </dev/null >"$out" 2>"$err" ||
  status=$?
check_eq "exit status" 1 "$status"
check_contains "why" "no terminal" "$(cat "$err")"

note "not in the process's arguments or environment, not in what is said"
without no-banner=2 >"$hosts"
# watched VARIABLE=VALUE OPTION...: a run that is looked at while it waits.
watched() {
  local variable=$1
  shift
  env "$variable" "$program" --no-db -v -v -t 30 -T 30 "$@" "$hosts" \
    >"$out" 2>"$err" &
  pid=$!
  undo_at_exit "stop_pid $pid"
  wait_for 20 "two connections" fleet_holds 2
  if grep -aqF "$secret" "/proc/$pid/cmdline" "/proc/$pid/environ"; then
    give_up "the password can be seen with $*"
  fi
  stop_pid "$pid"
  wait_for 20 "the connections' end" fleet_holds 0
  check_lacks "what is said with $*" "$secret" "$(cat "$out" "$err")"
}
watched X=1 --password-file "$scratch/password"
watched "SSHINV_TEST_PASSWORD=$secret" --password-env SSHINV_TEST_PASSWORD
watched X=1 --password-command "cat $scratch/password"
