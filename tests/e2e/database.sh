# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after lib.sh: a private MariaDB (or Oracle's MySQL where that is what
# is installed, or SSHINV_TEST_SERVER=mysqld asks for it) with its own data
# folder and port, an account and a database for sshinv. Its root account is
# reached through the socket, without a password.

db_user=inv
# Everything that would break out of SQL text, a DSN or an option file.
db_password='p@ss:w/rd"#%s'
db_password_in_dsn=p%40ss%3Aw%2Frd%22%23%25s
db_database=fleet
# For db_start. No test takes the machine's power away, only the server's: so it
# need not wait for the disk.
db_options=(--innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=2)

# Sets $db_kind. Folders that are not in everybody's PATH are looked into too.
db_need() {
  PATH=$PATH:/usr/sbin:/usr/local/sbin
  db_kind=${SSHINV_TEST_SERVER:-}
  if [ -z "$db_kind" ]; then
    db_kind=mysqld
    ! command -v mariadbd >/dev/null || db_kind=mariadbd
  fi
  need "$db_kind"
  case $db_kind in
    mariadbd) db_client=mariadb ;;
    *) db_client=mysql ;;
  esac
  need "$db_client"
}

# MariaDB runs as whoever starts it; Oracle's server refuses to be root.
db_run_as() {
  [ "$(id -u)" = 0 ] || return 0
  case $db_kind in
    mariadbd) echo --user=root ;;
    *) echo --user=mysql ;;
  esac
}

db_install() {
  local as
  as=$(db_run_as)
  if [ "$db_kind" = mariadbd ]; then
    # shellcheck disable=SC2086 # nothing, or one word
    mariadb-install-db --no-defaults --datadir="$db_dir/data" $as \
      --tmpdir="$db_dir/tmp" --auth-root-authentication-method=normal \
      --skip-test-db
    return
  fi
  mkdir "$db_dir/data"
  [ -z "$as" ] || chown -R mysql "$db_dir"
  # shellcheck disable=SC2086
  mysqld --no-defaults --initialize-insecure --datadir="$db_dir/data" $as
}

# db_start [SERVER OPTION]...: sets $db_port and $db_socket.
db_start() {
  local try
  db_dir=$(mktemp -d "$scratch/db.XXXXXX")
  chmod 711 "$db_dir"
  # Its own: a server that starts removes what others keep in a shared one.
  mkdir "$db_dir/tmp"
  db_socket=$db_dir/socket
  db_install >"$db_dir/install.log" 2>&1 ||
    give_up "no data folder: $(grep -iE 'error|cannot' "$db_dir/install.log")"
  for try in 1 2 3 4 5; do
    db_port=$(free_port)
    if db_try "$@"; then
      db_prepare
      return
    fi
    note "the server did not come up on port $db_port (try $try)"
  done
  give_up "$db_kind does not start: $(tail -n 5 "$db_dir/log")"
}

# One attempt; false when it ended instead of answering.
db_try() {
  local options=(--no-defaults --datadir="$db_dir/data"
    --socket="$db_socket" --port="$db_port" --bind-address=127.0.0.1
    --pid-file="$db_dir/pid" --tmpdir="$db_dir/tmp" --innodb-buffer-pool-size=32M)
  local as
  as=$(db_run_as)
  [ -z "$as" ] || options+=("$as")
  [ "$db_kind" = mariadbd ] || options+=(--mysqlx=0)
  "$db_kind" "${options[@]}" "$@" </dev/null >"$db_dir/log" 2>&1 &
  db_pid=$!
  undo_at_exit "stop_pid $db_pid"
  until db_sql 'select 1' >/dev/null 2>&1; do
    alive "$db_pid" || return 1
    sleep 0.05
  done
}

# All rights, since the store's tests drop and rename tables.
db_prepare() {
  db_sql "
    CREATE DATABASE $db_database CHARACTER SET utf8mb4;
    CREATE USER '$db_user'@'127.0.0.1' IDENTIFIED BY '$db_password';
    CREATE USER '$db_user'@'localhost' IDENTIFIED BY '$db_password';
    GRANT ALL ON $db_database.* TO '$db_user'@'127.0.0.1';
    GRANT ALL ON $db_database.* TO '$db_user'@'localhost';"
}

# As root: no column names, columns separated by tabs.
db_sql() {
  "$db_client" --no-defaults -u root -S "$db_socket" -N -B -e "$1"
}

# One row per line, columns separated by |, from sshinv's database.
db_rows() {
  "$db_client" --no-defaults -u root -S "$db_socket" -N -B -D "$db_database" \
    -e "$1" | tr '\t' '|'
}

# db_dsn [PARAMETERS]: without the password, which comes another way.
db_dsn() {
  echo "mysql://$db_user@127.0.0.1:$db_port/$db_database${1:+?$1}"
}

# Certificates in $db_dir's neighbour: an authority, a certificate for
# 127.0.0.1 and localhost, and an authority that signed nothing here.
db_certificates() {
  db_tls=$scratch/tls
  mkdir -m 711 "$db_tls"
  cat >"$db_tls/server.ext" <<'END'
subjectAltName = DNS:localhost, IP:127.0.0.1
END
  local ca
  for ca in ca other-ca; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=sshinv $ca" \
      -keyout "$db_tls/$ca.key" -out "$db_tls/$ca.pem"
  done
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
    -keyout "$db_tls/server.key" -out "$db_tls/server.csr"
  openssl x509 -req -in "$db_tls/server.csr" -days 2 -CA "$db_tls/ca.pem" \
    -CAkey "$db_tls/ca.key" -CAcreateserial -extfile "$db_tls/server.ext" \
    -out "$db_tls/server.pem"
  chmod 644 "$db_tls"/*
}

# The server options that use them.
db_tls_options() {
  echo "--ssl-ca=$db_tls/ca.pem --ssl-cert=$db_tls/server.pem" \
    "--ssl-key=$db_tls/server.key"
}
