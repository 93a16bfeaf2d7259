#!/usr/bin/env bash
# The command line by itself: --help and the man page name the same options,
# mistakes are told on stderr and end with 2.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need mandoc sqlite3
options_in() {
  grep -oE -- '(^|[^-[:alnum:]])--[a-z][a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' |
    sort -u
}

note "--help goes to stdout, and the man page knows the same options"
sshinv --help
check_eq "exit status" 0 "$status"
check_eq "nothing on stderr" "" "$(cat "$err")"
options_in <"$out" >"$scratch/help"
mandoc -T utf8 "$root/docs/sshinv.1" | sed 's/.\x08//g' >"$scratch/man.txt"
options_in <"$scratch/man.txt" >"$scratch/man"
check_same "options of --help (<) and of the man page (>)" \
  "$scratch/help" "$scratch/man"
for option in fanout port connect-timeout host-timeout command format fields \
  header no-header output db no-db store-password print-schema adopt-table \
  retries max-runtime db-timeout no-spool resume only-failed retry-file \
  targets exclude inventory user port ssh-config shuffle identity auth \
  ask-password password-file password-fd password-env password-command \
  max-auth-failures host-keys known-hosts jump jump-channels ipv4 ipv6 bind \
  legacy rate per-net quiet verbose version help; do
  grep -qx -- "--$option" "$scratch/help" || give_up "--help lacks --$option"
done

note "the man page has no flaws"
run mandoc -T lint -W warning "$root/docs/sshinv.1"
check_eq "mandoc" "" "$(cat "$out")"

note "--version"
sshinv --version
check_eq "exit status" 0 "$status"
check_contains "name and number" "sshinv " "$(cat "$out")"

note "mistakes: a line on stderr, nothing on stdout, exit status 2"
: >"$scratch/hosts.txt"
for words in '--nonsense' '--fanout 0' '--fanout 4097' '--fanout 3x' \
  '--port 65536' '--port 0' '-T 0' '-T -1' '-t soon' '--format xml' \
  '-O tsv --fields ip,nonsense' '-O tsv --fields password' '--fields ip' '--db nonsense:x' \
  '--print-schema oracle' '--db sqlite:x --no-db' '--retries 11' \
  '--max-runtime 0' '--db-timeout 0' '--db-timeout 2h' '--no-db --resume' \
  '--no-db --only-failed' '--no-db --no-spool' \
  '--auth password,password' '--auth telnet' '--auth=' '--host-keys maybe' \
  '--no-db --host-keys db' '--host-keys off --known-hosts k' \
  '--password-fd 3 -A' '--password-file f --password-env E' '--rate 0' \
  '--per-net 0' '--jump-channels 0' '--bind nowhere' '-J a,,b' '-J a:x' \
  '-i /nonexistent' \
  '--known-hosts=/nonexistent/k/h --host-keys strict' '-F /nonexistent' \
  '--resume -w 192.0.2.1 --no-db' '-w web[' '-x 10.0.0.0/99' \
  '--inventory /nonexistent' '--password-env SSHINV_TEST_UNSET' \
  'replay --fanout 3' 'replay x' ''; do
  # shellcheck disable=SC2086 # the words are the arguments
  if [ -z "$words" ]; then sshinv; else sshinv $words "$scratch/hosts.txt"; fi
  check_eq "exit status of 'sshinv $words'" 2 "$status"
  check_eq "stdout of 'sshinv $words'" "" "$(cat "$out")"
  [ -s "$err" ] || give_up "'sshinv $words' says nothing"
done

note "a mistake that holds a password does not repeat it"
for words in --bd=mysql://root:topsecret@h/d \
  '--db mysq://root:topsecret@h/d' '--db mysql://root:topsecret@h' \
  '--db mysql://root:topsecret@h:port/d' '--db mysql://root:topsecret%@h/d' \
  '--db mysql://root:topsecret@h/d?nonsense=1' \
  '--no-db=mysql://root:topsecret@h/d'; do
  # shellcheck disable=SC2086 # the words are the arguments
  sshinv $words "$scratch/hosts.txt"
  check_eq "exit status of 'sshinv $words'" 2 "$status"
  check_lacks "the message of 'sshinv $words'" topsecret "$(cat "$err")"
done

note "the schema that is printed makes the tables"
sshinv --print-schema sqlite
check_eq "exit status" 0 "$status"
sqlite3 "$scratch/printed.db" <"$out"
check_eq "tables" "runs server_status" "$(sqlite3 "$scratch/printed.db" "
  SELECT name FROM sqlite_master WHERE type = 'table'
    AND name IN ('runs', 'server_status') ORDER BY 1" | paste -sd ' ')"
db=$scratch/printed.db
sshinv_db "$scratch/hosts.txt"
check_eq "and sshinv takes them for its own" 0 "$status"
