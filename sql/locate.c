#include "sql/locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sql/optionfile.h"

static void warn(const struct store_settings *settings, const char *text)
{
	if (settings->warn)
		settings->warn(settings->warn_arg, text);
}

/* NULL for a variable that is not set or empty. */
static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

static bool read_options(struct optionfile *options,
                         const struct store_settings *settings, struct err *err)
{
	const char *home = variable("HOME");
	const char *paths[3] = { "/etc/my.cnf", "/etc/mysql/my.cnf" };
	size_t count = 2;
	char own[DSN_PATH_SIZE];
	int length;

	if (home) {
		length = snprintf(own, sizeof(own), "%s/.my.cnf", home);
		if (length > 0 && (size_t)length < sizeof(own))
			paths[count++] = own;
	}
	return optionfile_read(options, paths, count, settings->warn,
	                       settings->warn_arg, err);
}

/* Takes it over the one of the option files, and out of the environment, where
 * others of this user and our own children could read it. */
static bool take_password(struct server *server, struct err *err)
{
	static const char name[] = "SSHINV_DB_PASSWORD";
	char *value = secure_getenv(name);
	enum server_set result;

	if (!value)
		return true;
	result = server_set(server, "password", strlen("password"), value,
	                    strlen(value), err);
	explicit_bzero(value, strlen(value));
	unsetenv(name); /* NOLINT(concurrency-mt-unsafe): no threads yet */
	return result == SERVER_SET || err_prefix(err, "%s", name);
}

/* mkdir -p for the folder of a file; what is new is its owner's alone. */
static bool make_folders(char *path, struct err *err)
{
	for (char *slash = strchr(path + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = '\0';
		failed = mkdir(path, 0700) != 0 && errno != EEXIST ? errno : 0;
		if (failed != 0)
			err_errno(err, ERR_STORE, failed,
			          "cannot create the folder %s", path);
		*slash = '/';
		if (failed != 0)
			return false;
	}
	return true;
}

static bool locate_default(struct dsn *dsn, struct err *err)
{
	const char *data = variable("XDG_DATA_HOME");
	const char *home = variable("HOME");
	const size_t size = sizeof(dsn->path);
	int length;

	dsn->kind = DSN_SQLITE;
	/* The standard has relative paths there ignored. */
	if (data && data[0] == '/')
		length =
		    snprintf(dsn->path, size, "%s/sshinv/inventory.db", data);
	else if (home)
		length = snprintf(dsn->path, size,
		                  "%s/.local/share/sshinv/inventory.db", home);
	else
		return err_set(err, ERR_STORE,
		               "no place for the inventory: HOME is not set; "
		               "name one with --db, or use --no-db");
	if (length < 0 || (size_t)length >= size)
		return err_set(err, ERR_STORE,
		               "the path of the inventory is too long");
	return make_folders(dsn->path, err);
}

static bool complete(struct dsn *dsn, const struct optionfile *options,
                     struct err *err)
{
	server_merge(&dsn->server, &options->server);
	return server_finish(&dsn->server, err);
}

static bool locate_named(struct dsn *dsn, const char *text, const char *source,
                         struct optionfile *options,
                         const struct store_settings *settings, struct err *err)
{
	if (!dsn_parse(dsn, text, err))
		return err_prefix(err, "%s", source);
	if (dsn->kind == DSN_SQLITE)
		return true;
	if (dsn->server.has_password)
		warn(settings,
		     "the database password is in the DSN, where "
		     "others may see it; better in SSHINV_DB_PASSWORD "
		     "or ~/.my.cnf");
	return read_options(options, settings, err) &&
	       take_password(&options->server, err) &&
	       complete(dsn, options, err);
}

static bool locate_unnamed(struct dsn *dsn, struct optionfile *options,
                           const struct store_settings *settings,
                           struct err *err)
{
	if (!read_options(options, settings, err))
		return false;
	if (!options->names_server)
		return locate_default(dsn, err);
	dsn->kind = DSN_MYSQL;
	return take_password(&options->server, err) &&
	       complete(dsn, options, err);
}

bool store_locate(struct dsn *dsn, const struct store_settings *settings,
                  struct err *err)
{
	const char *variable_dsn = variable("SSHINV_DB");
	struct optionfile *options = calloc(1, sizeof(*options));
	bool ok;

	memset(dsn, 0, sizeof(*dsn));
	if (!options)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (settings->dsn)
		ok = locate_named(dsn, settings->dsn, "--db", options, settings,
		                  err);
	else if (variable_dsn)
		ok = locate_named(dsn, variable_dsn, "SSHINV_DB", options,
		                  settings, err);
	else
		ok = locate_unnamed(dsn, options, settings, err);
	server_forget_password(&options->server);
	free(options);
	return ok;
}
