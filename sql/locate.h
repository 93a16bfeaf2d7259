#pragma once

#include "inventory/err.h"
#include "sql/dsn.h"
#include "sql/store.h"

/*
 * Finds the store: settings->dsn, else SSHINV_DB, else a [sshinv] group in the
 * option files /etc/my.cnf, /etc/mysql/my.cnf and ~/.my.cnf that names a host
 * or a database, else the SQLite file $XDG_DATA_HOME/sshinv/inventory.db
 * (~/.local/share where that is unset), whose folders are made.
 *
 * For MySQL, what the DSN leaves out comes from the option files, and the
 * password before that from SSHINV_DB_PASSWORD. That one is taken out of the
 * environment whatever the store is: so this is called before there are
 * threads.
 *
 * The caller ends *dsn with dsn_wipe() either way.
 */
bool store_locate(struct dsn *dsn, const struct store_settings *settings,
                  struct err *err);

/* Where the XDG standard has files of ours: $variable/sshinv/name, else
 * $HOME/below_home/sshinv/name. The sentence that says there is no such place
 * names what, and ends with the advice, "" for none. */
struct place {
	const char *what, *variable, *below_home, *advice;
};

/* Makes nothing. ERR_STORE where neither is set to an absolute path, or the
 * path is too long. */
bool locate_file(const struct place *place, const char *name, char *path,
                 size_t size, struct err *err);

/* mkdir -p for the folder of a file; what is new is its owner's alone. path is
 * as it was afterwards. */
bool locate_make_folders(char *path, struct err *err);
