#include "tests/fleet/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libssh2.h>

#define TEXT_MAX 65536 /* before the banner */
#define WINDOW 65536
#define MARK "sshinv-0123456789abcdef0123456789abcdef"

static const char frame_command[] =
    "exec /bin/sh -c 'LC_ALL=C; export LC_ALL; echo " MARK "-begin; "
    "hostname 2>/dev/null || uname -n; s=$?; echo " MARK "-end; exit $s'";

enum stop { STOP_NOT, STOP_DEADLINE, STOP_BUDGET };

struct client {
	const struct target *target;
	struct answer *answer;
	int fd;
	LIBSSH2_SESSION *ssh;
	LIBSSH2_CHANNEL *channel;
	int64_t deadline_ms;
	size_t text; /* bytes read before the handshake was done */
	bool shaken;
	enum stop stop; /* why the callback ends the session */
};

int client_init(void)
{
	return libssh2_init(0) == 0;
}

void client_exit(void)
{
	libssh2_exit();
}

int64_t client_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int client_connect(const char *address, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		                    .sin_port = htons(port) };
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* Else each of our small packets waits for the host's delayed ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (inet_pton(AF_INET, address, &name.sin_addr) == 1 &&
	    connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Only a receive callback can stop a host that floods (LIBSSH2_RECV_FUNC). */
static ssize_t receive(libssh2_socket_t fd, void *buf, size_t length, int flags,
                       void **abstract)
{
	struct client *c = *abstract;
	ssize_t n = 0;

	if (client_now_ms() >= c->deadline_ms)
		c->stop = STOP_DEADLINE;
	else if (!c->shaken && c->text > TEXT_MAX)
		c->stop = STOP_BUDGET;
	if (c->stop != STOP_NOT)
		return -ETIMEDOUT;
	n = recv(fd, buf, length, flags);
	if (n < 0)
		return -errno;
	if (!c->shaken)
		c->text += (size_t)n;
	return n;
}

static void set_receive(LIBSSH2_SESSION *ssh)
{
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(ssh, LIBSSH2_CALLBACK_RECV,
	                              (libssh2_cb_generic *)receive);
#else
	/* ISO C has no cast from a function to void *. */
	const union {
		ssize_t (*function)(libssh2_socket_t, void *, size_t, int,
		                    void **);
		void *pointer;
	} callback = { .function = receive };

	libssh2_session_callback_set(ssh, LIBSSH2_CALLBACK_RECV,
	                             callback.pointer);
#endif
}

/* After LIBSSH2_ERROR_EAGAIN: true to call again. */
static bool wait_for(struct client *c, long rc)
{
	struct pollfd p = { .fd = c->fd };
	int64_t left = c->deadline_ms - client_now_ms();
	int d = 0;

	if (rc != LIBSSH2_ERROR_EAGAIN || c->stop != STOP_NOT)
		return false;
	if (left <= 0) {
		c->stop = STOP_DEADLINE;
		return false;
	}
	d = libssh2_session_block_directions(c->ssh);
	if ((d & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0)
		p.events |= POLLOUT;
	if ((d & LIBSSH2_SESSION_BLOCK_INBOUND) != 0 || p.events == 0)
		p.events |= POLLIN;
	poll(&p, 1, (int)left);
	return true;
}

static bool end(struct client *c, const char *status, const char *step)
{
	c->answer->status = c->stop == STOP_DEADLINE ? "timeout" : status;
	c->answer->step = step;
	return false;
}

/* Any hidden prompt is taken to be for the password. */
static LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC(answer_prompts)
{
	const struct client *c = *abstract;

	(void)name;
	(void)name_len;
	(void)instruction;
	(void)instruction_len;
	for (int i = 0; i < num_prompts; i++) {
		responses[i].text =
		    strdup(prompts[i].echo ? "" : c->target->password);
		if (responses[i].text != NULL)
			responses[i].length =
			    (unsigned)strlen(responses[i].text);
	}
}

static bool log_in_by_prompts(struct client *c)
{
	const struct target *t = c->target;
	int rc = 0;

	do {
		rc = libssh2_userauth_keyboard_interactive_ex(
		    c->ssh, t->user, (unsigned)strlen(t->user), answer_prompts);
	} while (wait_for(c, rc));
	return rc == 0 ? true : end(c, "auth", "auth");
}

static bool log_in(struct client *c)
{
	const struct target *t = c->target;
	int rc = 0;

	libssh2_session_set_blocking(c->ssh, 0);
	libssh2_session_method_pref(c->ssh, LIBSSH2_METHOD_CRYPT_CS,
	                            "aes128-ctr,aes256-ctr");
	libssh2_session_method_pref(c->ssh, LIBSSH2_METHOD_CRYPT_SC,
	                            "aes128-ctr,aes256-ctr");
	do {
		rc = libssh2_session_handshake(c->ssh, c->fd);
	} while (wait_for(c, rc));
	if (rc != 0)
		return end(c, "protocol", "handshake");
	c->shaken = true;
	do {
		rc = libssh2_userauth_password_ex(
		    c->ssh, t->user, (unsigned)strlen(t->user), t->password,
		    (unsigned)strlen(t->password), NULL);
	} while (wait_for(c, rc));
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
		return log_in_by_prompts(c);
	return rc == 0 ? true : end(c, "protocol", "auth");
}

static bool start(struct client *c, const char *command)
{
	int rc = 0;

	do {
		c->channel = libssh2_channel_open_ex(c->ssh, "session", 7,
		                                     WINDOW, 32768, NULL, 0);
		rc =
		    c->channel == NULL ? libssh2_session_last_errno(c->ssh) : 0;
	} while (c->channel == NULL && wait_for(c, rc));
	if (c->channel == NULL)
		return end(c, "command", "channel");
	do {
		rc = libssh2_channel_process_startup(
		    c->channel, "exec", 4, command, (unsigned)strlen(command));
	} while (wait_for(c, rc));
	return rc == 0 ? true : end(c, "command", "exec");
}

static bool feed(struct client *c, const char *script)
{
	size_t left = strlen(script);
	int rc = 0;

	while (left > 0) {
		ssize_t n =
		    libssh2_channel_write_ex(c->channel, 0, script, left);

		if (n > 0) {
			script += n;
			left -= (size_t)n;
		} else if (!wait_for(c, n)) {
			return end(c, "command", "input");
		}
	}
	do {
		rc = libssh2_channel_send_eof(c->channel);
	} while (wait_for(c, rc));
	return rc == 0 ? true : end(c, "command", "input");
}

/* Both streams to the end, 64 KiB in all. */
static bool read_all(struct client *c)
{
	struct answer *a = c->answer;
	size_t others = 0;
	unsigned long queued = 0;
	char drop[4096];
	int rc = 0;

	a->output_length = 0;
	for (;;) {
		ssize_t n = libssh2_channel_read_ex(
		    c->channel, 0, a->output + a->output_length,
		    CLIENT_OUTPUT_MAX - a->output_length);
		ssize_t e =
		    libssh2_channel_read_ex(c->channel, 1, drop, sizeof(drop));

		if (n > 0)
			a->output_length += (size_t)n;
		if (e > 0)
			others += (size_t)e;
		if (a->output_length + others >= CLIENT_OUTPUT_MAX)
			return end(c, "command", "too much output");
		if (n > 0 || e > 0)
			continue;
		if ((n < 0 && n != LIBSSH2_ERROR_EAGAIN) ||
		    (e < 0 && e != LIBSSH2_ERROR_EAGAIN))
			return end(c, "command", "read");
		if (libssh2_channel_eof(c->channel) == 1)
			break;
		/* The read of one stream may have taken the other's packets
		 * off the socket: no poll would tell. */
		queued = 0;
		libssh2_channel_window_read_ex(c->channel, &queued, NULL);
		if (queued > 0 && client_now_ms() < c->deadline_ms)
			continue;
		if (!wait_for(c, LIBSSH2_ERROR_EAGAIN))
			return end(c, "command", "read");
	}
	a->output[a->output_length] = '\0';
	do {
		rc = libssh2_channel_wait_closed(c->channel);
	} while (wait_for(c, rc));
	if (rc != 0)
		return end(c, "command", "close");
	a->exit_status = libssh2_channel_get_exit_status(c->channel);
	return true;
}

static bool ended_by_signal(struct client *c)
{
	char *name = NULL;
	bool ended = false;

	libssh2_channel_get_exit_signal(c->channel, &name, NULL, NULL, NULL,
	                                NULL, NULL);
	ended = name != NULL;
	libssh2_free(c->ssh, name);
	return ended;
}

/* What stands between the marks becomes the host name; false: no frame. */
static bool unframe(struct answer *a)
{
	static const char begin[] = MARK "-begin\n";
	static const char last[] = "\n" MARK "-end\n";
	const char *from = strstr(a->output, begin);
	const char *to = NULL;
	size_t n = 0;

	if (from == NULL)
		return false;
	from += strlen(begin);
	/* An empty name leaves the two marks next to each other. */
	to = strstr(from - 1, last);
	n = to != NULL && to > from ? (size_t)(to - from) : 0;
	if (n >= sizeof(a->hostname))
		n = sizeof(a->hostname) - 1;
	memcpy(a->hostname, from, n);
	a->hostname[n] = '\0';
	return true;
}

static bool ask(struct client *c, const char *command)
{
	bool ok = start(c, command) &&
	          (c->target->script == NULL || feed(c, c->target->script)) &&
	          read_all(c);

	if (ok && ended_by_signal(c))
		ok = end(c, "command", "signal");
	return ok;
}

static bool ask_name(struct client *c)
{
	struct answer *a = c->answer;

	if (!ask(c, frame_command))
		return false;
	if (!unframe(a) && a->output_length > 0) {
		/* No POSIX shell: a second channel, the bare command. */
		libssh2_channel_free(c->channel);
		if (!ask(c, "hostname"))
			return false;
		a->output[strcspn(a->output, "\n")] = '\0';
		if (strlen(a->output) < sizeof(a->hostname))
			memcpy(a->hostname, a->output, strlen(a->output) + 1);
	}
	if (a->exit_status != 0)
		return end(c, "command", "exit status");
	if (a->hostname[0] == '\0' || strlen(a->hostname) > 255)
		return end(c, "command", "hostname");
	return true;
}

void client_ask(const struct target *target, int timeout_ms,
                struct answer *answer)
{
	struct client c = { .target = target,
		            .answer = answer,
		            .deadline_ms = client_now_ms() + timeout_ms };
	bool ok = false;

	*answer = (struct answer){ .status = "error", .step = "start" };
	c.fd = client_connect(target->address, target->port);
	if (c.fd < 0) {
		end(&c, "refused", "connect");
		return;
	}
	c.ssh = libssh2_session_init_ex(NULL, NULL, NULL, &c);
	if (c.ssh != NULL) {
		set_receive(c.ssh);
		ok = log_in(&c) &&
		     (target->command != NULL ? ask(&c, target->command)
		                              : ask_name(&c));
		if (ok)
			answer->status = "ok";
		/* Dead before it is freed: it must not wait for the host. */
		c.stop = STOP_DEADLINE;
		shutdown(c.fd, SHUT_RDWR);
		libssh2_session_free(c.ssh);
	}
	close(c.fd);
}
