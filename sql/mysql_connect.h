#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"
#include "sql/backend.h"
#include "sql/server.h"

#include <stdbool.h>

#include <mysql.h>

/*
 * One source for two libraries: MariaDB's Connector/C and Oracle's
 * libmysqlclient. Their version numbers say nothing about each other, so that
 * what differs is asked for by the library's own macro or by a check of
 * CMake's (SQL_HAVE_NAMED_PARAM).
 */
#if defined(MARIADB_PACKAGE_VERSION) || defined(MARIADB_BASE_VERSION)
#define IS_CONNECTOR_C 1
typedef my_bool mysql_flag;
#else
#define IS_CONNECTOR_C 0
typedef bool mysql_flag;
#endif

/*
 * Connects, logs in and sets the session up. The libraries do so in one call
 * that nothing can interrupt (a name server, a server that accepts and is
 * silent): so it is made by a thread of its own, with its own copy of the
 * settings. When the wait is over first, the thread is left to itself, and what
 * it comes to is thrown away. Where the system refuses a thread, the caller's
 * makes the call, and the library's timeouts bound it.
 *
 * timeout_s is for each read and write, and bounds the connect timeout. briefly
 * has the session wait for others' locks as mysql_waits_briefly says.
 *
 * DB_GONE with ERR_CANCELLED when the run ends, with ERR_STORE when there was
 * no answer in time. On DB_OK the caller ends *mysql with mysql_close().
 */
enum db_result mysql_log_in(MYSQL **mysql, const struct server *server,
                            unsigned timeout_s, bool briefly,
                            const struct wait *wait, struct err *err);

/* The statement that has a session wait for locks of others, of rows and of
 * tables, for two seconds. A server that does not take it waits as long as it
 * was told to, a day for those of tables. */
extern const char mysql_waits_briefly[];

/* At the end. False: a thread that was left to itself is still in the library,
 * which must not be ended then. */
bool mysql_log_in_end(void);
