#!/usr/bin/env bash
# ssl-mode means the same with every client library: against a server with a
# certificate of a small authority, and against one without TLS.
set -eu -o pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/database.sh
. "$root/tests/e2e/database.sh"

db_need
need openssl
db_certificates >"$scratch/openssl.log" 2>&1 ||
  give_up "no certificates: $(tail -n 3 "$scratch/openssl.log")"
export SSHINV_DB_PASSWORD=$db_password
: >"$scratch/hosts.txt"

# connects YES|NO PARAMETERS [HOST]: an empty host file reaches the store only.
connects() {
  local want=$1 got=yes
  sshinv --db "mysql://$db_user@${3:-127.0.0.1}:$db_port/$db_database?$2" \
    "$scratch/hosts.txt"
  [ "$status" = 0 ] || got=no
  check_eq "connects with $2" "$want" "$got"
}

note "a server with TLS"
read -ra options < <(db_tls_options)
# A second address, for which the certificate does not speak.
db_start "${options[@]}" --bind-address=127.0.0.1,127.0.0.2
ca=ssl-ca=$db_tls/ca.pem
other=ssl-ca=$db_tls/other-ca.pem
for mode in DISABLED PREFERRED REQUIRED; do
  # They ask nobody who the server is, whatever is named.
  connects yes "ssl-mode=$mode"
  connects yes "ssl-mode=$mode&$ca"
  connects yes "ssl-mode=$mode&$other"
  connects yes "ssl-mode=$mode&$ca" 127.0.0.2
done
connects yes "ssl-mode=VERIFY_CA&$ca"
connects no "ssl-mode=VERIFY_CA&$other"
connects no ssl-mode=VERIFY_CA
connects yes "ssl-mode=VERIFY_IDENTITY&$ca"
connects no ssl-mode=VERIFY_IDENTITY
# MariaDB's library cannot check the authority without the name: stricter.
of_oracle=no
case $(ldd "$program") in *libmysqlclient*) of_oracle=yes ;; esac
connects "$of_oracle" "ssl-mode=VERIFY_CA&$ca" 127.0.0.2
connects no "ssl-mode=VERIFY_IDENTITY&$ca" 127.0.0.2
connects no "ssl-mode=VERIFY_IDENTITY&$other"
note "an authority and no mode: it is asked"
connects yes "$ca"
connects no "$other"

note "an account that may log in by TLS only"
db_sql "ALTER USER '$db_user'@'127.0.0.1' REQUIRE SSL;
  ALTER USER '$db_user'@'localhost' REQUIRE SSL"
connects no ssl-mode=DISABLED
connects yes ssl-mode=PREFERRED
connects yes ssl-mode=REQUIRED
connects yes "ssl-mode=VERIFY_CA&$ca"
connects yes "ssl-mode=VERIFY_IDENTITY&$ca"
connects no "ssl-mode=VERIFY_IDENTITY&$other"
stop_pid "$db_pid"

note "a server without TLS"
case $db_kind in
  mariadbd) db_start --skip-ssl ;;
  *) db_start --tls-version= ;;
esac
connects yes ssl-mode=DISABLED
connects yes ssl-mode=PREFERRED
for authority in "$ca" "$other"; do
  connects yes "ssl-mode=PREFERRED&$authority"
  connects no "ssl-mode=REQUIRED&$authority"
  connects no "ssl-mode=VERIFY_CA&$authority"
  connects no "ssl-mode=VERIFY_IDENTITY&$authority"
  connects no "$authority"
done
connects no ssl-mode=REQUIRED

note "a mode that nobody knows"
sshinv --db "$(db_dsn ssl-mode=SOMETIMES)" "$scratch/hosts.txt"
check_eq "exit status" 2 "$status"
check_contains "what it may be" "VERIFY_IDENTITY" "$(cat "$err")"
