/*
 * The yardstick for sshinv's speed and memory: what libssh2 alone costs.
 *
 *     bench_loop THREADS [HOSTFILE]        (default: standard input)
 *
 * Each thread takes the next line ("ADDRESS USER PASSWORD port=N", as
 * `fleet --hosts` writes them), connects, logs in, runs sshinv's own command
 * and reads to the end. No checks of the line, no record, no store, no output,
 * no deadline but a long one. Algorithms and command are those of inventory/,
 * so that the two programs put the same bytes on the wire.
 *
 * Prints "N ok, M failed"; exit status 0 when all hosts are ok.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh2.h>
#include <openssl/rand.h>

#include "inventory/frame.h"
#include "inventory/ssh_algorithms.h"

#define THREADS_MAX 4096
#define STACK_SIZE ((size_t)128 * 1024) /* as sshinv's workers */
#define LINE_SIZE 256
#define WINDOW_SIZE 65536
#define PACKET_SIZE 32768
#define PATIENCE_MS 600000

/* Shared by the threads. */
struct loop {
	const char *command;
	FILE *file;
	pthread_mutex_t lock; /* guards what follows, and reading the file */
	unsigned ok, failed;
};

/* One host, in one thread. */
struct host {
	struct sockaddr_in address;
	const char *user, *password;
	int fd;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
};

static bool parse(struct host *host, char *line)
{
	char *rest = NULL;
	const char *ip = strtok_r(line, " ", &rest);
	const char *port;

	host->user = strtok_r(NULL, " ", &rest);
	host->password = strtok_r(NULL, " ", &rest);
	port = strtok_r(NULL, " \n", &rest);
	if (port == NULL || strncmp(port, "port=", 5) != 0)
		return false;
	host->address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port + 5, NULL, 10)),
	};
	return inet_pton(AF_INET, ip, &host->address.sin_addr) == 1;
}

static bool wait_for(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, PATIENCE_MS) > 0;
}

/* Whether to call the library again: it said EAGAIN, and the socket is ready.
 */
static bool again(const struct host *host, int rc)
{
	int directions;
	short events = 0;

	if (rc != LIBSSH2_ERROR_EAGAIN)
		return false;
	directions = libssh2_session_block_directions(host->session);
	if ((directions & LIBSSH2_SESSION_BLOCK_INBOUND) != 0)
		events |= POLLIN;
	if ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0)
		events |= POLLOUT;
	if (events == 0)
		events = POLLIN;
	return wait_for(host->fd, events);
}

static bool connect_to(struct host *host)
{
	socklen_t size = sizeof(int);
	int one = 1;
	int error = 0;

	host->fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (host->fd < 0)
		return false;
	(void)setsockopt(host->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(host->fd, (const struct sockaddr *)&host->address,
	            sizeof(host->address)) == 0)
		return true;
	return errno == EINPROGRESS && wait_for(host->fd, POLLOUT) &&
	       getsockopt(host->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
	       error == 0;
}

static bool start_session(struct host *host)
{
	struct err ignored;

	host->session = libssh2_session_init();
	if (host->session == NULL)
		return false;
	libssh2_session_set_blocking(host->session, 0);
	return algorithms_apply(host->session, &ignored);
}

static bool log_in(struct host *host)
{
	int rc;

	do
		rc = libssh2_session_handshake(host->session, host->fd);
	while (again(host, rc));
	if (rc != 0)
		return false;
	do
		rc = libssh2_userauth_password(host->session, host->user,
		                               host->password);
	while (again(host, rc));
	return rc == 0;
}

static bool open_channel(struct host *host)
{
	int one = 1;

	do {
		host->channel = libssh2_channel_open_ex(
		    host->session, "session", strlen("session"), WINDOW_SIZE,
		    PACKET_SIZE, NULL, 0);
		if (host->channel != NULL)
			return true;
		/* 45 ms against OpenSSH: see inventory/ssh.c */
		(void)setsockopt(host->fd, IPPROTO_TCP, TCP_QUICKACK, &one,
		                 sizeof(one));
	} while (again(host, libssh2_session_last_errno(host->session)));
	return false;
}

/* Something was said, and the end came with exit status 0. */
static bool read_all(struct host *host)
{
	char buf[4096];
	ssize_t sum = 0;
	ssize_t n;
	int rc;

	do {
		n = libssh2_channel_read(host->channel, buf, sizeof(buf));
		sum += n > 0 ? n : 0;
	} while (n > 0 || again(host, (int)n));
	if (n < 0)
		return false;
	do
		rc = libssh2_channel_close(host->channel);
	while (again(host, rc));
	return rc == 0 && sum > 0 &&
	       libssh2_channel_get_exit_status(host->channel) == 0;
}

static bool ask(struct host *host, const char *command)
{
	int rc;

	if (!open_channel(host))
		return false;
	do
		rc = libssh2_channel_exec(host->channel, command);
	while (again(host, rc));
	return rc == 0 && read_all(host);
}

/* The session goes before its socket, or it would write its goodbye into
 * whoever got the number next. */
static void hang_up(struct host *host)
{
	if (host->session != NULL) {
		(void)libssh2_session_disconnect(host->session, "done");
		(void)shutdown(host->fd, SHUT_RDWR);
		(void)libssh2_session_free(host->session);
	}
	if (host->fd >= 0)
		close(host->fd);
}

static bool visit(char *line, const char *command)
{
	struct host host = { .fd = -1 };
	bool ok = parse(&host, line) && connect_to(&host) &&
	          start_session(&host) && log_in(&host) && ask(&host, command);

	hang_up(&host);
	return ok;
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	char line[LINE_SIZE];

	for (;;) {
		char *got;
		bool ok;

		pthread_mutex_lock(&loop->lock);
		got = fgets(line, sizeof(line), loop->file);
		pthread_mutex_unlock(&loop->lock);
		if (got == NULL)
			return NULL;
		ok = visit(line, loop->command);
		pthread_mutex_lock(&loop->lock);
		if (ok)
			loop->ok++;
		else
			loop->failed++;
		pthread_mutex_unlock(&loop->lock);
	}
}

static bool run_threads(struct loop *loop, size_t count)
{
	static pthread_t threads[THREADS_MAX];
	pthread_attr_t attr;
	size_t started = 0;
	int c;

	/* sshinv's threads start with its hosts. So that "idle" is the same
	 * state of both programs, these wait for the first line too. */
	c = getc(loop->file);
	if (c != EOF)
		(void)ungetc(c, loop->file);
	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (started < count &&
	       pthread_create(&threads[started], &attr, run, loop) == 0)
		started++;
	(void)pthread_attr_destroy(&attr);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return started == count;
}

/* Once, before the first thread. */
static bool init_libraries(struct frame *frame)
{
	unsigned char byte;
	struct err err;

	if (libssh2_init(0) != 0 || RAND_bytes(&byte, 1) != 1) {
		fputs("bench_loop: libssh2 or OpenSSL does not start\n",
		      stderr);
		return false;
	}
	if (!algorithms_init(&err) || !frame_init(frame, &err)) {
		fprintf(stderr, "bench_loop: %s\n", err.text);
		return false;
	}
	return true;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct loop loop = { .file = stdin, .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned long threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct frame frame;

	if (argc > 3 || threads < 1 || threads > THREADS_MAX) {
		fputs("usage: bench_loop THREADS [HOSTFILE]\n", stderr);
		return 2;
	}
	if (argc == 3)
		loop.file = fopen(argv[2], "re");
	if (loop.file == NULL) {
		perror(argv[2]);
		return 2;
	}
	raise_descriptor_limit();
	if (!init_libraries(&frame))
		return 1;
	loop.command = frame.hostname_command;
	if (!run_threads(&loop, threads)) {
		fputs("bench_loop: not all threads started\n", stderr);
		return 1;
	}
	printf("%u ok, %u failed\n", loop.ok, loop.failed);
	libssh2_exit();
	return loop.failed > 0 || loop.ok == 0;
}
