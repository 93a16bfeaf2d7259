/*
 * fleet: one process that is a whole fleet of SSH hosts on 127.0.0.0/8, well
 * ones and ill ones. README.md says what for and how.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fleet/control.h"
#include "tests/fleet/hosts.h"
#include "tests/fleet/run.h"
#include "tests/fleet/say.h"

#define EXIT_USAGE 2
#define MS_MAX 60000

enum mode { MODE_RUN, MODE_LIST, MODE_HOSTS, MODE_ASK, MODE_HELP };

struct options {
	enum mode mode;
	bool has_port;
	bool expect;
	const char *hosts;
	const char *ask;
	struct settings settings;
};

static const char help[] =
    "usage: fleet --port P [--rtt MS] [--segments] [--seed N]"
    " [--control SOCKET]\n"
    "             [--any-password] [--host-keys N] [--slow MS]\n"
    "             [--authorized-keys FILE]\n"
    "       fleet --hosts KIND=N[,KIND=N...] --port P [--expect]\n"
    "       fleet --list\n"
    "       fleet --ask SOCKET counts [ADDRESS] | networks | totals |\n"
    "                           reset\n"
    "\n"
    "Every address of 127.0.0.0/8 is a host; its second octet says what\n"
    "kind. Prints \"ready PORT\" when it listens; ends with its parent.\n"
    "\n"
    "  -p, --port P         TCP port; 0: a free one\n"
    "  -r, --rtt MS         imitate this round-trip time\n"
    "  -s, --segments       pass bytes on in pieces of random size\n"
    "  -S, --seed N         of these sizes; default 1\n"
    "  -w, --slow MS        what slow kinds take; default 1000\n"
    "  -P, --any-password   let the right user in with any password\n"
    "  -k, --host-keys N    each host has a key of its own, made of N\n"
    "  -A, --authorized-keys FILE  the right user gets in with these keys\n"
    "  -c, --control SOCKET tell the counts through this Unix socket\n"
    "  -a, --ask SOCKET     ask a running fleet\n"
    "  -H, --hosts LIST     print a host file; all=N: N of each kind\n"
    "  -e, --expect         print address, status and hostname instead\n"
    "  -l, --list           print octet, kind, status and help of each\n"
    "  -h, --help           this text\n";

static const struct option table[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "rtt", required_argument, NULL, 'r' },
	{ "segments", no_argument, NULL, 's' },
	{ "seed", required_argument, NULL, 'S' },
	{ "slow", required_argument, NULL, 'w' },
	{ "any-password", no_argument, NULL, 'P' },
	{ "host-keys", required_argument, NULL, 'k' },
	{ "authorized-keys", required_argument, NULL, 'A' },
	{ "control", required_argument, NULL, 'c' },
	{ "ask", required_argument, NULL, 'a' },
	{ "hosts", required_argument, NULL, 'H' },
	{ "expect", no_argument, NULL, 'e' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool whole_number(const char *text, unsigned long most,
                         unsigned long *value)
{
	char *end = NULL;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    *value <= most)
		return true;
	say(0, "a number from 0 to %lu is expected, not '%s'", most, text);
	return false;
}

/* Fractions of a millisecond are allowed. */
static bool milliseconds(const char *text, int64_t *ns)
{
	char *end = NULL;
	double ms = strtod(text, &end);

	if (end == text || *end != '\0' || !(ms >= 0 && ms <= MS_MAX)) {
		say(0, "0 to %d milliseconds are expected, not '%s'", MS_MAX,
		    text);
		return false;
	}
	*ns = (int64_t)(ms * 1e6);
	return true;
}

static bool take(struct options *o, int option)
{
	unsigned long n = 0;

	switch (option) {
	case 'p':
		o->has_port = whole_number(optarg, 65535, &n);
		o->settings.port = (uint16_t)n;
		return o->has_port;
	case 'r':
		return milliseconds(optarg, &o->settings.delay.rtt_ns);
	case 's':
		o->settings.delay.segments = true;
		return true;
	case 'S':
		if (!whole_number(optarg, UINT32_MAX, &n))
			return false;
		o->settings.delay.seed = n;
		return true;
	case 'w':
		if (!whole_number(optarg, MS_MAX, &n))
			return false;
		o->settings.slow_ms = (int)n;
		return true;
	case 'P':
		o->settings.any_password = true;
		return true;
	case 'k':
		if (!whole_number(optarg, UINT32_MAX, &n))
			return false;
		o->settings.host_keys = true;
		o->settings.key_seed = n;
		return true;
	case 'A':
		o->settings.keys = optarg;
		return true;
	case 'c':
		o->settings.control = optarg;
		return true;
	case 'a':
		o->mode = MODE_ASK;
		o->ask = optarg;
		return true;
	case 'H':
		o->mode = MODE_HOSTS;
		o->hosts = optarg;
		return true;
	case 'e':
		o->expect = true;
		return true;
	case 'l':
		o->mode = MODE_LIST;
		return true;
	case 'h':
		o->mode = MODE_HELP;
		return true;
	default:
		return false; /* getopt has said it */
	}
}

static bool parse(struct options *o, int argc, char **argv)
{
	static const char flags[] = "p:r:sS:w:Pk:A:c:a:H:elh";
	bool port_needed = false;

	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet */
		int c = getopt_long(argc, argv, flags, table, NULL);

		if (c < 0)
			break;
		if (!take(o, c))
			return false;
	}
	if (optind < argc && o->mode != MODE_ASK) {
		say(0, "'%s' is one argument too many", argv[optind]);
		return false;
	}
	port_needed =
	    o->mode == MODE_RUN || (o->mode == MODE_HOSTS && !o->expect);
	if (port_needed && !o->has_port) {
		say(0, "--port is missing");
		return false;
	}
	if (o->expect && o->mode != MODE_HOSTS) {
		say(0, "--expect goes with --hosts");
		return false;
	}
	return true;
}

/* The words of a command in one line. */
static int ask(const char *path, char **words, int count)
{
	char line[256] = "";
	size_t length = 0;

	for (int i = 0; i < count; i++) {
		int n = snprintf(line + length, sizeof(line) - length, "%s%s",
		                 i > 0 ? " " : "", words[i]);

		if (n < 0 || (size_t)n >= sizeof(line) - length) {
			say(0, "the command is too long");
			return EXIT_USAGE;
		}
		length += (size_t)n;
	}
	return control_ask(path, line);
}

int main(int argc, char **argv)
{
	struct options o = { .settings.delay.seed = 1,
		             .settings.slow_ms = 1000 };
	int status = EXIT_SUCCESS;

	if (!parse(&o, argc, argv))
		return EXIT_USAGE;
	switch (o.mode) {
	case MODE_LIST:
		hosts_list();
		break;
	case MODE_HELP:
		fputs(help, stdout);
		break;
	case MODE_HOSTS:
		if (!hosts_print(o.hosts, o.settings.port, o.expect))
			status = EXIT_USAGE;
		break;
	case MODE_ASK:
		status = ask(o.ask, argv + optind, argc - optind);
		break;
	case MODE_RUN:
		return fleet_run(&o.settings);
	}
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		say(errno, "could not write");
		status = EXIT_FAILURE;
	}
	return status;
}
