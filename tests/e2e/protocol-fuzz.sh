#!/usr/bin/env bash
# A proxy between sshinv and a real server flips, drops, adds, repeats, swaps
# and delays bytes, ends and resets connections (tests/proxy/plan.h). Whatever
# passes: no crash, one line for each host, nobody beyond -T, no host that is ok
# under another name, memory and descriptors as before; and hosts that it leaves
# alone are ok.
#
#   SSHINV_FUZZ_SERVER    fleet, or sshd
#   SSHINV_FUZZ_HOSTS     how many; each is a connection, and has a plan
#   SSHINV_FUZZ_SEED      of the plans
#   SSHINV_FUZZ_DEADLINE seconds for a host, where the machine is busy
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

need sqlite3 mkfifo
proxy=$build/tests/proxy/proxy
server=${SSHINV_FUZZ_SERVER:-fleet}
# Among the first hosts of this one is a bit that ended the whole process once.
seed=${SSHINV_FUZZ_SEED:-5000}
count=1000 batches=2 deadline=4 slack_ms=3000 fanout=128
# A process for each connection: of many at once each would take seconds.
[ "$server" = fleet ] || count=240 fanout=32
if [ "$sanitized" = 1 ]; then
  count=$((count / 3)) deadline=10 slack_ms=10000
fi
count=${SSHINV_FUZZ_HOSTS:-$count}
deadline=${SSHINV_FUZZ_DEADLINE:-$deadline}
[ "$count" -lt 4000 ] || batches=10
hosts=$scratch/hosts.txt
command_hosts=$((count / 5))
# shellcheck disable=SC2016 # the host expands it
# More than a packet, so that late faults find something to spoil.
command='i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i + 1)); done'
output=$(sh -c "$command" | paste -sd '|' | sed 's/|/\\x0a/g')

# By an id that still is theirs: a long run sees ids come round again.
proxy_pid='' sshinv_pid=''
stop_both() {
  [ -z "$sshinv_pid" ] || stop_pid "$sshinv_pid"
  [ -z "$proxy_pid" ] || stop_pid "$proxy_pid"
  sshinv_pid='' proxy_pid=''
}
undo_at_exit stop_both

# proxy_start OPTION...: sets $proxy_port; what it did is in $proxy_out later.
proxy_start() {
  proxy_out=$scratch/proxy
  "$proxy" --seed "$seed" "$@" >"$proxy_out" 2>"$scratch/proxy-err" &
  proxy_pid=$!
  wait_for 20 "the proxy's start" grep -q '^ready ' "$proxy_out"
  proxy_port=$(awk '/^ready / { print $2; exit }' "$proxy_out")
}

fleet_through_proxy() {
  fleet_start
  proxy_start --to "$fleet_port"
  "$fleet" --hosts "well=$count" --port "$proxy_port" >"$hosts"
  "$fleet" --expect --hosts "well=$count" --port "$proxy_port" |
    cut -f 1,3 >"$scratch/names"
}

# Every address is this sshd, and has the machine's name.
sshd_through_proxy() {
  local me n address
  sshd_need
  sshd_start
  proxy_start --to "$sshd_port" --host 127.0.0.1
  me=$(hostname)
  for ((n = 0; n < count; n++)); do
    address=127.1.$((n / 250)).$((n % 250 + 1))
    echo "$address sshinv-dash $sshd_password port=$proxy_port"
    printf '%s\t%s\n' "$address" "$me" >&4
  done >"$hosts" 4>"$scratch/names"
}

# The columns that are looked at, in this order.
fields=ip,status,hostname,total_ms,ssh_version,host_key_sha256,exit_code,output

# check_results HOSTS: what holds for every run over the file, told in $out.
check_results() {
  local wrong=$scratch/wrong
  case $status in
    0 | 3 | 4 | 5) ;;
    *) give_up "exit status $status" ;;
  esac
  if grep -nE 'Sanitizer|runtime error' "$err"; then
    give_up "a sanitizer has found something"
  fi

  cut -d ' ' -f 1 "$1" | sort >"$scratch/want"
  cut -f 1 "$out" | sort >"$scratch/got"
  check_same "one line for each host" "$scratch/want" "$scratch/got"

  awk -F '\t' 'NR == FNR { name[$1] = $2; next }
    $2 == "ok" && $3 != name[$1] { print $1 " is ok, and called " $3 }' \
    "$scratch/names" "$out" >"$wrong"
  check_eq "no host is ok under another name" "" "$(cat "$wrong")"

  "$proxy" --plan --seed "$seed" <"$1" >"$scratch/plans"
  awk -F '\t' 'NR == FNR { plan[$1] = $2; next }
    plan[$1] == "untouched" && $2 != "ok" { print $1 ": " $2 }' \
    "$scratch/plans" "$out" >"$wrong"
  check_eq "hosts that were left alone are ok" "" "$(cat "$wrong")"

  awk -F '\t' -v most=$((deadline * 1000 + slack_ms)) '
    $4 > most { print $1 ": " $2 " after " $4 " ms" }' "$out" >"$wrong"
  check_eq "nobody beyond -T $deadline" "" "$(cat "$wrong")"

  awk -F '\t' '$2 == "ok" { print $5, $6 }' "$out" | sort -u >"$scratch/keys"
  check_eq "versions and host keys of one server" 1 \
    "$(lines_of "$scratch/keys")"
}

# sshinv_piped HOSTS: one run that is fed in batches. After each, when all is
# quiet, $scratch/sizes has a line more: KiB resident, descriptors.
sshinv_piped() {
  local words n each=$(((count + batches - 1) / batches)) lines=0
  sshinv_words
  forget_output
  rm -f "$scratch/pipe" "$scratch/sizes"
  mkfifo "$scratch/pipe"
  "${words[@]}" --no-db -f "$fanout" -t "$deadline" -T "$deadline" -O tsv \
    --fields "$fields" - <"$scratch/pipe" >"$out" 2>"$err" &
  sshinv_pid=$!
  exec 3>"$scratch/pipe"
  for ((n = 0; n < batches; n++)); do
    sed -n "$((n * each + 1)),$(((n + 1) * each))p" "$1" >"$scratch/batch"
    cat "$scratch/batch" >&3
    lines=$((lines + $(lines_of "$scratch/batch")))
    wait_for $((60 + deadline + each)) "line $lines" has_lines "$lines"
    echo "$(awk '/^VmRSS/ { print $2 }' "/proc/$sshinv_pid/status")" \
      "$(find "/proc/$sshinv_pid/fd" -type l | wc -l)" >>"$scratch/sizes"
  done
  exec 3>&-
  status=0
  wait "$sshinv_pid" || status=$?
  sshinv_pid=
}

has_lines() {
  alive "$sshinv_pid" || give_up "sshinv has ended"
  alive "$proxy_pid" || give_up "the proxy has ended"
  [ "$(lines_of "$out")" -ge "$1" ]
}

case $server in
  fleet) fleet_through_proxy ;;
  sshd) sshd_through_proxy ;;
  *) give_up "SSHINV_FUZZ_SERVER is fleet or sshd" ;;
esac

note "$count hosts of $server, seed $seed"
sshinv_piped "$hosts"
tail -n 1 "$err"
check_results "$hosts"

note "after each of $batches batches: KiB resident, descriptors"
cat "$scratch/sizes"
read -r first_size first_open <"$scratch/sizes"
read -r last_size last_open < <(tail -n 1 "$scratch/sizes")
check_eq "descriptors" "$first_open" "$last_open"
[ "$sanitized" = 1 ] ||
  check_le "KiB resident at the end" $((first_size * 5 / 4 + 2048)) "$last_size"

note "$command_hosts hosts with a command, into a database"
head -n "$command_hosts" "$hosts" >"$scratch/fewer.txt"
sshinv_db -f "$fanout" -t "$deadline" -T "$deadline" -O tsv --fields "$fields" \
  -c "$command" "$scratch/fewer.txt"
tail -n 1 "$err"
check_results "$scratch/fewer.txt"
awk -F '\t' -v want="${output//\\/\\\\}" '
  $2 == "ok" && ($7 != 0 || $8 != want) { print $1 ": " $7 " " $8 }' \
  "$out" >"$scratch/wrong"
check_eq "no host is ok with other output" "" \
  "$(cut -c 1-300 "$scratch/wrong")"
check_eq "rows" "$command_hosts" "$(rows "SELECT count(*) FROM server_status")"

note "the proxy was not idle"
stop_both
cat "$proxy_out"
check_eq "the proxy's messages" "" "$(cat "$scratch/proxy-err")"
touched=$(awk '$2 != "ok"' FS='\t' "$out" | wc -l)
[ "$touched" -ge $((command_hosts / 10)) ] ||
  give_up "only $touched of $command_hosts hosts came to harm"
[ "$count" -lt 500 ] ||
  check_eq "faults that never came to pass" "" \
    "$(awk '$2 == 0 && $1 != "unreachable" { print $1 }' "$proxy_out")"
