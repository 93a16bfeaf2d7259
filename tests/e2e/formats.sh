#!/usr/bin/env bash
# text, tsv, csv and json: every host once, every field in its place, remote
# bytes never as they came.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

need jq
fleet_start
mix=well=3,wrong-password=1,control=1,sql=1,latin1=1,bidi=1,newline=1,refused=1
fleet_hosts "$mix" >"$scratch/hosts.txt"
hosts=$scratch/hosts.txt
count=$(lines_of "$hosts")

# run_as FORMAT [OPTION]...
run_as() {
  sshinv --no-db -O "$@" "$hosts"
  check_eq "exit status: a host refused the login" 4 "$status"
}

# No control byte but tab and newline, nothing that turns text around.
only_text() {
  if LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xaa-\xae]' "$out"; then
    give_up "remote bytes in $1"
  fi
  iconv -f UTF-8 -t UTF-8 "$out" >/dev/null || give_up "$1 is not UTF-8"
}

note "text"
run_as text
only_text text
check_eq "lines" "$count" "$(lines_of "$out")"
check_eq "hosts that answered" 8 "$(grep -c '^IP:127[.0-9]*  hostname:host-127' "$out")"
check_eq "hosts that did not" 2 \
  "$(grep -cE "^sorry I can't connect this server \[127[.0-9]+\]: (auth|refused): " "$out")"

note "tsv: one width, a header when it is asked for"
run_as tsv
only_text tsv
check_eq "lines" "$count" "$(lines_of "$out")"
check_eq "one number of columns" 1 \
  "$(awk -F '\t' '{ print NF }' "$out" | sort -u | wc -l)"
columns=$(awk -F '\t' '{ print NF; exit }' "$out")
run_as tsv --header
check_eq "lines with a header" $((count + 1)) "$(lines_of "$out")"
check_eq "columns of the header" "$columns" \
  "$(head -n 1 "$out" | awk -F '\t' '{ print NF }')"
check_contains "names" "ip	port	" "$(head -n 1 "$out")"
check_lacks "no password" password "$(head -n 1 "$out")"

note "csv: with a header, unless it is not wanted"
run_as csv
only_text csv
check_eq "lines" $((count + 1)) "$(lines_of "$out")"
check_contains "names" "ip,port," "$(head -n 1 "$out")"
run_as csv --no-header
check_eq "lines without a header" "$count" "$(lines_of "$out")"

note "json: an object per line, numbers are numbers"
run_as json
check_eq "objects" "$count" "$(jq -s length "$out")"
check_eq "lines" "$count" "$(lines_of "$out")"
check_eq "well ones" 8 "$(jq -s 'map(select(.status == "ok")) | length' "$out")"
check_eq "port is a number" '"number"' "$(jq -s '.[0].port | type' "$out")"
check_eq "unknown is null" "null" \
  "$(jq -r 'select(.status == "refused").hostname' "$out")"
check_eq "SQL is text" 1 "$(jq -r .hostname "$out" | grep -c 'DROP TABLE')"

note "--fields chooses and orders"
run_as tsv --fields status,ip --header
check_eq "header" "status	ip" "$(head -n 1 "$out")"
check_eq "rows" "auth	127.20" "$(grep auth "$out" | cut -c 1-11)"
run_as json --fields ip
check_eq "one key" '["ip"]' "$(jq -sc '.[0] | keys' "$out")"

note "-o writes the same to a file"
run_as csv --fields ip,status -o "$scratch/list.csv"
check_eq "nothing on stdout" "" "$(cat "$out")"
check_eq "lines" $((count + 1)) "$(lines_of "$scratch/list.csv")"

note "quiet and verbose differ on stderr only"
run_as text -q
check_eq "lines" "$count" "$(lines_of "$out")"
check_eq "no summary" "" "$(cat "$err")"
run_as text
for word in ok auth refused; do
  check_contains "the summary" "$word" "$(cat "$err")"
done
