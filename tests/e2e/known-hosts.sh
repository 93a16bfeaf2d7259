#!/usr/bin/env bash
# Host keys against OpenSSH's known_hosts files: what its own tools have written
# is understood, and what is written here is understood by them. Every host of
# the fleet has a key of its own.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need ssh-keyscan ssh-keygen ssh
fleet_start --host-keys 1
hosts=$scratch/hosts.txt
fleet_hosts well=20 >"$hosts"
known=$HOME/.ssh/known_hosts
new=$XDG_STATE_HOME/sshinv/known_hosts
mkdir -m 700 "$HOME/.ssh"

# visit ARGUMENT...: one run over all hosts.
visit() {
  fleet_ask reset >/dev/null
  sshinv --no-db -O tsv --fields status,error "$@" "$hosts"
}

# all WHAT STATUS: so ended every host.
all() {
  check_eq "$1" "$2" "$(cut -f 1 "$out" | sort -u)"
  check_eq "$1: hosts" 20 "$(lines_of "$out")"
}

passwords() {
  fleet_ask totals | cut -f 3
}

# What OpenSSH finds at the first N hosts; from 9.9 on comments are among it.
scan() {
  awk -v n="$1" 'NR <= n { print $1 }' "$hosts" |
    xargs ssh-keyscan -T 20 -t ed25519 -p "$fleet_port" 2>/dev/null |
    grep -v '^#'
}

# openssh_knows FILE HOST [ARGUMENT...]
openssh_knows() {
  ssh "${@:3}" -F none -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o UserKnownHostsFile="$1" -o GlobalKnownHostsFile=/dev/null \
    -p "$fleet_port" "root@$2" 2>&1 || true
}

note "new hosts are remembered, one line each"
visit
all "new hosts" ok
check_eq "exit status" 0 "$status"
check_eq "lines" 20 "$(lines_of "$new")"
check_eq "hosts" 20 "$(cut -d ' ' -f 1 "$new" | sort -u | wc -l | tr -d ' ')"
check_eq "mode of the file" 600 "$(stat -c %a "$new")"
check_eq "mode of the folder" 700 "$(stat -c %a "${new%/*}")"
check_same "what ssh-keyscan writes" <(scan 20 | sort) <(sort "$new")
check_contains "OpenSSH goes on to the login" "Permission denied" \
  "$(openssh_knows "$new" 127.1.0.1)"
[ ! -e "$known" ] || give_up "the user's own file was written"

note "and known the next time"
cp "$new" "$scratch/before"
visit --host-keys strict
all "known hosts" ok
check_same "nothing new" "$scratch/before" "$new"

note "strict: who is not known is refused before a password"
rm "$new"
visit --host-keys strict
all "not known" hostkey
check_contains "why" "host key not known: ssh-ed25519 SHA256:" "$(cat "$out")"
check_eq "passwords" 0 "$(passwords)"
check_eq "exit status" 4 "$status"
[ ! -e "$new" ] || give_up "a key was remembered"

note "the user's own file"
scan 20 >"$known"
visit --host-keys strict
all "the user's file" ok

note "the same, hashed by ssh-keygen"
ssh-keygen -q -H -f "$known" >/dev/null 2>&1
check_eq "hashed lines" 20 "$(grep -c '^|1|' "$known")"
check_lacks "a name" "127.1.0" "$(cat "$known")"
visit --host-keys strict
all "hashed names" ok
visit
all "hashed names, and new ones allowed" ok
[ ! -e "$new" ] || give_up "what is known was remembered again"

note "a hashed line with another key"
mv "$known" "$scratch/hashed"
# The key of the second host for the first.
scan 2 | awk -v OFS=' ' 'NR == 1 { name = $1 } NR == 2 { print name, $2, $3 }' \
  >"$known"
ssh-keygen -q -H -f "$known" >/dev/null 2>&1
visit
check_eq "the first host" hostkey "$(grep -c hostkey "$out" | sed s/1/hostkey/)"
check_contains "where it stands" "known ($known:1)" "$(cat "$out")"
check_eq "passwords" 19 "$(passwords)"
check_eq "new lines" 19 "$(lines_of "$new")"
rm "$new"

note "wildcards, negation, a port"
key=$(scan 1 | cut -d ' ' -f 2-)
printf '[127.1.0.*]:%s %s\n' "$fleet_port" "$key" >"$known"
visit
check_eq "one has that key" 1 "$(grep -c '^ok' "$out")"
check_eq "the others have not" 19 "$(grep -c '^hostkey' "$out")"
check_eq "passwords" 1 "$(passwords)"
printf '[127.1.0.*]:%s,![127.1.0.2]:%s %s\n' "$fleet_port" "$fleet_port" \
  "$key" >"$known"
visit
check_eq "the second is taken out, so new" 2 "$(grep -c '^ok' "$out")"
rm "$new"

note "HostKeyAlias: a host is looked up under the name that ssh(1) looks up"
cat >"$scratch/config" <<END
HostKeyAlias The.Alias
UserKnownHostsFile $known
GlobalKnownHostsFile none
END
printf '%s\n' "127.1.0.1:$fleet_port root fleet-secret" \
  "127.1.0.2:$fleet_port root fleet-secret" >"$scratch/two.txt"
# Of two hosts, of which one has the alias's key.
aliased() {
  fleet_ask reset >/dev/null
  sshinv --no-db -O tsv --fields ip,status -F "$scratch/config" \
    "$scratch/two.txt"
  tr '\t\n' ' ;' < <(sort "$out")
}
printf 'the.alias %s\n' "$key" >"$known"
rm -f "$new"
check_eq "the impostor is refused" "127.1.0.1 ok;127.1.0.2 hostkey;" \
  "$(aliased)"
check_eq "passwords" 1 "$(passwords)"
[ ! -e "$new" ] || give_up "a key was remembered"
check_contains "as OpenSSH does" "Host key verification failed" \
  "$(openssh_knows "$known" 127.1.0.2 -o HostKeyAlias=The.Alias)"
check_contains "and does not" "Permission denied" \
  "$(openssh_knows "$known" 127.1.0.1 -o HostKeyAlias=The.Alias)"
ssh-keygen -q -H -f "$known" >/dev/null 2>&1
check_eq "the same, hashed" "127.1.0.1 ok;127.1.0.2 hostkey;" "$(aliased)"
printf '[the.alias]:%s %s\n' "$fleet_port" "$key" >"$known"
sed -i 2d "$scratch/two.txt"
check_eq "its line has no port" "127.1.0.1 ok;" "$(aliased)"
check_eq "what was remembered" "the.alias $key" "$(cat "$new")"
check_contains "ssh-keygen finds it" "$key" \
  "$(ssh-keygen -F the.alias -f "$new")"
check_contains "OpenSSH too" "Permission denied" \
  "$(openssh_knows "$new" 127.1.0.1 -o HostKeyAlias=The.Alias)"
rm "$new"

note "a revoked key"
printf '@revoked * %s\n' "$key" >"$known"
visit
check_eq "one has that key" 1 "$(grep -c '^hostkey' "$out")"
check_contains "why" "host key revoked: ssh-ed25519 SHA256:" "$(cat "$out")"
check_contains "where" "($known:1)" "$(cat "$out")"
check_eq "passwords" 19 "$(passwords)"
rm "$new"

note "off: nothing is looked at, nothing is written"
visit --host-keys off
all "off" ok
[ ! -e "$new" ] || give_up "a key was remembered"

note "the user's bad lines"
{
  echo "127.1.0.1 ssh-ed25519 AAAA!"
  scan 20
  echo "@unheard-of * $key"
  printf '127.1.0.1 %s\r\n' "$key"
} >"$known"
visit --host-keys strict
all "all others count" ok
check_contains "the line" "$known:1: the key is no base64" "$(cat "$err")"
check_contains "the other" "$known:22: an unknown marker" "$(cat "$err")"
rm "$known"

note "nothing can be remembered: one warning, and the run goes on"
rm -rf "$XDG_STATE_HOME"
echo in the way >"$XDG_STATE_HOME"
visit
all "not remembered" ok
check_eq "exit status" 0 "$status"
check_eq "warnings" 1 "$(grep -c 'not remembered' "$err")"
rm "$XDG_STATE_HOME"

note "two runs at once lose nothing"
head -n 10 "$hosts" >"$scratch/first.txt"
tail -n 10 "$hosts" >"$scratch/second.txt"
"$program" --no-db "$scratch/first.txt" >/dev/null 2>&1 &
first=$!
"$program" --no-db "$scratch/second.txt" >/dev/null 2>&1
wait "$first"
check_eq "lines" 20 "$(lines_of "$new")"
visit --host-keys strict
all "both runs' hosts" ok

note "another file"
visit --host-keys strict --known-hosts /dev/null
all "an empty one" hostkey
mkdir "$scratch/folder"
sshinv --no-db --known-hosts "$scratch/folder" "$hosts"
check_eq "a folder" 2 "$status"
check_contains "is no file" "Is a directory" "$(cat "$err")"
mkfifo "$scratch/fifo"
sshinv --no-db --known-hosts "$scratch/fifo" "$hosts"
check_eq "a FIFO" 2 "$status"
