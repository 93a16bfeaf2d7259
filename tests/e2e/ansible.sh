#!/usr/bin/env bash
# --inventory: Ansible's INI form, and the JSON of ansible-inventory --list.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need sqlite3
fleet_start
inventory=$scratch/hosts.ini

scan() {
  sshinv --no-db -F none --host-keys off --retries 0 --auth password "$@"
}

found() {
  sed -n 's/^IP:\([^ ]*\) .*/\1/p' "$out" | sort -V | tr '\n' ' '
}

note "INI: groups, their variables, ranges, quotes"
cat >"$inventory" <<END
; an inventory
alone ansible_host=127.1.0.1 ansible_password="fleet-secret"   # by itself
[web]
web[01:02].example ansible_host=127.1.0.2
127.1.0.[3:4]
db1:1 ansible_host=127.1.0.5 ansible_port=$fleet_port
[web:vars]
ansible_password = 'fleet-secret'
[dc1:children]
web
[dc1:vars]
ansible_user=wrong
[web:vars]
ansible_user=root
[all:vars]
ansible_port=$fleet_port
ansible_user=root
END
chmod 600 "$inventory"
scan --inventory "$inventory"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 127.1.0.3 127.1.0.4 127.1.0.5 " \
  "$(found)"
check_lacks "no warning" "warning" "$(cat "$err")"

note "names and groups are stored; the password is not"
sshinv_db -F none --host-keys off --inventory "$inventory"
check_eq "exit status" 0 "$status"
check_eq "a row" "127.1.0.2|web01.example|web|root|" "$(rows \
  "SELECT ip, name, host_group, user, password FROM server_status \
   WHERE ip = '127.1.0.2'")"
check_eq "the one by itself has no group" "alone|" "$(rows \
  "SELECT name, host_group FROM server_status WHERE ip = '127.1.0.1'")"
check_eq "no password in the database" 0 \
  "$(grep -c fleet-secret "$db" || true)"

note "-x by the inventory's name, and by address; --shuffle"
scan --inventory "$inventory" -x "WEB01.example,127.1.0.[3-4]" --shuffle
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 127.1.0.5 " "$(found)"
scan --inventory "$inventory" -x "web[01-02].example"
check_eq "the hosts" "127.1.0.1 127.1.0.3 127.1.0.4 127.1.0.5 " "$(found)"

note "JSON as ansible-inventory --list prints it"
cat >"$scratch/hosts.json" <<END
{
    "_meta": {
        "hostvars": {
            "alone": {
                "ansible_host": "127.1.0.1",
                "ansible_password": "fleet-secret",
                "ansible_port": $fleet_port,
                "ansible_user": "root",
                "packages": ["vim", {"ansible_user": "nobody"}]
            },
            "web1": {
                "ansible_host": "127.1.0.2",
                "ansible_password": {"__ansible_unsafe": "fleet-secret"},
                "ansible_port": "$fleet_port",
                "ansible_user": "root"
            }
        },
        "profile": "inventory_legacy"
    },
    "all": {
        "children": ["ungrouped", "web"]
    },
    "ungrouped": {
        "hosts": ["alone"]
    },
    "web": {
        "hosts": ["web1"]
    }
}
END
chmod 600 "$scratch/hosts.json"
scan --inventory "$scratch/hosts.json"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 " "$(found)"
scan --inventory - < <(cat "$scratch/hosts.json")
check_eq "from a pipe" "127.1.0.1 127.1.0.2 " "$(found)"

note "an encrypted password is told once, and comes from elsewhere"
# shellcheck disable=SC2016 # that is how a vault begins
sed 's/{"__ansible_unsafe": "fleet-secret"}/{"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256 6162"}/;
  s/"fleet-secret"/"{{ vaulted }}"/' "$scratch/hosts.json" >"$scratch/vault.json"
chmod 600 "$scratch/vault.json"
echo fleet-secret >"$scratch/secret"
scan --password-file "$scratch/secret" --inventory "$scratch/vault.json"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 " "$(found)"
check_eq "one warning" 1 "$(grep -c 'a template or encrypted' "$err")"

note "bad hosts are told by line, and the others are probed"
cat >"$inventory" <<END
[all:vars]
ansible_port=$fleet_port
ansible_user=root
ansible_password=fleet-secret
[web]
127.1.0.1
web1 ansible_host=127.1.0.999
web2 ansible_password='pass-word-1
web3 pass-word-2
web4 ansible_host="{{ inventory_hostname }}.example"
web5 ansible_port=pass-word-3
127.1.0.2
END
scan --inventory "$inventory"
check_eq "exit status" 2 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 " "$(found)"
for n in 7 8 9 10 11; do
  check_eq "one message for line $n" 1 "$(grep -c "hosts.ini:$n: " "$err")"
done
check_lacks "no part of a password" pass-word "$(cat "$err")"

note "a host behind a bastion gets nothing directly, but by way of --jump"
cat >"$inventory" <<END
[all:vars]
ansible_port=$fleet_port
ansible_user=root
ansible_password=fleet-secret
[near]
127.1.0.1
[far]
127.1.0.2
[far:vars]
ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q bastion"'
END
fleet_ask reset >/dev/null
scan --inventory "$inventory"
check_eq "exit status" 2 "$status"
check_eq "the hosts" "127.1.0.1 " "$(found)"
check_contains "why" "hosts.ini:8: host '127.1.0.2': ansible_ssh_common_args \
has a jump host, which sshinv does not take from it (--jump names it, or none)" \
  "$(cat "$err")"
check_eq "connections" 1 "$(fleet_connections)"
scan --inventory "$inventory" --jump none
check_eq "exit status with --jump none" 0 "$status"
check_eq "the hosts" "127.1.0.1 127.1.0.2 " "$(found)"

note "hosts that are not reached by ssh are left out, and told once"
cat >"$inventory" <<END
[all:vars]
ansible_port=$fleet_port
ansible_user=root
ansible_password=fleet-secret
[g]
127.1.0.1
127.1.0.2 ansible_connection=local
127.1.0.3 ansible_connection=winrm
END
fleet_ask reset >/dev/null
scan --inventory "$inventory"
check_eq "exit status" 0 "$status"
check_eq "the hosts" "127.1.0.1 " "$(found)"
check_contains "the warning" \
  "2 hosts of $inventory have another connection than ssh: left out" \
  "$(cat "$err")"
check_eq "connections" 1 "$(fleet_connections)"

note "what is no inventory is told, and nothing is begun"
fleet_ask reset >/dev/null
refused() {
  scan --inventory "$inventory"
  check_eq "exit status" 2 "$status"
  check_eq "lines" 0 "$(lines_of "$out")"
  check_contains "why" "$1" "$(cat "$err")"
}
printf -- '---\nall:\n  hosts:\n    127.1.0.1:\n' >"$inventory"
refused 'ansible-inventory'
# shellcheck disable=SC2016
printf '$ANSIBLE_VAULT;1.1;AES256\n3134\n' >"$inventory"
refused 'ansible-inventory'
printf '127.1.0.1\n[web:vars]\nansible_user=root\n' >"$inventory"
refused "hosts.ini:2: there is no group 'web'"
printf '{"web": ["127.1.0.1"' >"$inventory"
refused "hosts.ini:1: no JSON"
scan --inventory "$scratch/nowhere"
check_eq "no file: exit status" 2 "$status"
check_eq "nothing was probed" 0 "$(fleet_connections)"

note "an inventory with passwords that others can read is warned about"
printf '127.1.0.1:%s ansible_user=root ansible_password=fleet-secret\n' \
  "$fleet_port" >"$inventory"
chmod 644 "$inventory"
scan --inventory "$inventory"
check_eq "exit status" 0 "$status"
check_contains "the warning" "hosts.ini holds passwords" "$(cat "$err")"
