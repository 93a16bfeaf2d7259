#!/usr/bin/env bash
# --host-keys db: a host's key is what the store has in its row. On SQLite and,
# where there is one, on a private MariaDB.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

hosts=$scratch/hosts.txt
export SSHINV_DB_PASSWORD=$db_password

# fleet_again SEED: on the same port, with other keys.
fleet_again() {
  local port=$fleet_port
  stop_pid "$fleet_pid"
  fleet_start --host-keys "$1" --port "$port"
}

visit() {
  fleet_ask reset >/dev/null
  sshinv --host-keys db -O tsv --fields ip,status,host_key_sha256 \
    --db "$store" "$hosts"
}

statuses() {
  cut -f 2 "$out" | sort | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd ,
}

passwords() {
  fleet_ask totals | cut -f 3
}

history="SELECT ip, field, old_value, new_value FROM server_history
  ORDER BY ip, changed_at"

# The story; $store is the DSN, `ask SQL` looks into it.
story() {
  local pinned
  # On a port that the kernel gives nobody while the fleet is away.
  fleet_start --host-keys 1 --port "$(free_port)"
  fleet_hosts well=5,wrong-password=1 >"$hosts"

  note "first seen is remembered, also where the login fails"
  visit
  check_eq "statuses" "auth=1,ok=5" "$(statuses)"
  check_eq "pinned" 6 "$(ask "SELECT count(*) FROM server_status
    WHERE host_key_type = 'ssh-ed25519' AND length(host_key_sha256) = 43")"
  pinned=$(ask "SELECT ip, host_key_sha256 FROM server_status ORDER BY ip")
  [ ! -e "$XDG_STATE_HOME/sshinv/known_hosts" ] ||
    give_up "a file was written as well"

  note "known"
  visit
  check_eq "statuses" "auth=1,ok=5" "$(statuses)"
  check_eq "history" "" "$(ask "$history")"

  note "changed: a status, a row in the history, and no password"
  fleet_again 2
  visit
  check_eq "statuses" "hostkey=6" "$(statuses)"
  check_eq "exit status" 4 "$status"
  check_eq "passwords" 0 "$(passwords)"
  check_eq "what was pinned stays" "$pinned" \
    "$(ask "SELECT ip, host_key_sha256 FROM server_status ORDER BY ip")"
  check_eq "status and error" 6 "$(ask "SELECT count(*) FROM server_status
    WHERE status = 'hostkey' AND error LIKE 'host key changed: ssh-ed25519 %'
      AND error LIKE '%known (server_status)'")"
  check_same "the history" \
    <(sort "$out" | while IFS=$'\t' read -r ip _ offered; do
      echo "$ip|host_key_sha256|$(grep "^$ip|" <<<"$pinned" |
        cut -d '|' -f 2)|$offered"
    done) <(ask "$history")

  note "the same change is one row, not one for each run"
  visit
  check_eq "statuses" "hostkey=6" "$(statuses)"
  check_eq "history" 6 "$(ask "$history" | wc -l | tr -d ' ')"
  check_eq "passwords" 0 "$(passwords)"

  note "a run with another mode takes the new keys, and moves no pin"
  sshinv --host-keys off -O tsv --fields status --db "$store" "$hosts"
  check_eq "statuses" "auth=1,ok=5" \
    "$(sort "$out" | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd ,)"
  check_eq "what was pinned stays" "$pinned" \
    "$(ask "SELECT ip, host_key_sha256 FROM server_status ORDER BY ip")"
  visit
  check_eq "statuses" "hostkey=6" "$(statuses)"
  check_eq "passwords" 0 "$(passwords)"

  note "an administrator accepts the new key of one host"
  ask "UPDATE server_status SET host_key_type = NULL, host_key_sha256 =
      (SELECT new_value FROM server_history WHERE ip = '127.1.0.1'
       AND field = 'host_key_sha256' ORDER BY changed_at DESC LIMIT 1)
    WHERE ip = '127.1.0.1'"
  visit
  check_eq "statuses" "hostkey=5,ok=1" "$(statuses)"
  check_eq "passwords" 1 "$(passwords)"
  check_eq "its type is known again" ssh-ed25519 "$(ask "SELECT host_key_type
    FROM server_status WHERE ip = '127.1.0.1'")"

  note "a third key is another row"
  fleet_again 3
  visit
  check_eq "statuses" "hostkey=6" "$(statuses)"
  check_eq "history" 12 "$(ask "$history" | wc -l | tr -d ' ')"
  check_eq "passwords" 0 "$(passwords)"
  stop_pid "$fleet_pid"
}

note "SQLite"
need sqlite3
store=sqlite:$db
ask() {
  sqlite3 "$db" "$1"
}
story

note "without a store there is nothing to compare with"
sshinv --host-keys db --no-db "$hosts"
check_eq "exit status" 2 "$status"

db_need
note "$db_kind"
db_start
store=$(db_dsn)
ask() {
  db_rows "$1"
}
story
