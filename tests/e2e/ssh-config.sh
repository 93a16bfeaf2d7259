#!/usr/bin/env bash
# OpenSSH's client configuration: where a host is, who logs in there, and what
# is said of lines that mean nothing here.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fleet_start
hosts=$scratch/hosts.txt
config=$scratch/config
printf 'fleet-secret\n' >"$scratch/password"
one=127.1.0.1 two=127.1.0.2

# found FIELDS [ARGUMENT...]: a run with the configuration; its lines, sorted.
found() {
  sshinv --no-db -O tsv --fields "$1" -F "$config" "${@:2}" \
    --password-file "$scratch/password" "$hosts"
  tr '\t' ' ' <"$out" | sort
}

note "names that only the configuration knows, and what it says of them"
cat >"$config" <<END
Host web* !web3
  HostName 127.1.0.%h.invalid
Host web3
  HostName $two
Match originalhost alias user root
  HostName $one
Host *
  Port $fleet_port
  User root
END
cat >"$hosts" <<END
web3
alias root
$one
END
check_eq "hosts" "127.1.0.1 ok root $fleet_port
alias ok root $fleet_port
web3 ok root $fleet_port" "$(found ip,status,user,port)"
check_eq "exit status" 0 "$status"
check_eq "hosts that were asked" "$one 2
$two 1" "$(fleet_ask counts | awk '{ print $1, $2 }' | sort)"

note "what the line and the command line name wins"
cat >"$config" <<END
Port 1
User nobody
HostName $one
END
echo "web:$fleet_port root" >"$hosts"
check_eq "the line's" "web ok root" "$(found ip,status,user)"
echo "web" >"$hosts"
sshinv --no-db -O tsv --fields ip,status,user -F "$config" -l root \
  -p "$fleet_port" --password-file "$scratch/password" "$hosts"
check_eq "the options'" "web ok root" "$(tr '\t' ' ' <"$out")"

note "the first value counts, in files within files too"
mkdir "$scratch/config.d"
cat >"$scratch/config.d/10-web" <<END
Host web
  HostName $one
END
cat >"$scratch/config.d/20-rest" <<END
Host *
  User root
  HostName 192.0.2.1
END
cat >"$config" <<END
Host other
  Include $scratch/config.d/20-rest
Host web
  Include $scratch/config.d/*
Host *
  Port = $fleet_port
  User nobody
END
check_eq "included" "web ok root" "$(found ip,status,user)"

note "host keys by ssh_config"
cat >"$config" <<END
Port $fleet_port
User root
UserKnownHostsFile $scratch/known
GlobalKnownHostsFile none
Host 127.1.0.1
  StrictHostKeyChecking yes
Host *
  StrictHostKeyChecking no
END
printf '%s\n' "$one" "$two" >"$hosts"
: >"$scratch/known"
# What was seen before is known, whatever ssh_config says.
rm -rf "$XDG_STATE_HOME/sshinv"
check_eq "statuses" "$one hostkey
$two ok" "$(found ip,status)"

note "notes at -v, once for each keyword"
cat >"$config" <<END
Host *
  ForwardAgent no
  forwardagent yes
  Compression yes
Match exec "touch $scratch/ran"
  HostName 192.0.2.1
Match all
  HostName $one
  Port $fleet_port
  User root
END
echo web >"$hosts"
check_eq "host" "web ok" "$(found ip,status)"
check_lacks "without -v" "ForwardAgent" "$(cat "$err")"
[ ! -e "$scratch/ran" ] || give_up "Match exec was run"
sshinv --no-db -v -F "$config" --password-file "$scratch/password" "$hosts"
check_eq "exit status" 0 "$status"
check_contains "with -v" "$config:2: ForwardAgent is passed over" "$(cat "$err")"
check_contains "with -v" "$config:4: Compression is passed over" "$(cat "$err")"
check_contains "with -v" "$config:5: exec is a criterion that is not looked at" \
  "$(cat "$err")"
check_eq "notes" 3 "$(grep -c "$config:" "$err")"
[ ! -e "$scratch/ran" ] || give_up "Match exec was run"

note "a host that only a ProxyCommand reaches is not connected to directly"
cat >"$config" <<END
Host web
  ProxyCommand nc %h %p
Host *
  HostName $one
  Port $fleet_port
  User root
END
printf '%s\n' web db >"$hosts"
connections=$(fleet_connections)
check_eq "the other one" "db ok" "$(found ip,status)"
check_contains "why" "ProxyCommand" "$(cat "$err")"
check_eq "connections" $((connections + 1)) "$(fleet_connections)"

note "a host that has RevokedHostKeys is not asked: they are not read"
cat >"$config" <<END
Host web
  RevokedHostKeys $scratch/revoked
Host *
  HostName $one
  Port $fleet_port
  User root
END
connections=$(fleet_connections)
check_eq "the other one" "db ok" "$(found ip,status)"
check_contains "why" "RevokedHostKeys" "$(cat "$err")"
check_eq "connections" $((connections + 1)) "$(fleet_connections)"

note "one that has a KnownHostsCommand is asked by who says by what he goes"
cat >"$config" <<END
Host web
  KnownHostsCommand /usr/bin/sss_ssh_knownhosts %H
  HostName $two
Host *
  HostName $one
  Port $fleet_port
  User root
END
connections=$(fleet_connections)
check_eq "the other one" "db ok" "$(found ip,status)"
check_contains "why" "KnownHostsCommand" "$(cat "$err")"
check_eq "connections" $((connections + 1)) "$(fleet_connections)"
check_eq "who knows files" "db ok
web ok" "$(found ip,status --known-hosts "$scratch/some_known")"
sed -i '/KnownHostsCommand/a StrictHostKeyChecking yes' "$config"
rm -f "$XDG_STATE_HOME/sshinv/known_hosts"
check_eq "who is strict, and what no file knows" "db ok
web hostkey" "$(found ip,status)"
check_eq "who takes new keys" "db ok
web ok" "$(found ip,status --host-keys accept-new)"

note "more than 64 sets of known hosts are no weaker check"
{
  echo "Host *"
  echo "  UserKnownHostsFile $scratch/known-by-%h"
  echo "  Port $fleet_port"
} >"$config"
fleet_hosts well=66 | sed 's/:[0-9]*//' >"$scratch/many.txt"
connections=$(fleet_connections)
sshinv --no-db -F "$config" "$scratch/many.txt"
check_eq "exit status" 2 "$status"
check_eq "hosts" 64 "$(grep -c '^IP:' "$out")"
check_eq "the others are told" 2 "$(grep -c 'more than 64 kinds' "$err")"
check_eq "connections" $((connections + 64)) "$(fleet_connections)"

note "lines that OpenSSH refuses are refused, with their place"
# refused TEXT PART
refused() {
  local before
  before=$(fleet_connections)
  printf 'User root\n%s\n' "$1" >"$config"
  found ip >/dev/null
  check_eq "exit status with '$1'" 2 "$status"
  check_contains "what is said of '$1'" "$config:2: $2" "$(cat "$err")"
  check_eq "connections" "$before" "$(fleet_connections)"
}
refused "Port 70000" "bad port '70000'"
refused "Host \"web" "a quote is not closed"
refused "User a b" "more than one argument"
refused "Match nobody" "'nobody' is no criterion of Match"
refused "Include $config" "more than 16 files within files"
refused "HostName %q" "a % token that is not known"

note "a file that is not there, and one that others can write"
sshinv --no-db -F "$scratch/nowhere" "$hosts"
check_eq "exit status" 2 "$status"
check_contains "why" "cannot read $scratch/nowhere" "$(cat "$err")"
echo "Port $fleet_port" >"$scratch/open"
chmod 602 "$scratch/open"
printf 'User root\nInclude %s\n' "$scratch/open" >"$config"
found ip >/dev/null
check_eq "exit status" 2 "$status"
check_contains "why" "bad owner or permissions on $scratch/open" "$(cat "$err")"

note "the user's own file, and none"
mkdir -m 700 "$HOME/.ssh"
cat >"$HOME/.ssh/config" <<END
Host web
  HostName $one
  Port $fleet_port
  User root
END
echo "web" >"$hosts"
sshinv --no-db --password-file "$scratch/password" "$hosts"
check_eq "exit status" 0 "$status"
sshinv --no-db -F none --password-file "$scratch/password" "$hosts"
check_eq "exit status without it" 2 "$status"
check_contains "why" "no user" "$(cat "$err")"
chmod 666 "$HOME/.ssh/config"
sshinv --no-db --password-file "$scratch/password" "$hosts"
check_eq "exit status" 2 "$status"
check_contains "why" "bad owner or permissions" "$(cat "$err")"
rm "$HOME/.ssh/config"

note "many hosts that share settings"
{
  for ((i = 1; i <= 500; i++)); do
    printf 'Host h%d\n  HostName 127.1.%d.%d\n' "$i" $((i / 250)) \
      $((i % 250 + 1))
  done
  printf 'Host *\n  User root\n  Port %d\n' "$fleet_port"
} >"$config"
for ((i = 1; i <= 500; i++)); do echo "h$i"; done >"$hosts"
check_eq "hosts" 500 "$(found ip,status | grep -c '^h[0-9]* ok$')"
