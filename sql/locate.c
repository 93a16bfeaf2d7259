#include "sql/locate.h"

#include "sql/optionfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the DSN may leave out, what goes first first. */
struct sources {
	struct server variable; /* its password alone */
	struct optionfile options;
};

static void warn(const struct store_settings *settings, const char *text)
{
	if (settings->warn != NULL)
		settings->warn(settings->warn_arg, text);
}

/* NULL for a variable that is not set or empty. */
static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool read_options(struct optionfile *options,
                         const struct store_settings *settings, struct err *err)
{
	const char *home = variable("HOME");
	const char *paths[3] = { "/etc/my.cnf", "/etc/mysql/my.cnf" };
	size_t count = 2;
	char own[DSN_PATH_SIZE];
	int length;

	if (home != NULL) {
		length = snprintf(own, sizeof(own), "%s/.my.cnf", home);
		if (length > 0 && (size_t)length < sizeof(own))
			paths[count++] = own;
	}
	return optionfile_read(options, paths, count, settings->warn,
	                       settings->warn_arg, err);
}

static const char password_variable[] = "SSHINV_DB_PASSWORD";

void store_forget_password(void)
{
	char *value = secure_getenv(password_variable);

	if (value == NULL)
		return;
	explicit_bzero(value, strlen(value));
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
	unsetenv(password_variable);
}

static bool take_password(struct server *server, struct err *err)
{
	const char *value = secure_getenv(password_variable);
	enum server_set result = SERVER_SET;

	if (value != NULL && value[0] != '\0')
		result = server_set(server, "password", strlen("password"),
		                    value, strlen(value), err);
	store_forget_password();
	return result == SERVER_SET || err_prefix(err, "%s", password_variable);
}

bool locate_make_folders(char *path, struct err *err)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
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

/* NULL for one that is no absolute path: the standard has those ignored. */
static const char *folder_variable(const char *name)
{
	const char *value = variable(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

bool locate_file(const struct place *place, const char *name, char *path,
                 size_t size, struct err *err)
{
	const char *folder = folder_variable(place->variable);
	const char *home = folder_variable("HOME");
	int length;

	if (folder == NULL && home == NULL)
		return err_set(
		    err, ERR_STORE, "no place for %s: HOME is not set%s%s",
		    place->what, place->advice[0] != '\0' ? "; " : "",
		    place->advice);
	length =
	    snprintf(path, size, "%s%s%s/sshinv/%s",
	             folder != NULL ? folder : home, folder != NULL ? "" : "/",
	             folder != NULL ? "" : place->below_home, name);
	return (length > 0 && (size_t)length < size) ||
	       err_set(err, ERR_STORE, "the path of %s is too long",
	               place->what);
}

static bool locate_default(struct dsn *dsn, struct err *err)
{
	static const struct place place = {
		.what = "the inventory",
		.variable = "XDG_DATA_HOME",
		.below_home = ".local/share",
		.advice = "name one with --db, or use --no-db",
	};

	dsn->kind = DSN_SQLITE;
	return locate_file(&place, "inventory.db", dsn->path, sizeof(dsn->path),
	                   err) &&
	       locate_make_folders(dsn->path, err);
}

static bool complete(struct dsn *dsn, const struct sources *sources,
                     struct err *err)
{
	server_merge(&dsn->server, &sources->variable);
	server_merge(&dsn->server, &sources->options.server);
	return server_finish(&dsn->server, err);
}

static bool locate_named(struct dsn *dsn, const char *text, const char *source,
                         struct sources *sources,
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
	return read_options(&sources->options, settings, err) &&
	       complete(dsn, sources, err);
}

static bool locate_unnamed(struct dsn *dsn, struct sources *sources,
                           const struct store_settings *settings,
                           struct err *err)
{
	if (!read_options(&sources->options, settings, err))
		return false;
	if (!sources->options.names_server)
		return locate_default(dsn, err);
	dsn->kind = DSN_MYSQL;
	return complete(dsn, sources, err);
}

bool store_locate(struct dsn *dsn, const struct store_settings *settings,
                  struct err *err)
{
	const char *variable_dsn = variable("SSHINV_DB");
	struct sources *sources = calloc(1, sizeof(*sources));
	bool ok;

	memset(dsn, 0, sizeof(*dsn));
	if (sources == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (!take_password(&sources->variable, err))
		ok = false;
	else if (settings->dsn != NULL)
		ok = locate_named(dsn, settings->dsn, "--db", sources, settings,
		                  err);
	else if (variable_dsn != NULL)
		ok = locate_named(dsn, variable_dsn, "SSHINV_DB", sources,
		                  settings, err);
	else
		ok = locate_unnamed(dsn, sources, settings, err);
	server_forget_password(&sources->variable);
	server_forget_password(&sources->options.server);
	free(sources);
	return ok;
}
