/*
 * proxy: stands between sshinv and a real server on all of 127.0.0.0/8 and
 * spoils what passes, as plan.h has it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/proxy/plan.h"
#include "tests/proxy/relay.h"

#define EXIT_USAGE 2
#define BACKLOG 4096
#define ADDRESSES 0x1000000 /* of 127.0.0.0/8 */

struct settings {
	uint64_t seed;
	bool plan;              /* only print what would happen */
	uint16_t to_port;       /* 0: missing */
	struct in_addr to_host; /* 0.0.0.0: the address that was called */
};

static const char help[] =
    "usage: proxy --to PORT [--host ADDRESS] [--seed N]\n"
    "       proxy --plan [--seed N] < HOSTS\n"
    "\n"
    "Listens on a free port of all addresses, prints \"ready PORT\", and\n"
    "hands each connection on to PORT of the address that was called, or of\n"
    "ADDRESS, with faults that follow from the seed and the called address.\n"
    "Prints what it did and ends by SIGTERM, and when its parent dies.\n"
    "\n"
    "  -t, --to PORT      the server's\n"
    "  -H, --host ADDRESS the server's\n"
    "  -s, --seed N       of all faults; default 1\n"
    "  -p, --plan         print the first connection's faults of each address\n"
    "                     that is the first word of a line\n";

static bool whole_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end = NULL;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	       *value <= most;
}

static bool parse(struct settings *settings, int argc, char **argv)
{
	static const struct option table[] = {
		{ "to", required_argument, NULL, 't' },
		{ "host", required_argument, NULL, 'H' },
		{ "seed", required_argument, NULL, 's' },
		{ "plan", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t number = 0;
	bool ok = true;
	int c;

	while (ok) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet */
		c = getopt_long(argc, argv, "t:H:s:p", table, NULL);
		if (c < 0)
			break;
		switch (c) {
		case 't':
			ok = whole_number(optarg, 65535, &number);
			settings->to_port = (uint16_t)number;
			break;
		case 'H':
			ok = inet_aton(optarg, &settings->to_host) != 0;
			break;
		case 's':
			ok = whole_number(optarg, UINT32_MAX, &settings->seed);
			break;
		case 'p':
			settings->plan = true;
			break;
		default:
			ok = false;
		}
	}
	return ok && optind == argc &&
	       settings->plan == (settings->to_port == 0);
}

static int print_plans(uint64_t seed)
{
	char line[8192];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct in_addr address;
		struct plan plan;

		line[strcspn(line, " \t\n")] = '\0';
		if (inet_aton(line, &address) == 0) {
			fprintf(stderr, "proxy: '%s' is no address\n", line);
			return EXIT_USAGE;
		}
		plan_make(&plan, seed, ntohl(address.s_addr), 0);
		printf("%s\t", line);
		plan_print(&plan, stdout);
		putchar('\n');
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void print_counts(void)
{
	printf("connections %lu\nuntouched %lu\nunreachable %lu\n",
	       relay_counts.connections, relay_counts.untouched,
	       relay_counts.unreachable);
	for (int i = 0; i < FAULT_KINDS; i++)
		printf("%s %lu\n", fault_name((enum fault_kind)i),
		       relay_counts.faults[i]);
	(void)fflush(stdout);
}

/* A connection takes two. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_listener(uint16_t *port)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		                   .sin_addr.s_addr = htonl(INADDR_ANY) };
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, size) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&any, &size) != 0) {
		perror("proxy");
		return -1;
	}
	*port = ntohs(any.sin_port);
	return fd;
}

static void take(const struct settings *settings, int client,
                 unsigned char *attempts)
{
	struct sockaddr_in called = { 0 };
	socklen_t size = sizeof(called);
	uint32_t address;
	struct plan plan;

	if (getsockname(client, (struct sockaddr *)&called, &size) != 0) {
		close(client);
		return;
	}
	address = ntohl(called.sin_addr.s_addr);
	plan_make(&plan, settings->seed, address,
	          attempts[address % ADDRESSES]++);
	called.sin_port = htons(settings->to_port);
	if (settings->to_host.s_addr != 0)
		called.sin_addr = settings->to_host;
	if (!relay_start(client, &called, &plan))
		fputs("proxy: no thread for a connection\n", stderr);
}

/* Ends by a signal. */
static void serve(const struct settings *settings, int listener, int signals,
                  unsigned char *attempts)
{
	struct pollfd waits[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = listener, .events = POLLIN },
	};

	for (;;) {
		int client;

		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[0].revents != 0)
			return;
		client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client >= 0)
			take(settings, client, attempts);
		else if (errno != EAGAIN && errno != EINTR &&
		         errno != ECONNABORTED)
			perror("proxy: accept");
	}
}

static int catch_signals(pid_t parent)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM); /* it died before we asked to be told */
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct settings settings = { .seed = 1 };
	int signals = catch_signals(getppid());
	/* By address; not on the stack, for its size. */
	static unsigned char attempts[ADDRESSES];
	uint16_t port = 0;
	int listener;

	if (!parse(&settings, argc, argv)) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	if (settings.plan)
		return print_plans(settings.seed);
	raise_file_limit();
	listener = open_listener(&port);
	if (listener < 0 || signals < 0)
		return EXIT_FAILURE;
	printf("ready %u\n", (unsigned)port);
	(void)fflush(stdout);
	serve(&settings, listener, signals, attempts);
	print_counts();
	/* Connections may be open, and their threads use all this. */
	_exit(EXIT_SUCCESS);
}
