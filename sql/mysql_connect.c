#include "sql/mysql_connect.h"

#include "inventory/thread.h"
#include "sql/lock.h"
#include "sql/mysql_codes.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <errmsg.h>

/* Name service modules and TLS libraries are not made for a worker's stack. */
#define STACK_SIZE ((size_t)1024 * 1024)

static bool set_text(MYSQL *mysql, enum mysql_option option, const char *text)
{
	return text[0] == '\0' || mysql_options(mysql, option, text) == 0;
}

#if IS_CONNECTOR_C

/* Ways to log in that do not hand the password to whoever answers. */
static const char safe_plugins[] =
    "mysql_native_password,caching_sha2_password,sha256_password,"
    "client_ed25519,parsec,auth_gssapi_client";

/*
 * Connector/C knows two switches. ENFORCE means "where the server can", in
 * spite of its name: without TLS on the other side the connection is plain, and
 * open_checked() finds out. Only VERIFY_SERVER_CERT refuses to go on without.
 * It also compares the host's name, and there is no mode between the two: so
 * VERIFY_CA is VERIFY_IDENTITY here, stricter than asked for rather than open
 * to someone who takes TLS off the server's greeting.
 */
static bool set_tls(MYSQL *mysql, const struct server *server)
{
	/* As Oracle's library: a Unix socket needs no encryption. */
	bool wants = server->tls > TLS_PREFERRED ||
	             (server->tls == TLS_PREFERRED && !server_is_local(server));
	mysql_flag enforce = wants ? 1 : 0;
	mysql_flag verify = server->tls >= TLS_VERIFY_CA ? 1 : 0;

	return mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
	                     &verify) == 0 &&
	       (verify || mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
	                                safe_plugins) == 0);
}

#else

static bool set_tls(MYSQL *mysql, const struct server *server)
{
	static const unsigned modes[] = {
		[TLS_DISABLED] = SSL_MODE_DISABLED,
		[TLS_PREFERRED] = SSL_MODE_PREFERRED,
		[TLS_REQUIRED] = SSL_MODE_REQUIRED,
		[TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
		[TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
	};
	/* What caching_sha2_password needs where TLS does not hide the
	 * password. Connector/C asks for it unbidden. */
	bool key = server->tls <= TLS_PREFERRED;

	return mysql_options(mysql, MYSQL_OPT_SSL_MODE, &modes[server->tls]) ==
	           0 &&
	       mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &key) == 0;
}

#endif

static bool set_certificates(MYSQL *mysql, const struct server *server)
{
	if (server->tls == TLS_DISABLED)
		return true;
	if (!set_text(mysql, MYSQL_OPT_SSL_CERT, server->ssl_cert) ||
	    !set_text(mysql, MYSQL_OPT_SSL_KEY, server->ssl_key))
		return false;
	/* A library that is given an authority asks it, whatever the mode. */
	return server->tls < TLS_VERIFY_CA ||
	       (set_text(mysql, MYSQL_OPT_SSL_CA, server->ssl_ca) &&
	        set_text(mysql, MYSQL_OPT_SSL_CAPATH, server->ssl_capath));
}

static bool set_options(MYSQL *mysql, const struct server *server,
                        unsigned timeout_s)
{
	/* The option alone is not enough: Oracle's library asks for a collation
	 * of MySQL 8, and MariaDB then goes on in latin1. */
	static const char names[] = "SET NAMES utf8mb4";
	/* Strict, so that a value is refused and never bent. */
	static const char session[] =
	    "SET SESSION time_zone = '+00:00', autocommit = 1, sql_mode = "
	    "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";
	unsigned connect_timeout = server->connect_timeout_s < timeout_s
	                               ? server->connect_timeout_s
	                               : timeout_s;
	unsigned tcp = MYSQL_PROTOCOL_TCP;
	unsigned no_files = 0;

	return mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT,
	                     &connect_timeout) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout_s) == 0 &&
	       mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &timeout_s) == 0 &&
	       mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4") == 0 &&
	       mysql_options(mysql, MYSQL_INIT_COMMAND, names) == 0 &&
	       mysql_options(mysql, MYSQL_INIT_COMMAND, session) == 0 &&
	       /* A server must not be able to ask for files of ours. */
	       mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files) == 0 &&
	       mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
	                      "sshinv") == 0 &&
	       (server_is_local(server) ||
	        mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp) == 0) &&
	       set_tls(mysql, server) && set_certificates(mysql, server);
}

static enum db_result failure(MYSQL *mysql, const struct server *server,
                              struct err *err)
{
	unsigned number = mysql_errno(mysql);

	if (IS_CONNECTOR_C && server->tls == TLS_VERIFY_CA &&
	    number == CR_SSL_CONNECTION_ERROR)
		err_set(err, ERR_STORE,
		        "%s (%u; with this client library VERIFY_CA compares "
		        "the host's name too)",
		        mysql_error(mysql), number);
	else
		err_set(err, ERR_STORE, "%s (%u)", mysql_error(mysql), number);
	return mysql_meaning(number);
}

static enum db_result open_checked(MYSQL *mysql, const struct server *server,
                                   struct err *err)
{
	bool local = server_is_local(server);
	const char *user = server->user[0] != '\0' ? server->user : NULL;
	const char *socket =
	    local && server->socket[0] != '\0' ? server->socket : NULL;

	if (mysql_real_connect(mysql, server->host, user, server->password,
	                       server->database,
	                       server->port != 0 ? server->port : SERVER_PORT,
	                       socket, 0) == NULL)
		return failure(mysql, server, err);
	if (server->tls >= TLS_REQUIRED &&
	    mysql_get_ssl_cipher(mysql) == NULL) {
		err_set(err, ERR_STORE,
		        "the connection is not encrypted, and ssl-mode asks "
		        "for it");
		return DB_FAILED;
	}
	return DB_OK;
}

const char mysql_waits_briefly[] =
    "SET SESSION innodb_lock_wait_timeout = 2, lock_wait_timeout = 2";

static enum db_result log_in(MYSQL **out, const struct server *server,
                             unsigned timeout_s, bool briefly, struct err *err)
{
	MYSQL *mysql = mysql_init(NULL);
	enum db_result result;

	if (mysql == NULL) {
		err_set(err, ERR_STORE, "out of memory");
		return DB_AGAIN;
	}
	if (set_options(mysql, server, timeout_s))
		result = open_checked(mysql, server, err);
	else
		result = failure(mysql, server, err);
	if (result == DB_OK && briefly)
		(void)mysql_query(mysql, mysql_waits_briefly);
	if (result == DB_OK)
		*out = mysql;
	else
		mysql_close(mysql);
	return result;
}

/* One thread that logs in. */
struct attempt {
	struct server server; /* its own: it may outlive the store's */
	unsigned timeout_s;
	bool briefly;
	pthread_t thread;
	int through_fd; /* readable: the result is there */
	/* For who joined the thread. */
	MYSQL *mysql;
	enum db_result result;
	struct err err;
	/* Guarded by the mutex below. */
	bool through;
	bool left;     /* nobody waits for the result any more */
	bool finished; /* it is out of the library, and looks here no more */
	bool detached; /* nobody will join it */
	struct attempt *next;
};

/* Those that were left to themselves: few, for each stands for a long wait. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct attempt *left_behind;

static void *attempt_run(void *arg)
{
	static const uint64_t one = 1;
	struct attempt *attempt = arg;
	ssize_t written;
	bool left;

	mysql_thread_init();
	attempt->result =
	    log_in(&attempt->mysql, &attempt->server, attempt->timeout_s,
	           attempt->briefly, &attempt->err);
	server_forget_password(&attempt->server);
	mutex_lock(&mutex);
	attempt->through = true;
	left = attempt->left;
	mutex_unlock(&mutex);
	if (left && attempt->mysql != NULL)
		mysql_close(attempt->mysql);
	mysql_thread_end();
	written = write(attempt->through_fd, &one, sizeof(one));
	assert(written == sizeof(one));
	mutex_lock(&mutex);
	attempt->finished = true;
	mutex_unlock(&mutex);
	return NULL;
}

/* NULL where there is no memory, descriptor or thread for it. */
static struct attempt *attempt_start(const struct server *server,
                                     unsigned timeout_s, bool briefly)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL)
		return NULL;
	attempt->server = *server;
	attempt->timeout_s = timeout_s;
	attempt->briefly = briefly;
	attempt->through_fd = eventfd(0, EFD_CLOEXEC);
	if (attempt->through_fd >= 0 &&
	    thread_start(&attempt->thread, STACK_SIZE, attempt_run, attempt) ==
	        0)
		return attempt;
	if (attempt->through_fd >= 0)
		close(attempt->through_fd);
	server_forget_password(&attempt->server);
	free(attempt);
	return NULL;
}

/* Its thread is at its end, or nearly so. */
static void attempt_join(struct attempt *attempt)
{
	int failed = pthread_join(attempt->thread, NULL);

	assert(failed == 0);
	close(attempt->through_fd);
}

/* False: it is through already. */
static bool attempt_leave(struct attempt *attempt)
{
	bool left;

	mutex_lock(&mutex);
	left = !attempt->through;
	attempt->left = left;
	if (left) {
		attempt->next = left_behind;
		left_behind = attempt;
	}
	mutex_unlock(&mutex);
	return left;
}

/* Frees those that came to their end after all. Returns whether others are
 * there still. */
static bool forget_finished(void)
{
	struct attempt *finished = NULL;
	struct attempt **at = &left_behind;
	bool others;

	mutex_lock(&mutex);
	while (*at != NULL) {
		struct attempt *attempt = *at;

		if (!attempt->finished) {
			at = &attempt->next;
			continue;
		}
		*at = attempt->next;
		attempt->next = finished;
		finished = attempt;
	}
	others = left_behind != NULL;
	mutex_unlock(&mutex);
	while (finished != NULL) {
		struct attempt *next = finished->next;

		if (finished->detached)
			close(finished->through_fd);
		else
			attempt_join(finished);
		free(finished);
		finished = next;
	}
	return others;
}

enum db_result mysql_log_in(MYSQL **mysql, const struct server *server,
                            unsigned timeout_s, bool briefly,
                            const struct wait *wait, struct err *err)
{
	struct attempt *attempt;
	enum db_result result;
	struct err over;

	forget_finished();
	attempt = attempt_start(server, timeout_s, briefly);
	if (attempt == NULL)
		return log_in(mysql, server, timeout_s, briefly, err);
	if (!wait_ready(wait, attempt->through_fd, POLLIN, &over) &&
	    attempt_leave(attempt)) {
		*err = over;
		if (over.kind != ERR_CANCELLED)
			err->kind = ERR_STORE;
		return DB_GONE;
	}
	attempt_join(attempt);
	result = attempt->result;
	if (result == DB_OK)
		*mysql = attempt->mysql;
	else
		*err = attempt->err;
	free(attempt);
	return result;
}

bool mysql_log_in_end(void)
{
	if (!forget_finished())
		return true;
	/* The process may end before they do. */
	mutex_lock(&mutex);
	for (struct attempt *at = left_behind; at != NULL; at = at->next) {
		int failed = at->detached ? 0 : pthread_detach(at->thread);

		assert(failed == 0);
		at->detached = true;
	}
	mutex_unlock(&mutex);
	return false;
}
