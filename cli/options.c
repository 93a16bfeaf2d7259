#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_kind {
	OPT_SET,     /* takes no value, stores .value */
	OPT_COUNT,   /* takes no value, counts how often */
	OPT_NUMBER,  /* minimum to maximum */
	OPT_SECONDS, /* likewise, in milliseconds */
	OPT_TEXT
};

struct option_def {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	const char *value;         /* what --help calls it; NULL takes none */
	size_t field;              /* in struct options */
	unsigned minimum, maximum; /* OPT_SET: minimum is what it stores */
	unsigned initial;
	enum { SCAN, ANY_VERB } verbs; /* that it goes with */
	const char *help; /* a range and a default are written after it */
};

#define FIELD(name) offsetof(struct options, name)

/* clang-format off */
static const struct option_def option_defs[] = {
	{ "fanout", 'f', OPT_NUMBER, "N", FIELD(fanout), 1, 4096, 64, SCAN,
	  "hosts in flight" },
	{ "port", 'p', OPT_NUMBER, "N", FIELD(port), 1, 65535, 22, SCAN,
	  "port if none is named" },
	{ "connect-timeout", 't', OPT_SECONDS, "S", FIELD(connect_timeout_ms),
	  1, 3600000, 5000, SCAN, "one TCP connection" },
	{ "host-timeout", 'T', OPT_SECONDS, "S", FIELD(host_timeout_ms),
	  1, 3600000, 30000, SCAN, "everything for one host" },
	{ "retries", 0, OPT_NUMBER, "N", FIELD(retries), 0, 10, 1, SCAN,
	  "more attempts to connect" },
	{ "max-runtime", 0, OPT_SECONDS, "S", FIELD(max_runtime_ms),
	  1000, 604800000, 0, SCAN, "begin no host after so long" },
	{ "command", 'c', OPT_TEXT, "CMD", FIELD(command), 0, 0, 0, SCAN,
	  "also run this on every host" },
	{ "format", 'O', OPT_TEXT, "F", FIELD(format_name), 0, 0, 0, SCAN,
	  "how the lines look (default text)" },
	{ "fields", 0, OPT_TEXT, "LIST", FIELD(field_list), 0, 0, 0, SCAN,
	  "columns of tsv, csv and json (default all)" },
	{ "header", 0, OPT_SET, NULL, FIELD(header), HEADER_YES, 0, 0, SCAN,
	  "begin tsv or csv with column names (csv does)" },
	{ "no-header", 0, OPT_SET, NULL, FIELD(header), HEADER_NO, 0, 0, SCAN,
	  "begin with the first host" },
	{ "output", 'o', OPT_TEXT, "FILE", FIELD(output), 0, 0, 0, SCAN,
	  "write to FILE instead of standard output" },
	{ "db", 0, OPT_TEXT, "DSN", FIELD(db), 0, 0, 0, ANY_VERB,
	  "mysql://user@host/database or sqlite:PATH" },
	{ "no-db", 0, OPT_SET, NULL, FIELD(no_db), 1, 0, 0, SCAN,
	  "store nothing" },
	{ "db-timeout", 0, OPT_SECONDS, "S", FIELD(db_timeout_ms),
	  1000, 3600000, 60000, ANY_VERB, "then a lost database is given up" },
	{ "no-spool", 0, OPT_SET, NULL, FIELD(no_spool), 1, 0, 0, SCAN,
	  "and the run with it, not put into a spool" },
	{ "store-password", 0, OPT_SET, NULL, FIELD(store_password), 1, 0, 0, SCAN,
	  "store the passwords too (a bad idea)" },
	{ "print-schema", 0, OPT_TEXT, "DIALECT", FIELD(print_schema), 0, 0, 0, SCAN,
	  "print the tables as SQL (mysql, sqlite)" },
	{ "adopt-table", 0, OPT_SET, NULL, FIELD(adopt_table), 1, 0, 0, SCAN,
	  "rename and copy a server_status not ours" },
	{ "resume", 0, OPT_SET, NULL, FIELD(resume), 1, 0, 0, SCAN,
	  "go on with this file's unfinished run" },
	{ "only-failed", 0, OPT_SET, NULL, FIELD(only_failed), 1, 0, 0, SCAN,
	  "pass over hosts whose row is ok" },
	{ "retry-file", 0, OPT_TEXT, "FILE", FIELD(retry_file), 0, 0, 0, SCAN,
	  "keep the failed hosts in FILE, only try those" },
	{ "quiet", 'q', OPT_SET, NULL, FIELD(quiet), 1, 0, 0, ANY_VERB,
	  "no summary and no warnings" },
	{ "verbose", 'v', OPT_COUNT, NULL, FIELD(verbose), 0, 0, 0, ANY_VERB,
	  "say more; twice: a line for every probe" },
	{ "version", 0, OPT_SET, NULL, FIELD(version), 1, 0, 0, ANY_VERB,
	  "print the version, and exit" },
	{ "help", 'h', OPT_SET, NULL, FIELD(help), 1, 0, 0, ANY_VERB,
	  "print this, and exit" },
};
/* clang-format on */

#define OPTIONS (sizeof(option_defs) / sizeof(option_defs[0]))

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

static bool store_value(struct options *options, const struct option_def *def,
                        const char *value, struct err *err)
{
	char *field = (char *)options + def->field;
	unsigned number = def->minimum;

	switch (def->kind) {
	case OPT_TEXT:
		memcpy(field, &value, sizeof(value));
		return true;
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
	for (size_t i = 0; i < OPTIONS; i++) {
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
	for (size_t i = 0; i < OPTIONS; i++) {
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
	longs[OPTIONS] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct option_def *def_of(int got)
{
	if (got >= LONG_BASE)
		return &option_defs[got - LONG_BASE];
	for (size_t i = 0; i < OPTIONS; i++) {
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

/* *scans is the first option that goes with scan alone, or NULL. */
static bool parse_words(struct options *options, int argc, char **argv,
                        const struct option_def **scans, struct err *err)
{
	struct option longs[OPTIONS + 1];
	char shorts[2 * OPTIONS + 2];
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
		if (def->verbs == SCAN && *scans == NULL)
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

static bool take_file(struct options *options, int words, char **word,
                      const struct option_def *scans, struct err *err)
{
	int verb = words > 0 ? take_verb(options, word[0]) : 0;
	bool replay = options->verb == VERB_REPLAY;

	if (words - verb > 1)
		return err_set(err, ERR_INPUT, "one %s, not %d",
		               replay ? "spool" : "host file", words - verb);
	if (words - verb < 1)
		return err_set(err, ERR_INPUT, "which %s?",
		               replay ? "spool" : "host file");
	if (replay && scans != NULL)
		return err_set(err, ERR_INPUT, "--%s does not go with replay",
		               scans->name);
	if (replay)
		options->spool = word[verb];
	else
		options->host_file = word[verb];
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
	if (options->resume && strcmp(options->host_file, "-") == 0)
		return err_set(err, ERR_INPUT,
		               "--resume needs a host file: standard input "
		               "cannot be read again");
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
	       check_choice(options, err);
}

static void help_line(FILE *to, const struct option_def *def)
{
	char words[40];

	snprintf(words, sizeof(words), "%s%s%s", def->name,
	         def->value != NULL ? " " : "",
	         def->value != NULL ? def->value : "");
	if (def->letter != 0)
		fprintf(to, "  -%c, --%-22s %s", def->letter, words, def->help);
	else
		fprintf(to, "      --%-22s %s", words, def->help);
	if (def->kind == OPT_NUMBER)
		fprintf(to, " (%u to %u, default %u)", def->minimum,
		        def->maximum, def->initial);
	if (def->kind == OPT_SECONDS && def->initial > 0)
		fprintf(to, " (default %g)", def->initial / 1000.0);
	fputc('\n', to);
}

void options_help(FILE *to)
{
	fputs("Usage: sshinv [scan] [OPTION]... HOSTFILE\n"
	      "       sshinv replay [OPTION]... SPOOL\n"
	      "Log in to every host of HOSTFILE ('-': standard input), whose "
	      "lines are\n"
	      "'ADDRESS USER PASSWORD [port=N] [name=TEXT] [group=TEXT]', ask "
	      "it for its\n"
	      "hostname, store the result and print a line. 'replay' brings "
	      "the results of a\n"
	      "run that had lost its database into it (--db, --db-timeout, "
	      "-q, -v).\n\n",
	      to);
	for (size_t i = 0; i < OPTIONS; i++)
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
