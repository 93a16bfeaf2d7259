#include "sql/mysql_codes.h"

#include <stddef.h>

struct code {
	unsigned number;
	enum db_result result;
};

/* By number: the two libraries have different names for some, and none for
 * those of the other server. */
static const struct code codes[] = {
	{ 1020, DB_AGAIN },  /* record changed since it was read */
	{ 1021, DB_AGAIN },  /* the server's disk is full */
	{ 1037, DB_AGAIN },  /* the server has no memory */
	{ 1041, DB_AGAIN },  /* the same */
	{ 1114, DB_AGAIN },  /* the table is full: so InnoDB says disk full */
	{ 1205, DB_AGAIN },  /* lock wait timeout */
	{ 1206, DB_AGAIN },  /* no room for more locks */
	{ 1213, DB_AGAIN },  /* deadlock */
	{ 1317, DB_AGAIN },  /* statement killed */
	{ 1614, DB_AGAIN },  /* deadlock, in a distributed transaction */
	{ 1615, DB_AGAIN },  /* prepared statement needs to be re-prepared */
	{ 1969, DB_AGAIN },  /* statement took too long, MariaDB */
	{ 2008, DB_AGAIN },  /* the library has no memory */
	{ 3024, DB_AGAIN },  /* the same, MySQL */
	{ 3101, DB_AGAIN },  /* rolled back by the group at COMMIT */
	{ 1040, DB_GONE },   /* too many connections */
	{ 1047, DB_GONE },   /* Galera node not ready */
	{ 1053, DB_GONE },   /* server shutdown */
	{ 1080, DB_GONE },   /* connection closed by force */
	{ 1135, DB_GONE },   /* the server cannot make a thread */
	{ 1152, DB_GONE },   /* aborted connection */
	{ 1158, DB_GONE },   /* network: read */
	{ 1159, DB_GONE },   /* read timeout */
	{ 1160, DB_GONE },   /* write */
	{ 1161, DB_GONE },   /* write timeout */
	{ 1184, DB_GONE },   /* aborted while it logged in */
	{ 1203, DB_GONE },   /* too many connections of this user */
	{ 1226, DB_GONE },   /* a limit per hour */
	{ 1243, DB_GONE },   /* unknown statement handler */
	{ 1290, DB_GONE },   /* read-only: an old primary; connect anew */
	{ 1792, DB_GONE },   /* the same, in a transaction */
	{ 1836, DB_GONE },   /* the same */
	{ 1874, DB_GONE },   /* the same, InnoDB */
	{ 1927, DB_GONE },   /* connection was killed */
	{ 2001, DB_GONE },   /* no socket to be had: descriptors */
	{ 2002, DB_GONE },   /* cannot connect, socket */
	{ 2003, DB_GONE },   /* cannot connect, TCP */
	{ 2004, DB_GONE },   /* no socket to be had: descriptors */
	{ 2005, DB_GONE },   /* unknown host */
	{ 2006, DB_GONE },   /* server has gone away */
	{ 2012, DB_GONE },   /* no handshake */
	{ 2013, DB_GONE },   /* lost during a query */
	{ 2014, DB_GONE },   /* commands out of sync: begin anew */
	{ 2026, DB_GONE },   /* TLS: so Connector/C calls a lost connection */
	{ 2027, DB_GONE },   /* malformed packet: cut off */
	{ 2055, DB_GONE },   /* the same, with the system's error */
	{ 2056, DB_GONE },   /* statement of a connection that was lost */
	{ 3032, DB_GONE },   /* server is in offline mode */
	{ 3169, DB_GONE },   /* session was killed */
	{ 4031, DB_GONE },   /* disconnected for being idle */
	{ 1048, DB_DATA },   /* column cannot be null */
	{ 1062, DB_DATA },   /* a unique key of the user's making */
	{ 1153, DB_DATA },   /* packet too large, says the server */
	{ 1264, DB_DATA },   /* out of range */
	{ 1265, DB_DATA },   /* data truncated */
	{ 1292, DB_DATA },   /* incorrect value */
	{ 1300, DB_DATA },   /* invalid character string */
	{ 1366, DB_DATA },   /* incorrect string value */
	{ 1367, DB_DATA },   /* illegal value */
	{ 1406, DB_DATA },   /* too long */
	{ 1452, DB_DATA },   /* foreign key of the user's making */
	{ 1644, DB_DATA },   /* SIGNAL of a user's trigger */
	{ 2020, DB_DATA },   /* packet too large, says the library */
	{ 3140, DB_DATA },   /* invalid JSON */
	{ 3819, DB_DATA },   /* CHECK, MySQL */
	{ 3854, DB_DATA },   /* no such character in the column's set */
	{ 3988, DB_DATA },   /* the same, of a parameter: MySQL 8.0.22 on */
	{ 4025, DB_DATA },   /* CHECK, MariaDB */
	{ 1050, DB_EXISTS }, /* table */
	{ 1060, DB_EXISTS }, /* column */
	{ 1061, DB_EXISTS }, /* key */
	{ 1045, DB_DENIED }, /* access denied */
};

enum db_result mysql_meaning(unsigned number)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].number == number)
			return codes[i].result;
	}
	return DB_FAILED;
}
