#!/usr/bin/env bash
# Holds who may include whom:
#
#   cli -> sql -> inventory,  cli -> pool,  cli -> inventory
#
# keeps each foreign library in as few files as possible, and the map of files in
# docs/design.md true. Without arguments it looks at the tree it is in;
# `includes.sh DIR` at another.
set -eu -o pipefail

cd "${1:-$(dirname "$0")/..}"
bad=0

# complain WHY: reads "file:line:text", prints and counts them.
complain() {
  local line
  while IFS= read -r line; do
    printf '%s: %s\n' "$line" "$1"
    bad=1
  done
}

# forbidden FOLDER OTHERS: no file of FOLDER includes from one of OTHERS (a|b).
forbidden() {
  complain "$1/ knows nothing of ${2//|/, }" < <(
    grep -rnE --include='*.[ch]' "#[[:space:]]*include \"($2)/" "$1" || true)
}

# only_in HEADER FILES: of the program's files, only FILES (a regular expression
# for the whole path) include <HEADER>.
only_in() {
  complain "<$1> belongs into ${2//|/ or } only" < <(
    grep -rnE --include='*.[ch]' "#[[:space:]]*include <$1" cli pool inventory sql |
      grep -vE "^($2):" || true)
}

forbidden pool 'cli|inventory|sql|tests'
forbidden inventory 'cli|pool|sql|tests'
forbidden sql 'cli|pool|tests'
forbidden cli tests

only_in 'libssh2' 'inventory/ssh[a-z_]*\.[ch]'
only_in '(mysql|mariadb)' 'sql/mysql[a-z_]*\.[ch]'
only_in 'sqlite3' 'sql/sqlite[a-z_]*\.[ch]'
only_in 'jansson' 'cli/format_json\.c|inventory/ansible_json\.c'
only_in 'ares' 'inventory/resolve\.c'

# Full paths from the root: a header of one's own folder too.
complain 'write the path from the root, as "pool/pool.h"' < <(
  grep -rnE --include='*.[ch]' '#[[:space:]]*include "[^/"]*"' \
    cli pool inventory sql || true)

# The table's patterns, one per line, as regular expressions for whole paths:
# "cli/text.[ch], format_{csv,json}.c" stands for four.
mapped() {
  sed -nE 's,^\| ((cli|pool|inventory|sql)/[^|]*) \|.*,\1,p' docs/design.md |
    awk -F ', ' '{
      folder = $1
      sub("/.*", "/", folder)
      for (i = 1; i <= NF; i++) print ($i ~ "/" ? $i : folder $i)
    }' |
    sed -E 's,\.,\\.,g; s,\*,[^/]*,g; y/{},/()|/'
}

files=$(find cli pool inventory sql -name '*.[ch]' | sort)
complain 'the table in docs/design.md lacks it' < <(
  grep -vxEf <(mapped) <<<"$files" || true)
complain 'the table in docs/design.md has it, and there is no such file' < <(
  mapped | while IFS= read -r pattern; do
    grep -qxE "$pattern" <<<"$files" || printf '%s\n' "$pattern"
  done)

# An empty look is no proof.
[ -n "$(find cli pool inventory sql -name '*.c' -print -quit)" ] || {
  echo "no source files under $PWD"
  exit 1
}
exit "$bad"
