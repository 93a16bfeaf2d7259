#!/usr/bin/env bash
# What a real sshd makes of passwords: PAM's prompts, accounts that have expired
# or are locked, passwords that have to be changed, too many failures; each with
# a sentence that says which.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/sshd.sh
. "$root/tests/e2e/sshd.sh"

sshd_need
[ -f /etc/pam.d/sshd ] || give_way "PAM has no rules for sshd here"
"${as_root[@]}" unshare -m true 2>/dev/null ||
  give_way "an account that is locked needs private mounts"
me=$(hostname)
hosts=$scratch/hosts.txt

# One of the accounts is locked: a '!' stands before its hash.
eval "accounts_$(declare -f sshd_prepare)"
sshd_prepare() {
  accounts_sshd_prepare "$1"
  sed -i '/^sshinv-dash:/s/:/:!/' "$1/shadow.own"
}

# one ACCOUNT [PASSWORD [OPTION]...]: what became of it: status, hostname, error.
one() {
  echo "127.0.0.1 $1 ${2:-$sshd_password} port=$sshd_port" >"$hosts"
  shift
  [ $# = 0 ] || shift
  sshinv --no-db --known-hosts "$scratch/known" -O tsv \
    --fields status,hostname,error "$@" "$hosts"
  tr '\t' '|' <"$out"
}

# Failed attempts that sshd has counted, of every kind.
failures() {
  grep -c "^Failed " "$sshd_dir/log" || true
}

# sshd's own no-login file, which only its mounts have. It is meant for others
# than root.
nobody_may_log_in() {
  echo "System is going down. Unprivileged users are not permitted to log in." \
    >"$scratch/nologin"
  "${as_root[@]}" install -m 644 "$scratch/nologin" "$sshd_dir/run/nologin"
}

all_may_log_in() {
  "${as_root[@]}" rm "$sshd_dir/run/nologin"
}

note "PAM by prompts: three round trips, of which the last has none"
sshd_start "UsePAM yes" "PasswordAuthentication no" \
  "KbdInteractiveAuthentication yes"
check_eq "a password" "ok|$me|" "$(one sshinv-bash)"
check_eq "a wrong one" "auth||password refused for 'sshinv-bash'" \
  "$(one sshinv-bash not-the-password)"
check_eq "an account that is locked" \
  "auth||password refused for 'sshinv-dash'" "$(one sshinv-dash)"
check_eq "an account that has expired" \
  "auth||login refused for 'sshinv-expired': the server says \"Your account has expired; please contact your system administrator.\"" \
  "$(one sshinv-expired)"
check_eq "a password that has to be changed" \
  "auth||the server asks 'sshinv-stale' \"Current password:\": the password has expired" \
  "$(one sshinv-stale)"
nobody_may_log_in
check_eq "nobody may log in now" \
  "auth||login refused for 'sshinv-bash': the server says \"System is going down. Unprivileged users are not permitted to log in.\"" \
  "$(one sshinv-bash)"
all_may_log_in
check_contains "a shell that lets nobody in" "command||" \
  "$(one sshinv-nologin)"

note "the other way first, and sshd counts no failure for a password that is right"
before=$(failures)
check_eq "the prompt alone" "ok|$me|" \
  "$(one sshinv-bash "$sshd_password" --auth keyboard-interactive)"
check_eq "nothing failed" "$before" "$(failures)"
check_eq "the password alone" \
  "auth||no way in for 'sshinv-bash': the server wants publickey,keyboard-interactive; given: password" \
  "$(one sshinv-bash "$sshd_password" --auth password)"

note "PAM by passwords"
sshd_start "UsePAM yes" "PasswordAuthentication yes" \
  "KbdInteractiveAuthentication yes"
before=$(failures)
check_eq "a password" "ok|$me|" "$(one sshinv-bash)"
check_eq "nothing failed" "$before" "$(failures)"
check_eq "a wrong one" "auth||password refused for 'sshinv-bash'" \
  "$(one sshinv-bash not-the-password)"
check_eq "it failed once, though there are prompts too" $((before + 1)) \
  "$(failures)"
check_eq "a wrong one by prompts" "auth||password refused for 'sshinv-bash'" \
  "$(one sshinv-bash not-the-password --auth keyboard-interactive,password)"
check_eq "it failed once, though there is the other way" $((before + 2)) \
  "$(failures)"
check_eq "an account that has expired" \
  "auth||login: the server says \"Your account has expired; please contact your system administrator.\" and closed the connection" \
  "$(one sshinv-expired)"
nobody_may_log_in
check_eq "nobody may log in now" \
  "auth||login: the server says \"System is going down. Unprivileged users are not permitted to log in.\" and closed the connection" \
  "$(one sshinv-bash)"
all_may_log_in
check_eq "a password that has to be changed: sshd lets in, and then not" \
  "command||exit status 1: WARNING: Your password has expired." \
  "$(one sshinv-stale)"

note "a server that takes one attempt"
sshd_start "UsePAM yes" "MaxAuthTries 1"
check_eq "a password" "ok|$me|" "$(one sshinv-bash)"
check_eq "a wrong one" \
  "auth||login: the server says \"Too many authentication failures\"" \
  "$(one sshinv-bash not-the-password)"

note "without PAM, and with a banner for all"
echo "Authorized use only." >"$scratch/banner"
chmod 644 "$scratch/banner"
sshd_start "UsePAM no" "Banner $scratch/banner"
check_eq "a password" "ok|$me|" "$(one sshinv-bash)"
for account in sshinv-expired sshinv-dash; do
  check_eq "$account" "auth||password refused for '$account'" "$(one $account)"
done

note "keys only"
sshd_start "UsePAM no" "PasswordAuthentication no" \
  "KbdInteractiveAuthentication no"
check_eq "what it wants and what was given" \
  "auth||no way in for 'sshinv-bash': the server wants publickey; given: password" \
  "$(one sshinv-bash)"
check_eq "no password at all" \
  "auth||no way in for 'sshinv-bash': the server wants publickey; given: nothing" \
  "$(one sshinv-bash -)"

note "two steps: a key, then the password"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/key"
cp "$scratch/key.pub" "$scratch/authorized"
chmod 644 "$scratch/authorized"
sshd_start "UsePAM yes" "StrictModes no" "PasswordAuthentication yes" \
  "AuthorizedKeysFile $scratch/authorized" \
  "AuthenticationMethods publickey,password publickey,keyboard-interactive"
check_eq "both" "ok|$me|" \
  "$(one sshinv-bash "$sshd_password" -i "$scratch/key")"
check_eq "the key alone" \
  "auth||not enough for 'sshinv-bash': the server also wants password,keyboard-interactive; given: key" \
  "$(one sshinv-bash - -i "$scratch/key")"
check_eq "the password alone" \
  "auth||no way in for 'sshinv-bash': the server wants publickey; given: password" \
  "$(one sshinv-bash)"
check_eq "the key, and a password that is wrong" \
  "auth||password refused for 'sshinv-bash'" \
  "$(one sshinv-bash not-the-password -i "$scratch/key")"
sshd_start "UsePAM yes" "StrictModes no" \
  "AuthorizedKeysFile $scratch/authorized" \
  "AuthenticationMethods password,publickey"
check_eq "in the server's order" "ok|$me|" \
  "$(one sshinv-bash "$sshd_password" -i "$scratch/key" \
    --auth password,publickey)"
check_eq "in the other: the key is offered again when its turn comes" \
  "ok|$me|" "$(one sshinv-bash "$sshd_password" -i "$scratch/key")"
