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

	if (optopt >= LONG_BASE)
		return err_set(err, ERR_INPUT,
		               got == ':' ? "option --%s needs a value"
		                          : "option --%s takes no value",
		               def_of(optopt)->name);
	/* Letters may stand together in one word. */
	if (optopt > 0)
		return err_set(err, ERR_INPUT,
		               got == ':' ? "option -%c needs a value"
		                          : "there is no option -%c",
		               optopt);
	/* The word of a long one stands before optind; optopt is 0 where it is
	 * none of ours. What follows a '=' may be a DSN with a password. */
	word = argv[optind - 1];
	return err_set(err, ERR_INPUT, "there is no option %.*s",
	               (int)strcspn(word, "="), word);
}

/* getopt_long() takes any beginning that is one option's alone today: a script
 * that has one would break, or do something else, when there are more. */
static bool is_written_out(const struct option_def *def, int got, char **argv,
                           struct err *err)
{
	const char *word = argv[optind - 1];
	size_t length;

	if (got < LONG_BASE)
		return true;
	if (word == optarg) /* the value is a word of its own */
		word = argv[optind - 2];
	length = strcspn(word, "=");
	if (length == strlen("--") + strlen(def->name))
		return true;
	return err_set(err, ERR_INPUT, "there is no option %.*s (but --%s)",
	               (int)length, word, def->name);
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
		if (!is_written_out(def, got, argv, err) ||
		    !store_value(options, def, optarg, err))
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
	return options_check(options, err);
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
