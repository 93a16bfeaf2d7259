#!/usr/bin/env bash
# What a host costs the lists and tables of a run does not grow with the number
# of hosts: instructions per host from 4,000 to 8,000 hosts, against those from
# 2,000 to 4,000. What is quadratic makes it twice as many; trees and hash
# tables that double stay near 1.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

need valgrind
growth=$build/tests/bench/bench_growth
hosts=2000

# instructions WHAT HOSTS: sets $refs.
instructions() {
  run valgrind --tool=callgrind --callgrind-out-file="$scratch/callgrind" \
    "$growth" "$1" "$2"
  [ "$status" = 0 ] || give_up "$1 failed with $2 hosts"
  refs=$(awk '$1 == "summary:" { print $2 }' "$scratch/callgrind")
}

for what in $("$growth" -l); do
  instructions "$what" $hosts
  least=$refs
  instructions "$what" $((2 * hosts))
  middle=$refs
  instructions "$what" $((4 * hosts))
  before=$(((middle - least) / hosts))
  after=$(((refs - middle) / (2 * hosts)))
  printf '%-12s instructions per host: %d, then %d\n' "$what" $before $after
  check_le "$what: at most a quarter more" $((before * 5 / 4)) $after
done
