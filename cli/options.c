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
	const char *help; /* a range and a default are written after it */
};

#define FIELD(name) offsetof(struct options, name)

/* clang-format off */
static const struct option_def option_defs[] = {
	{ "fanout", 'f', OPT_NUMBER, "N", FIELD(fanout), 1, 4096, 64,
	  "hosts in flight" },
	{ "port", 'p', OPT_NUMBER, "N", FIELD(port), 1, 65535, 22,
	  "port if none is named" },
	{ "connect-timeout", 't', OPT_SECONDS, "S", FIELD(connect_timeout_ms),
	  1, 3600000, 5000, "one TCP connection" },
	{ "host-timeout", 'T', OPT_SECONDS, "S", FIELD(host_timeout_ms),
	  1, 3600000, 30000, "everything for one host" },
	{ "command", 'c', OPT_TEXT, "CMD", FIELD(command), 0, 0, 0,
	  "also run this on every host" },
	{ "format", 'O', OPT_TEXT, "F", FIELD(format_name), 0, 0, 0,
	  "how the lines look (default text)" },
	{ "fields", 0, OPT_TEXT, "LIST", FIELD(field_list), 0, 0, 0,
	  "columns of tsv, csv and json (default all)" },
	{ "header", 0, OPT_SET, NULL, FIELD(header), HEADER_YES, 0, 0,
	  "begin tsv or csv with column names (csv does)" },
	{ "no-header", 0, OPT_SET, NULL, FIELD(header), HEADER_NO, 0, 0,
	  "begin with the first host" },
	{ "output", 'o', OPT_TEXT, "FILE", FIELD(output), 0, 0, 0,
	  "write to FILE instead of standard output" },
	{ "db", 0, OPT_TEXT, "DSN", FIELD(db), 0, 0, 0,
	  "mysql://user@host/database or sqlite:PATH" },
	{ "no-db", 0, OPT_SET, NULL, FIELD(no_db), 1, 0, 0,
	  "store nothing" },
	{ "store-password", 0, OPT_SET, NULL, FIELD(store_password), 1, 0, 0,
	  "store the passwords too (a bad idea)" },
	{ "print-schema", 0, OPT_TEXT, "DIALECT", FIELD(print_schema), 0, 0, 0,
	  "print the tables as SQL (mysql, sqlite)" },
	{ "adopt-table", 0, OPT_SET, NULL, FIELD(adopt_table), 1, 0, 0,
	  "rename and copy a server_status not ours" },
	{ "quiet", 'q', OPT_SET, NULL, FIELD(quiet), 1, 0, 0,
	  "no summary and no warnings" },
	{ "verbose", 'v', OPT_COUNT, NULL, FIELD(verbose), 0, 0, 0,
	  "say more; twice: a line for every probe" },
	{ "version", 0, OPT_SET, NULL, FIELD(version), 1, 0, 0,
	  "print the version, and exit" },
	{ "help", 'h', OPT_SET, NULL, FIELD(help), 1, 0, 0,
	  "print this, and exit" },
};
/* clang-format on */

#define OPTIONS (sizeof(option_defs) / sizeof(option_defs[0]))

/* getopt_long() returns this plus the index of an option. */
#define LONG_BASE 256

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

static bool parse_words(struct options *options, int argc, char **argv,
                        struct err *err)
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
	}
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
	if (options->no_db == 0)
		return true;
	if (options->db != NULL)
		return err_set(err, ERR_INPUT,
		               "--db and --no-db exclude each other");
	if (options->store_password != 0 || options->adopt_table != 0)
		return err_set(err, ERR_INPUT,
		               "--%s needs a store, and --no-db wants none",
		               options->store_password != 0 ? "store-password"
		                                            : "adopt-table");
	return true;
}

bool options_parse(struct options *options, int argc, char **argv,
                   struct err *err)
{
	set_defaults(options);
	if (!parse_words(options, argc, argv, err))
		return false;
	if (options->help || options->version || options->print_schema != NULL)
		return true;
	if (argc - optind > 1)
		return err_set(err, ERR_INPUT, "one host file, not %d",
		               argc - optind);
	if (argc - optind < 1)
		return err_set(err, ERR_INPUT, "which host file?");
	options->host_file = argv[optind];
	if (options->quiet && options->verbose > 0)
		return err_set(err, ERR_INPUT,
		               "--quiet and --verbose exclude each other");
	return check_format(options, err) && check_store(options, err);
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
	if (def->kind == OPT_SECONDS)
		fprintf(to, " (default %g)", def->initial / 1000.0);
	fputc('\n', to);
}

void options_help(FILE *to)
{
	fputs("Usage: sshinv [OPTION]... HOSTFILE\n"
	      "Log in to every host of HOSTFILE ('-': standard input), whose "
	      "lines are\n"
	      "'ADDRESS USER PASSWORD [port=N] [name=TEXT] [group=TEXT]', ask "
	      "it for its\n"
	      "hostname, store the result and print a line.\n\n",
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
