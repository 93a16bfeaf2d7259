#!/usr/bin/env bash
# A container's limit on tasks (cgroup pids): few threads, all hosts.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The hierarchy of version 1, or version 2 where it hands out the controller.
top=
for folder in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
  if [ -e "$folder/cgroup.procs" ] && { [ "${folder##*/}" = pids ] ||
    grep -qw pids "$folder/cgroup.subtree_control" 2>/dev/null; }; then
    top=$folder
    break
  fi
done
group=$top/sshinv-test-$$
# Not give_way: it is no package that somebody forgot to install.
if [ -z "$top" ] || ! mkdir "$group" 2>/dev/null; then
  echo "SKIPPED: no cgroup with a limit on tasks can be made here"
  exit 77
fi
undo_at_exit "rmdir '$group'"

fleet_start
hosts=$scratch/hosts.txt
fleet_hosts well=500 >"$hosts"

# limited TASKS: as the only one in there.
limited() {
  echo "$1" >"$group/pids.max"
  # shellcheck disable=SC2016 # its own shell's
  run sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
    "$program" --no-db -f 64 "$hosts"
  check_eq "exit status with $1" 0 "$status"
  check_eq "lines with $1" 500 "$(grep -c '^IP:127.*hostname:host-127' "$out")"
}

for tasks in 20 5 3; do
  note "$tasks tasks"
  limited "$tasks"
  check_eq "said once" 1 "$(grep -c 'could be started' "$err")"
done
note "one task: no thread at all"
limited 1
note "enough"
limited 100
check_lacks "the messages" "could be started" "$(cat "$err")"
