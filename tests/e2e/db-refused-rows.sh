#!/usr/bin/env bash
# Values that the database refuses, since somebody changed its columns by hand:
# each costs its own row, with a sentence, and the rest of its batch is stored.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"
# shellcheck source=tests/e2e/db-lib.sh
. "$root/tests/e2e/db-lib.sh"

need sqlite3
db_need
db_start "${db_options[@]}"
fleet_start
export SSHINV_DB_PASSWORD=$db_password
plan 30

# The last run: all rows but those of the hosts that match $1 (one grep
# expression on "ip|").
check_refused() {
  local ip
  check_eq "exit status" 6 "$status"
  check_no_spool
  grep -vE "$1" "$all" >"$scratch/want" || true # it may be all of them
  check_same "the others' rows" "$scratch/want" "$scratch/got"
  grep -E "$1" "$all" | cut -d '|' -f 1 >"$scratch/refused"
  while read -r ip; do
    check_eq "sentences about $ip" 1 \
      "$(grep -c "$ip port $fleet_port was not stored: " "$err")"
  done <"$scratch/refused"
  check_eq "no others" "$(lines_of "$scratch/refused")" \
    "$(grep -c 'was not stored' "$err")"
  check_eq "lines" "$(lines_of "$scratch/want")" "$(lines_of "$out")"
  check_contains "the summary" "; $(lines_of "$scratch/refused") not stored" \
    "$(tail -n 1 "$err")"
}

# What was changed and who is refused. Rows of a batch that the server gets
# whole.
refused() {
  note "$1"
  fresh_tables
  db_rows "$2"
  fleet_ask reset >/dev/null
  begin --db "$(db_dsn)" -f 32
  gather "$planned"
  hand_rest
  ended
  rows_now >"$scratch/got"
  check_refused "$3"
  check_eq "the run came to its end" 1 "$(db_rows "
    SELECT count(*) FROM runs WHERE end_time IS NOT NULL")"
}

refused "a text that is too long now" \
  "ALTER TABLE server_status MODIFY hostname VARCHAR(14)" '^127.1.0.[0-9][0-9]\|'
refused "a text that is always too long" \
  "ALTER TABLE server_status MODIFY hostname VARCHAR(4)" .
refused "a CHECK" "ALTER TABLE server_status
  ADD CHECK (hostname <> 'host-127.1.0.7')" '^127.1.0.7\|'
refused "a trigger that signals" "DELIMITER //
  CREATE TRIGGER no BEFORE INSERT ON server_status FOR EACH ROW
  IF NEW.ip IN ('127.1.0.1', '127.1.0.30') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one';
  END IF //" \
  '^127.1.0.(1|30)\|'
check_contains "the trigger's words" "not this one" "$(cat "$err")"
refused "a foreign key" "CREATE TABLE known (ip VARCHAR(255) CHARACTER SET ascii
    COLLATE ascii_bin PRIMARY KEY) ENGINE=InnoDB;
  INSERT INTO known VALUES $(sed -E '/^127.1.0.5[|]/d; s/[|].*//
    s/.*/("&")/' "$all" | paste -sd ,);
  ALTER TABLE server_status ADD FOREIGN KEY (ip) REFERENCES known (ip)" \
  '^127.1.0.5\|'

# Names of two hosts; the others have none, or one that fits.
sed -i '3s/$/ name=three/; 4s/$/ name=vierundvierzig/; 5s/$/ name=Ω/' "$hosts"
refused "a text of another character set" \
  "ALTER TABLE server_status MODIFY name VARCHAR(255) CHARACTER SET latin1" \
  '^127.1.0.5\|'
refused "a value that has to be there" \
  "ALTER TABLE server_status MODIFY name VARCHAR(255) NOT NULL" \
  '^127.1.0.([126-9]|[0-9]{2})\|'
refused "one of a list" "ALTER TABLE server_status
  MODIFY name ENUM('three', 'Ω')" '^127.1.0.4\|'

note "a number that is too large"
plan 30
fresh_tables
db_rows "ALTER TABLE server_status MODIFY exit_code TINYINT"
# shellcheck disable=SC2016 # for the hosts' shell
sshinv --db "$(db_dsn)" -c 'case $(hostname) in *.7) exit 200 ;; esac' "$hosts"
rows_now >"$scratch/got"
check_refused '^127.1.0.7\|'

note "a unique key of theirs, and another host's row has the value"
fresh_tables
db_rows "ALTER TABLE server_status ADD UNIQUE (hostname);
  INSERT INTO server_status (ip, port, hostname, status, run_id)
  VALUES ('10.0.0.1', 22, 'host-127.1.0.7', 'timeout', 'theirs')"
sshinv --db "$(db_dsn)" -f 32 "$hosts"
check_eq "the other host's row is as it was" \
  "10.0.0.1|22|host-127.1.0.7|timeout|theirs" "$(db_rows "
    SELECT ip, port, hostname, status, run_id FROM server_status
    WHERE hostname = 'host-127.1.0.7'")"
rows_now | grep -v '^10[.]' >"$scratch/got"
check_refused '^127.1.0.7\|'

note "the same where the host has a row already"
db_rows "INSERT INTO server_status (ip, port, hostname, status)
  VALUES ('127.1.0.7', $fleet_port, 'was', 'ok')"
sshinv --db "$(db_dsn)" -f 32 "$hosts"
check_eq "the two rows are as they were" "10.0.0.1|host-127.1.0.7|timeout
127.1.0.7|was|ok" "$(rows_now | grep -E '^(10[.]|127.1.0.7[|])')"
rows_now | grep -vE '^(10[.]|127.1.0.7[|])' >"$scratch/got"
check_refused '^127.1.0.7\|'

note "SQLite: a CHECK and a trigger"
fresh
sshinv_db /dev/null
check_eq "exit status" 0 "$status"
rows "SELECT count(*) FROM runs" >/dev/null
sqlite3 "$db" "CREATE TRIGGER no BEFORE INSERT ON server_status
  WHEN NEW.ip IN ('127.1.0.2', '127.1.0.20')
  BEGIN SELECT RAISE(ABORT, 'not this one'); END"
sshinv_db -f 32 "$hosts"
rows "SELECT ip, hostname, status FROM server_status" | sort >"$scratch/got"
check_refused '^127.1.0.20?\|'
check_contains "the trigger's words" "not this one" "$(cat "$err")"
