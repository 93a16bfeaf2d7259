# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh: a fleet in which every host has a password of its own,
# and a look for them in the memory of sshinv (tests/faults/memsearch.c).

memsearch=$build/tests/faults/memsearch
hosts=$scratch/hosts.txt
# Line N is the password of line N of $hosts. Each is four random pieces, and
# every piece counts, since memory that was freed keeps parts.
needles=$scratch/needles
report=$scratch/report

memory_need() {
  # A running sshinv is closed to all others.
  [ "$(id -u)" = 0 ] || give_way "only root may look into a running sshinv"
  fleet_start --any-password
}

# memory_hosts KIND=N,...: writes $hosts and $needles. Input: more host lines,
# in which PASSWORD stands for one.
memory_hosts() {
  local lines
  lines=$(fleet_hosts "$1" | awk '{ $3 = "PASSWORD"; print }' && cat)
  od -An -v -tx1 -w24 -N $((24 * $(wc -l <<<"$lines"))) /dev/urandom |
    tr -d ' ' >"$needles"
  awk 'NR == FNR { secret[FNR] = $1; next }
    { sub("PASSWORD", secret[FNR]); print }' "$needles" - >"$hosts" <<<"$lines"
  chmod 600 "$hosts"
}

# memory_kinds: the kinds of host, by octet, whose passwords $report names.
memory_kinds() {
  grep -q '^searched [1-9][0-9]* KiB$' "$report" ||
    give_up "memory was not looked through: $(cat "$report")"
  awk 'NR == FNR { split($1, octet, "."); kind[FNR] = octet[2]; next }
    $1 ~ /^[0-9]+$/ { print kind[$1] }' "$hosts" "$report" | sort -nu | xargs
}

# memory_all_of OCTET: every host of this kind is in $report. What is looked
# for can be found: without this an empty report would prove nothing.
memory_all_of() {
  awk -v octet="$1" 'NR == FNR { if ($1 ~ /^[0-9]+$/) seen[$1] = 1; next }
    { split($1, address, ".") }
    address[2] == octet && !(FNR in seen) { print $1 }' "$report" "$hosts"
}
