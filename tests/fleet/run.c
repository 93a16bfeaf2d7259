#include "tests/fleet/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/control.h"
#include "tests/fleet/counts.h"
#include "tests/fleet/crew.h"
#include "tests/fleet/keys.h"
#include "tests/fleet/say.h"
#include "tests/fleet/server.h"

#define BACKLOG 8192 /* the kernel cuts it to net.core.somaxconn */
#define FILES_WANTED 131072
#define CLOSE_MS 3000

struct fleet {
	const struct settings *settings;
	struct counts *counts;
	struct crew *crew;
	struct delay *delay; /* NULL: no relay in the way */
	struct control *control;
	int listener;
	int signals;
	bool strange_told; /* about addresses without a behaviour */
};

/* A connection takes two descriptors, with a delay four. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur >= FILES_WANTED)
		return;
	if (limit.rlim_max < FILES_WANTED) {
		const struct rlimit more = { FILES_WANTED, FILES_WANTED };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return; /* root may */
	}
	limit.rlim_cur =
	    limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		say(errno, "could not raise the limit of open files");
}

static int open_listener(uint16_t port)
{
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		say(errno, "could not listen on port %u", (unsigned)port);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Which host was called; 0: none of ours. */
static uint32_t called_address(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t length = sizeof(name);
	uint32_t address = 0;

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		return 0;
	address = ntohl(name.sin_addr.s_addr);
	return address >> 24 == 127 ? address : 0;
}

static struct conn *conn_new(struct fleet *fleet, int fd)
{
	const int one = 1;
	uint32_t address = called_address(fd);
	const struct behaviour *b = address != 0 ? behaviour_of(address) : NULL;
	struct conn *conn = NULL;

	if (b == NULL || b->serve == NULL) {
		if (!fleet->strange_told)
			say(0, "a connection to an address that is no host of "
			       "the fleet was closed; see --list");
		fleet->strange_told = true;
		return NULL;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return NULL;
	conn->fd = fd;
	conn->address = address;
	conn->behaviour = b;
	conn->counts = fleet->counts;
	conn->slow_ms = fleet->settings->slow_ms;
	conn->number = counts_opened(fleet->counts, address);
	if (conn->number > 0)
		return conn;
	free(conn);
	return NULL;
}

static void take(struct fleet *fleet, int fd)
{
	struct conn *conn = conn_new(fleet, fd);

	if (conn == NULL) {
		close(fd);
		return;
	}
	if (fleet->delay == NULL) {
		crew_submit(fleet->crew, conn);
	} else if (!delay_add(fleet->delay, conn)) {
		say(errno, "could not delay a connection");
		conn_free(conn);
	}
}

/* Takes all that wait. */
static void accept_all(struct fleet *fleet)
{
	for (;;) {
		int fd = accept4(fleet->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			take(fleet, fd);
		} else if (errno == EMFILE || errno == ENFILE ||
		           errno == ENOMEM || errno == ENOBUFS) {
			say(errno, "could not accept a connection");
			usleep(10000);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void serve(struct fleet *fleet)
{
	struct pollfd p[] = {
		{ .fd = fleet->signals, .events = POLLIN },
		{ .fd = fleet->listener, .events = POLLIN },
	};

	for (;;) {
		if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0)
			continue;
		if (p[0].revents != 0)
			return;
		if (p[1].revents != 0)
			accept_all(fleet);
	}
}

/* The signals that end us become readable; blocked before any thread starts,
 * so all threads block them. */
static int catch_signals(pid_t parent)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
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

static bool start(struct fleet *fleet)
{
	const struct settings *s = fleet->settings;
	int errnum = 0;

	fleet->listener = open_listener(s->port);
	if (fleet->listener < 0)
		return false;
	fleet->counts = counts_new();
	fleet->crew = crew_new();
	if (fleet->counts == NULL || fleet->crew == NULL) {
		say(ENOMEM, "could not start");
		return false;
	}
	if (s->delay.rtt_ns > 0 || s->delay.segments) {
		fleet->delay = delay_new(&s->delay, fleet->crew, &errnum);
		if (fleet->delay == NULL) {
			say(errnum, "could not start the delay");
			return false;
		}
	}
	if (s->control != NULL) {
		fleet->control = control_start(s->control, fleet->counts);
		if (fleet->control == NULL)
			return false;
	}
	return true;
}

/* Callers first, so that nothing new comes in. */
static void stop(struct fleet *fleet)
{
	if (fleet->listener >= 0)
		close(fleet->listener);
	control_stop(fleet->control);
	if (fleet->delay != NULL)
		delay_stop(fleet->delay);
	if (fleet->crew != NULL && !crew_close(fleet->crew, CLOSE_MS))
		_exit(EXIT_SUCCESS); /* a thread still uses all that */
	delay_free(fleet->delay);
	crew_free(fleet->crew);
	counts_free(fleet->counts);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t length = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		return 0;
	return ntohs(name.sin_port);
}

int fleet_run(const struct settings *settings)
{
	struct fleet fleet = { .settings = settings, .listener = -1 };
	int status = EXIT_FAILURE;

	fleet.signals = catch_signals(getppid());
	raise_file_limit();
	if (fleet.signals < 0 ||
	    (settings->keys != NULL && !keys_load(settings->keys)) ||
	    !server_init(settings->any_password, settings->host_keys,
	                 settings->key_seed))
		return EXIT_FAILURE;
	if (start(&fleet)) {
		printf("ready %u\n", (unsigned)port_of(fleet.listener));
		fflush(stdout);
		serve(&fleet);
		status = EXIT_SUCCESS;
	}
	stop(&fleet);
	server_release();
	keys_release();
	close(fleet.signals);
	return status;
}
