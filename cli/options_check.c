#include "cli/options.h"

#include "cli/options_table.h"
#include "inventory/words.h"

#include <limits.h>
#include <string.h>

/* What belongs together, and what the texts of options mean. */

static bool check_format(struct options *options, struct err *err)
{
	const struct format *format = format_find(options->format_name);

	if (format == NULL)
		return err_set(err, ERR_INPUT, "there is no format '%s'",
		               options->format_name);
	options->format = format;
	columns_all(&options->columns);
	if (options->field_list != NULL) {
		if (!format->takes_columns)
			return err_set(err, ERR_INPUT,
			               "--fields goes with tsv, csv and json");
		if (!columns_parse(&options->columns, options->field_list, err))
			return err_prefix(err, "--fields");
	}
	if (options->header == HEADER_YES && format->header == NULL)
		return err_set(err, ERR_INPUT,
		               "--header goes with tsv and csv");
	options->with_header =
	    format->header != NULL && options->header != HEADER_NO &&
	    (options->header == HEADER_YES || format->header_by_default);
	return true;
}

static bool check_store(const struct options *options, struct err *err)
{
	const struct {
		unsigned given;
		const char *name;
	} needs[] = {
		{ options->store_password, "store-password" },
		{ options->adopt_table, "adopt-table" },
		{ options->resume, "resume" },
		{ options->only_failed, "only-failed" },
		{ options->no_spool, "no-spool" },
	};

	if (options->no_db == 0)
		return true;
	if (options->db != NULL)
		return err_set(err, ERR_INPUT,
		               "--db and --no-db exclude each other");
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (needs[i].given != 0)
			return err_set(
			    err, ERR_INPUT,
			    "--%s needs a store, and --no-db wants none",
			    needs[i].name);
	}
	return true;
}

static bool check_choice(const struct options *options, struct err *err)
{
	if (options->retry_file != NULL && options->output != NULL &&
	    strcmp(options->retry_file, options->output) == 0)
		return err_set(err, ERR_INPUT,
		               "--output and --retry-file name the same file");
	if (options->retry_file != NULL && options->retry_file[0] == '\0')
		return err_set(err, ERR_INPUT, "--retry-file names no file");
	if (options->retry_file != NULL &&
	    strcmp(options->retry_file, "-") == 0)
		return err_set(err, ERR_INPUT,
		               "--retry-file takes no '-' (a file of that name "
		               "is ./-)");
	if (options->resume && options->host_file == NULL)
		return err_set(err, ERR_INPUT, "--resume needs a host file");
	if (options->resume && strcmp(options->host_file, "-") == 0)
		return err_set(err, ERR_INPUT,
		               "--resume needs a host file: standard input "
		               "cannot be read again");
	return true;
}

static bool lists_read_input(const struct option_list *lists)
{
	for (size_t i = 0; i < lists->count; i++) {
		if (words_name_stdin(lists->items[i]))
			return true;
	}
	return false;
}

static bool is_input(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

bool options_read_input(const struct options *options)
{
	return is_input(options->host_file) || is_input(options->inventory) ||
	       lists_read_input(&options->targets) ||
	       lists_read_input(&options->exclude);
}

static bool check_password(const struct options *options, struct err *err)
{
	int sources = (options->ask_password != 0) +
	              (options->password_file != NULL) +
	              (options->password_fd != UINT_MAX) +
	              (options->password_env != NULL) +
	              (options->password_command != NULL);

	if (sources > 1)
		return err_set(err, ERR_INPUT,
		               "--ask-password and the --password-* options "
		               "exclude each other");
	/* The first host would be the password. */
	if (options_read_input(options) &&
	    (options->password_fd == 0 || is_input(options->password_file)))
		return err_set(
		    err, ERR_INPUT,
		    "standard input has the hosts, not the password");
	return true;
}

static bool take_way(struct options *options, const char *name, size_t length,
                     struct err *err)
{
	static const char *const names[LOGIN_WAYS] = {
		[LOGIN_KEYS] = "publickey",
		[LOGIN_AGENT] = "agent",
		[LOGIN_PASSWORD] = "password",
		[LOGIN_PROMPTS] = "keyboard-interactive",
	};

	for (int way = 0; way < LOGIN_WAYS; way++) {
		if (strlen(names[way]) != length ||
		    memcmp(names[way], name, length) != 0)
			continue;
		for (size_t i = 0; i < options->way_count; i++) {
			if (options->ways[i] == (enum login_way)way)
				return err_set(err, ERR_INPUT,
				               "--auth names %s twice",
				               names[way]);
		}
		options->ways[options->way_count++] = (enum login_way)way;
		return true;
	}
	return err_set(err, ERR_INPUT,
	               "--auth takes publickey, agent, password and "
	               "keyboard-interactive, not '%.*s'",
	               (int)length, name);
}

static bool check_auth(struct options *options, struct err *err)
{
	const char *name = options->auth;

	if (name == NULL)
		name = "publickey,agent,password,keyboard-interactive";
	for (;;) {
		size_t length = strcspn(name, ",");

		if (!take_way(options, name, length, err))
			return false;
		if (name[length] == '\0')
			return true;
		name += length + 1;
	}
}

static bool check_host_keys(struct options *options, struct err *err)
{
	static const char *const names[] = {
		[HOSTKEYS_ACCEPT_NEW] = "accept-new",
		[HOSTKEYS_STRICT] = "strict",
		[HOSTKEYS_OFF] = "off",
		[HOSTKEYS_DB] = "db",
	};
	const char *name =
	    options->host_keys != NULL ? options->host_keys : "accept-new";
	int mode = HOSTKEYS_ACCEPT_NEW;

	while (mode <= HOSTKEYS_DB && strcmp(names[mode], name) != 0)
		mode++;
	if (mode > HOSTKEYS_DB)
		return err_set(err, ERR_INPUT,
		               "--host-keys takes strict, accept-new, off or "
		               "db, not '%s'",
		               name);
	options->host_keys_mode = (enum hostkeys_mode)mode;
	if (mode == HOSTKEYS_DB && options->no_db)
		return err_set(err, ERR_INPUT,
		               "--host-keys db needs a store, and --no-db "
		               "wants none");
	if (mode == HOSTKEYS_OFF && options->known_hosts.count > 0)
		return err_set(err, ERR_INPUT,
		               "--known-hosts and --host-keys off exclude each "
		               "other");
	return true;
}

bool options_check(struct options *options, struct err *err)
{
	if (options->output != NULL && strcmp(options->output, "-") == 0)
		options->output = NULL; /* by the name that others give it */
	return check_format(options, err) && check_store(options, err) &&
	       check_choice(options, err) && check_password(options, err) &&
	       check_auth(options, err) && check_host_keys(options, err);
}
