# shellcheck shell=bash disable=SC2154
# Sourced after lib.sh: every kind of host of the fleet, judged by what the fleet
# says should become of it.

# kinds_plan KINDS: writes host files for the fleet that runs: $scratch/all.txt,
# $scratch/ends.txt of those that come to an end, however long it takes, and
# $scratch/hangs.txt of those that never do and so time out, however soon. So no
# time limit that a host gets has to fit the machine.
kinds_plan() {
  fleet_hosts "$1" >"$scratch/all.txt"
  "$fleet" --expect --hosts "$1" --port "$fleet_port" | sort >"$scratch/want"
  awk -F '\t' -v to="$scratch" '
    NR == FNR { hangs[$1] = $2 == "timeout"; next }
    { split($0, word, " "); file = hangs[word[1]] ? "hangs" : "ends"
      print > (to "/" file ".txt") }' "$scratch/want" "$scratch/all.txt"
}

# kinds_check HOSTS: the rows of those in this file, which have to be there. A
# status may be one of several, as in "timeout|protocol".
kinds_check() {
  local tab=$'\t'
  cut -d ' ' -f 1 "$1" | sort >"$scratch/these"
  rows "SELECT ip || char(9) || status FROM server_status" | sort |
    join -t "$tab" "$scratch/these" - >"$scratch/got"
  join -t "$tab" "$scratch/these" "$scratch/want" >"$scratch/want.here"
  awk -F '\t' 'NR == FNR { want[$1] = $2; next }
    { if (!($1 in want) || index("|" want[$1] "|", "|" $2 "|") == 0)
        print $1 ": " $2 ", not " want[$1]
      delete want[$1] }
    END { for (ip in want) print ip ": no row, not " want[ip] }' \
    "$scratch/want.here" "$scratch/got" >"$scratch/wrong"
  check_eq "every host has its status" "" "$(cat "$scratch/wrong")"
}

# kinds_check_names: each host that is well answered with its own name, remote
# bytes escaped.
kinds_check_names() {
  awk -F '\t' '$2 == "ok" { print "IP:" $1 "  hostname:" $3 }' \
    "$scratch/want" | sort >"$scratch/names"
  check_eq "each of them has its own name" "" \
    "$(sort "$out" | comm -23 "$scratch/names" -)"
}
