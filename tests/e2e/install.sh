#!/usr/bin/env bash
# cmake --install puts program, manual and example where they belong, and the
# example parses.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need ssh-keygen
cmake --install "$build" --prefix "$scratch/usr" >"$scratch/log" ||
  give_up "$(cat "$scratch/log")"
(cd "$scratch/usr" && find . -type f | sort) >"$scratch/got"
cat >"$scratch/want" <<END
./bin/sshinv
./share/doc/sshinv/hosts.example
./share/man/man1/sshinv.1
END
check_same "what is installed" "$scratch/want" "$scratch/got"
run "$scratch/usr/bin/sshinv" --version
check_eq "exit status" 0 "$status"

note "hosts.example: every line that is meant as a host is one"
# Documentation addresses lead nowhere; a namespace without a network makes
# that certain, and quick.
apart=(unshare -n)
[ "$(id -u)" = 0 ] || apart=(unshare -r -n)
"${apart[@]}" true 2>/dev/null || give_way "no private network is possible"
example=$scratch/hosts.example
# Its lines are comments, or an administrator's first run would try them.
sed -nE 's/^#[[:space:]]?(([a-z]+@)?(([0-9]+\.){3}[0-9]+|\[|[0-9a-f]+:|[a-z0-9-]+\.example).*)/\1/; /^[^#]/p' \
  "$scratch/usr/share/doc/sshinv/hosts.example" >"$example"
chmod 600 "$example"
[ "$(lines_of "$example")" -ge 5 ] || give_up "hosts.example shows too little"
# What lines leave out comes from elsewhere, and their key is there.
mkdir -p "$HOME/.ssh"
ssh-keygen -q -t ed25519 -N "" -f "$HOME/.ssh/fleet"
echo from-elsewhere >"$scratch/secret"
run "${apart[@]}" "$program" --no-db -t 200ms -T 1 -l root \
  --password-file "$scratch/secret" "$example"
check_lacks "no line is bad" "hosts.example:" "$(cat "$err")"
check_eq "a line for each" "$(lines_of "$example")" "$(lines_of "$out")"
