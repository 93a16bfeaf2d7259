#include "cli/options.h"

#include "cli/options_table.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long() returns this plus the index of an option. */
#define LONG_BASE 256

static const struct {
	const char *name;
	enum verb verb;
} verbs[] = { { "scan", VERB_SCAN }, { "replay", VERB_REPLAY } };

bool duration_parse(const char *text, unsigned *ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1000 },
		      { "ms", 1 },
		      { "s", 1000 },
		      { "m", 60000 },
		      { "h", 3600000 } };
	char *end;
	double number;

	/* strtod() would take blanks, signs, "inf", hexadecimals and exponents:
	 * it must end where the digits do. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	number = strtod(text, &end);
	if (end != text + strspn(text, "0123456789."))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		number *= units[i].ms;
		if (number > 1e9)
			return false;
		*ms = (unsigned)(number + 0.5);
		return true;
	}
	return false;
}

static bool number_parse(const char *text, unsigned *number)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > 1000000000)
		return false;
	*number = (unsigned)value;
	return true;
}

static bool add_to_list(struct options *options, const struct option_def *def,
                        const char *value, struct err *err)
{
	struct option_list *list = (void *)((char *)options + def->field);

	if (list->count == OPTION_LIST_MAX)
		return err_set(err, ERR_INPUT, "--%s is there over %d times",
		               def->name, OPTION_LIST_MAX);
	list->items[list->count++] = value;
	return true;
}

static bool store_value(struct options *options, const struct option_def *def,
                        const char *value, struct err *err)
{
	char *field = (char *)options + def->field;
	unsigned number = def->minimum;

	switch (def->kind) {
	case OPT_TEXT:
		memcpy(field, &value, sizeof(value));
		return true;
	case OPT_LIST:
		return add_to_list(options, def, value, err);
	case OPT_SET:
		break;
	case OPT_COUNT:
		memcpy(&number, field, sizeof(number));
		number++;
		break;
	case OPT_NUMBER:
		if (!number_parse(value, &number) || number < def->minimum ||
		    number > def->maximum)
			return err_set(err, ERR_INPUT,
			               "--%s takes a number from %u to %u",
			               def->name, def->minimum, def->maximum);
		break;
	case OPT_SECONDS:
		if (!duration_parse(value, &number) || number < def->minimum ||
		    number > def->maximum)
			return err_set(err, ERR_INPUT,
			               "--%s takes seconds (5, 0.5, 500ms, 2m) "
			               "from %g to %g",
			               def->name, def->minimum / 1000.0,
			               def->maximum / 1000.0);
		break;
	}
	memcpy(field, &number, sizeof(number));
	return true;
}

static void set_defaults(struct options *options)
{
	*options = (struct options){ .format_name = "text" };
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const struct option_def *def = &option_defs[i];

		if (def->kind == OPT_NUMBER || def->kind == OPT_SECONDS)
			memcpy((char *)options + def->field, &def->initial,
			       sizeof(def->initial));
	}
}

/* The table in the form that getopt_long() wants. */
static void make_getopt(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const struct option_def *def = &option_defs[i];

		longs[i] = (struct option){
			.name = def->name,
			.has_arg = def->value != NULL ? required_argument
			                              : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (def->letter == 0)
			continue;
		*shorts++ = def->letter;
		if (def->value != NULL)
			*shorts++ = ':';
	}
	longs[OPTIONS_COUNT] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct option_def *def_of(int got)
{
	if (got >= LONG_BASE)
		return &option_defs[got - LONG_BASE];
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		if (option_defs[i].letter == got)
			return &option_defs[i];
	}
	return NULL;
}

static bool not_an_option(int got, char **argv, struct err *err)
{
	const char *word;

	/* For a long option optopt is 0 or ours, and the word stands before
	 * optind; letters may stand together in one word. */
	if (optopt > 0 && optopt < LONG_BASE)
		return err_set(err, ERR_INPUT,
		               got == ':' ? "option -%c needs a value"
		                          : "there is no option -%c",
		               optopt);
	/* What follows a '=' may be a DSN with a password. */
	word = argv[optind - 1];
	return err_set(err, ERR_INPUT,
	               got == ':' ? "option %.*s needs a value"
	                          : "option %.*s is unknown, not unique, or "
	                            "takes no value",
	               (int)strcspn(word, "="), word);
}

static bool goes_with_any_verb(const struct option_def *def)
{
	static const char *const names[] = { "db",      "db-timeout", "quiet",
		                             "verbose", "version",    "help" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(def->name, names[i]) == 0)
			return true;
	}
	return false;
}

/* *scans is the first option that goes with scan alone, or NULL. */
static bool parse_words(struct options *options, int argc, char **argv,
                        const struct option_def **scans, struct err *err)
{
	struct option longs[OPTIONS_COUNT + 1];
	char shorts[2 * OPTIONS_COUNT + 2];
	int got;

	make_getopt(longs, shorts);
	optind = 0; /* glibc: begin anew, as the tests do many times */
	opterr = 0;
	/* The only call, before the first thread. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_def *def = def_of(got);

		if (got == '?' || got == ':' || def == NULL)
			return not_an_option(got, argv, err);
		if (!store_value(options, def, optarg, err))
			return false;
		if (!goes_with_any_verb(def) && *scans == NULL)
			*scans = def;
	}
	return true;
}

/* The first word that is no option may be a verb; a host file of that name is
 * ./NAME. */
static int take_verb(struct options *options, const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word, verbs[i].name) != 0)
			continue;
		options->verb = verbs[i].verb;
		return 1;
	}
	return 0;
}

static bool take_spool(struct options *options, int words, char **word,
                       const struct option_def *scans, struct err *err)
{
	if (words != 1)
		return err_set(err, ERR_INPUT,
		               words < 1 ? "which spool?" : "one spool, not %d",
		               words);
	if (scans != NULL)
		return err_set(err, ERR_INPUT, "--%s does not go with replay",
		               scans->name);
	options->spool = word[0];
	return true;
}

static bool take_file(struct options *options, int words, char **word,
                      const struct option_def *scans, struct err *err)
{
	int verb = words > 0 ? take_verb(options, word[0]) : 0;

	words -= verb;
	word += verb;
	if (options->verb == VERB_REPLAY)
		return take_spool(options, words, word, scans, err);
	if (words > 1)
		return err_set(err, ERR_INPUT, "one host file, not %d", words);
	if (words == 1)
		options->host_file = word[0];
	else if (options->targets.count == 0 && options->inventory == NULL)
		return err_set(err, ERR_INPUT,
		               "which hosts? (a host file, -w or --inventory)");
	return true;
}

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
	if (options->resume && options->host_file == NULL)
		return err_set(err, ERR_INPUT, "--resume needs a host file");
	if (options->resume && strcmp(options->host_file, "-") == 0)
		return err_set(err, ERR_INPUT,
		               "--resume needs a host file: standard input "
		               "cannot be read again");
	return true;
}

/* Their secrets would be anybody's guess. */
static bool check_password(const struct options *options, struct err *err)
{
	int sources = (options->ask_password != 0) +
	              (options->password_file != NULL) +
	              (options->password_fd != UINT_MAX) +
	              (options->password_env != NULL) +
	              (options->password_command != NULL);

	return sources <= 1 ||
	       err_set(err, ERR_INPUT,
	               "--ask-password and the --password-* options exclude "
	               "each other");
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
	if (mode >= HOSTKEYS_OFF && options->known_hosts.count > 0)
		return err_set(err, ERR_INPUT,
		               "--known-hosts goes with strict and accept-new");
	return true;
}

bool options_parse(struct options *options, int argc, char **argv,
                   struct err *err)
{
	const struct option_def *scans = NULL;

	set_defaults(options);
	if (!parse_words(options, argc, argv, &scans, err))
		return false;
	if (options->help || options->version || options->print_schema != NULL)
		return true;
	if (!take_file(options, argc - optind, argv + optind, scans, err))
		return false;
	if (options->quiet && options->verbose > 0)
		return err_set(err, ERR_INPUT,
		               "--quiet and --verbose exclude each other");
	if (options->verb == VERB_REPLAY)
		return true;
	return check_format(options, err) && check_store(options, err) &&
	       check_choice(options, err) && check_password(options, err) &&
	       check_auth(options, err) && check_host_keys(options, err);
}

static void help_line(FILE *to, const struct option_def *def)
{
	const char *heading = option_heading(def);
	char words[40];

	if (heading != NULL)
		fprintf(to, "\n%s:\n", heading);
	snprintf(words, sizeof(words), "%s%s%s", def->name,
	         def->value != NULL ? " " : "",
	         def->value != NULL ? def->value : "");
	if (def->letter != 0)
		fprintf(to, "  -%c, --%-22s %s", def->letter, words, def->help);
	else
		fprintf(to, "      --%-22s %s", words, def->help);
	if (def->kind == OPT_NUMBER && def->initial != 0 &&
	    def->initial != UINT_MAX)
		fprintf(to, " (default %u)", def->initial);
	if (def->kind == OPT_SECONDS && def->initial > 0)
		fprintf(to, " (default %g)", def->initial / 1000.0);
	fputc('\n', to);
}

void options_help(FILE *to)
{
	fputs("Usage: sshinv [scan] [OPTION]... HOSTFILE\n"
	      "       sshinv [scan] [OPTION]... -w LIST\n"
	      "       sshinv replay [OPTION]... SPOOL\n"
	      "Log in to every host of HOSTFILE ('-': standard input), whose "
	      "lines are\n"
	      "'ADDRESS USER PASSWORD [user=, key=, port=, name=, group=]', "
	      "ask it for its\n"
	      "hostname, store the result and print a line. 'replay' brings "
	      "the results of a\n"
	      "run that had lost its database into it (--db, --db-timeout, "
	      "-q, -v).\n",
	      to);
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		help_line(to, &option_defs[i]);
	fputs("\nS is in seconds: 5, 0.5, 500ms, 2m. The formats are:\n", to);
	for (size_t i = 0; i < formats_count; i++)
		fprintf(to, "  %-16s %s\n", formats[i]->name, formats[i]->help);
	fputs("The fields are:\n", to);
	for (size_t i = 0; i < fields_count; i++)
		fprintf(to, "  %-16s %s\n", fields[i].name, fields[i].help);
	fputs(
	    "\nExit status: 0 every host ok, 1 internal error, 2 usage or bad "
	    "lines, 3 a host\n"
	    "timed out, 4 a host could not be reached or logged in to, 5 a "
	    "command failed,\n"
	    "6 results could not be stored, 129, 130, 143 ended by a "
	    "signal.\n",
	    to);
}
