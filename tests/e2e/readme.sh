#!/usr/bin/env bash
# Every block of the README that is marked `sh` works as printed, in a folder
# with a hosts.txt, in a plain POSIX shell.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need dash jq sqlite3
sshd_start

work=$scratch/work
mkdir "$work" "$scratch/bin"
ln -s "$program" "$scratch/bin/sshinv"
PATH=$scratch/bin:$PATH
cd "$work"

# Each block into a file of its own: block.1, block.2, …
awk -v to="$scratch/block." '
  /^```/ { inside = $0 == "```sh"; if (inside) n++; next }
  inside { print > (to n) }' "$root/README.md"
blocks=$(find "$scratch" -name 'block.*' | wc -l)
[ "$blocks" -ge 3 ] || give_up "the README shows only $blocks examples"

note "$blocks blocks on well hosts"
for n in 1 2 3; do
  sshd_host "$n" sshinv-bash
done >hosts.txt
for ((n = 1; n <= blocks; n++)); do
  run dash "$scratch/block.$n"
  [ "$status" = 0 ] || give_up "exit status $status of:
$(cat "$scratch/block.$n")"
  check_eq "messages of block $n" "" "$(grep -vE '^sshinv: [0-9]+ hosts in ' "$err" || true)"
done

note "the loop names the host that is not ok"
echo "127.0.0.4 sshinv-bash wrong port=$sshd_port" >>hosts.txt
run dash "$scratch/block.1"
check_eq "one line" "look after 127.0.0.4: auth" "$(cat "$out")"
