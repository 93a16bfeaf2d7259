#!/usr/bin/env bash
# The servers of the interoperability matrix that Debian 12's packages give
# cheaply: each way in is tried, and is as tests/interop/expected.tsv says.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# These are bootstrap's; the others are tried where somebody installed them.
need dropbear dropbearkey ssh-agent
for module in asyncssh paramiko; do
  /usr/bin/python3 -c "import $module" 2>/dev/null ||
    give_way "python3-$module is not installed"
done
servers="asyncssh paramiko libssh"
if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
  servers="$servers dropbear"
fi
for more in tinyssh go; do
  [ -n "$(bash "$root/tests/interop/become.sh" / "$more" missing)" ] ||
    servers="$servers $more"
done

# Go compiles once for a build folder.
export SSHINV_GO_CACHE=${SSHINV_GO_CACHE:-$build/tests/go-cache}

run "$root/tests/interop/run" --check --servers "$servers"
cat "$out"
check_eq "as expected, $servers: $(grep 'NOT AS' "$err" || true)" 0 "$status"
