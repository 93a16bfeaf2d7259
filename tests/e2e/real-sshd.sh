#!/usr/bin/env bash
# One host file against OpenSSH's own sshd: line, row, exit status, host key.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
need sqlite3
sshd_start
me=$(hostname)
hosts=$scratch/hosts.txt

note "a well host: its line, its row, exit status 0"
sshd_host 1 sshinv-bash >"$hosts"
sshinv_db "$hosts"
check_eq "exit status" 0 "$status"
check_eq "the line" "IP:127.0.0.1  hostname:$me" "$(cat "$out")"
check_eq "the row" "127.0.0.1|$sshd_port|sshinv-bash|$me|ok||" "$(rows "
  SELECT ip, port, user, hostname, status, phase, error FROM server_status")"
check_eq "the password is not stored" 1 "$(rows "
  SELECT count(*) FROM server_status WHERE password IS NULL")"
check_eq "seen just now" 1 "$(rows "
  SELECT count(*) FROM server_status
  WHERE first_seen = last_seen AND last_seen = last_attempt")"

note "the host key is the one that ssh-keygen sees"
check_eq "type and fingerprint" "ssh-ed25519|$(sshd_fingerprint ed25519)" \
  "$(rows "SELECT host_key_type, host_key_sha256 FROM server_status" |
    sed 's/SHA256://')"
check_contains "the server's version" "OpenSSH_" \
  "$(rows "SELECT ssh_version FROM server_status")"

note "a second run keeps first_seen and moves last_seen"
first=$(rows "SELECT first_seen FROM server_status")
sshinv_db "$hosts"
check_eq "exit status" 0 "$status"
check_eq "first_seen" "$first" "$(rows "SELECT first_seen FROM server_status")"
check_eq "still one row, seen later" 1 "$(rows "
  SELECT count(*) FROM server_status WHERE last_seen > first_seen")"
check_eq "two runs" 2 "$(rows "SELECT count(*) FROM runs")"

note "a wrong password, an account that has expired, one that may not log in"
{
  echo "127.0.0.1 sshinv-bash not-the-password port=$sshd_port"
  sshd_host 2 sshinv-expired
  sshd_host 3 sshinv-nologin
  sshd_host 4 sshinv-stale
  sshd_host 5 sshinv-noisy
} >"$hosts"
sshinv_db -O tsv --fields ip,status,phase,hostname "$hosts"
sort "$out" >"$scratch/got"
cat >"$scratch/want" <<END
127.0.0.1	auth	auth	
127.0.0.2	auth	auth	
127.0.0.3	command	command	
127.0.0.4	command	command	
127.0.0.5	ok		$me
END
check_same "statuses" "$scratch/want" "$scratch/got"
check_eq "exit status: some host refused the login" 4 "$status"

note "a failure keeps what was known of the host"
check_eq "the first host's row" "$me|auth|ssh-ed25519" "$(rows "
  SELECT hostname, status, host_key_type FROM server_status
  WHERE ip = '127.0.0.1'")"
check_eq "the password was tried once" 1 \
  "$(grep -c 'Failed password for sshinv-bash' "$sshd_dir/log")"

note "a line that cannot be one"
echo "[127.0.0.1]:$sshd_port sshinv-bash x" >"$hosts"
sshinv --no-db "$hosts"
check_eq "exit status: brackets are for IPv6" 2 "$status"
