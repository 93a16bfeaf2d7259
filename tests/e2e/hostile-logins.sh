#!/usr/bin/env bash
# Servers that answer each step of a login at random. Whatever they say: nobody
# is sent a password twice by the same way, all of them together not more often
# than the guard allows, and each has its line.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/hostile.sh
. "$root/tests/e2e/hostile.sh"

seed=${SSHINV_SEED:-1}
many=${SSHINV_HOSTS:-60}
hostile_start hostile_logins "$seed"
round=0

# go_round USER [OPTION]...: all hosts, which are others each time.
go_round() {
  local user=$1 n
  shift
  round=$((round + 1))
  note "$user ${*:-} (SSHINV_SEED=$seed)"
  for ((n = 1; n <= many; n++)); do
    echo "127.9.$round.$n $user the-secret port=$port"
  done >"$scratch/hosts.txt"
  sshinv --no-db --known-hosts "$scratch/known" -f 40 -T 2 \
    -O tsv --fields ip,status,error "$@" "$scratch/hosts.txt"
  grep "^sent 127.9.$round.*the-secret" "$scratch/server" >"$scratch/sent" || true
  cut -d ' ' -f 2 "$scratch/sent" | sort -u >"$scratch/told"
  check_eq "hosts with a line" "$many" "$(cut -f 1 "$out" | sort -u | wc -l)"
  check_eq "lines" "$many" "$(lines_of "$out")"
  check_eq "hosts that are our fault, or were let in" "" \
    "$(awk -F '\t' '$2 == "error" || $2 == "ok"' "$out")"
  check_eq "sent twice by the same way" "" "$(sort "$scratch/sent" | uniq -d)"
  check_eq "said not to be tried, and were" "" \
    "$(awk -F '\t' '$2 == "skipped" { print $1 }' "$out" | sort |
      comm -12 - "$scratch/told")"
  check_lacks "the lines" "the-secret" "$(cat "$out" "$err")"
}

for order in password,keyboard-interactive keyboard-interactive,password; do
  for user in root steps; do
    go_round "$user" --max-auth-failures 0 --auth "$order"
    [ -s "$scratch/sent" ] || give_up "nobody was sent anything"
  done
  for most in 1 3; do
    go_round root --max-auth-failures "$most" --auth "$order"
    check_le "times that it was sent" "$most" "$(lines_of "$scratch/sent")"
  done
done

note "a method that passed it over is named again, after a step without it"
ssh-keygen -q -t ed25519 -N "" -f "$scratch/key"
many=3
go_round returns --max-auth-failures 0 -i "$scratch/key" \
  --auth password,publickey,keyboard-interactive
check_eq "times that it was sent" 3 "$(lines_of "$scratch/sent")"
