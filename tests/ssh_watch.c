#include "tests/ssh_watch.h"

#include "inventory/tcp.h"

#include <malloc.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watch watch;
struct process near, distant;

static char control_path[64];

void watch_anew(void)
{
	memset(&watch, 0, sizeof(watch));
	watch.fd = -1;
	watch.cancel_fd = -1;
}

void watch_leaps(unsigned looks)
{
	watch.leap_in = looks;
	watch.leap_s = 2 * PLENTY_MS / 1000;
}

void watch_fires(int cancel_fd, unsigned looks)
{
	watch.leap_in = looks;
	watch.leap_s = 1;
	watch.cancel_fd = cancel_fd;
}

/* --- what is watched ------------------------------------------------------ */

static void step(int fd, char what)
{
	if (fd == watch.fd && watch.steps < sizeof(watch.order) - 1)
		watch.order[watch.steps++] = what;
}

int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);

int __wrap_shutdown(int fd, int how)
{
	step(fd, 's');
	return __real_shutdown(fd, how);
}

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	step(fd, 'c');
	if (fd == watch.fd) /* the number may be somebody else's from now on */
		watch.fd = -1;
	return __real_close(fd);
}

int __real_libssh2_session_free(LIBSSH2_SESSION *session);
int __wrap_libssh2_session_free(LIBSSH2_SESSION *session);

int __wrap_libssh2_session_free(LIBSSH2_SESSION *session)
{
	step(watch.fd, 'f');
	return __real_libssh2_session_free(session);
}

int __real_setsockopt(int fd, int level, int name, const void *value,
                      socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value,
                      socklen_t size);

int __wrap_setsockopt(int fd, int level, int name, const void *value,
                      socklen_t size)
{
	if (fd == watch.fd && level == IPPROTO_TCP && name == TCP_QUICKACK)
		watch.quick = *(const int *)value == 1;
	return __real_setsockopt(fd, level, name, value, size);
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (watch.opening_channel && timeout != 0) {
		watch.waits++;
		watch.slow_waits += watch.quick ? 0 : 1;
		watch.quick = false;
	}
	poll_trap_spring(watch.trap, timeout);
	return __real_poll(fds, count, timeout);
}

LIBSSH2_CHANNEL *__real_libssh2_channel_open_ex(
    LIBSSH2_SESSION *session, const char *type, unsigned type_length,
    unsigned window, unsigned packet, const char *message, unsigned length);
LIBSSH2_CHANNEL *__wrap_libssh2_channel_open_ex(
    LIBSSH2_SESSION *session, const char *type, unsigned type_length,
    unsigned window, unsigned packet, const char *message, unsigned length);

LIBSSH2_CHANNEL *__wrap_libssh2_channel_open_ex(
    LIBSSH2_SESSION *session, const char *type, unsigned type_length,
    unsigned window, unsigned packet, const char *message, unsigned length)
{
	LIBSSH2_CHANNEL *channel = __real_libssh2_channel_open_ex(
	    session, type, type_length, window, packet, message, length);

	watch.opening_channel = channel == NULL;
	return channel;
}

char *__real_libssh2_userauth_list(LIBSSH2_SESSION *session, const char *user,
                                   unsigned length);
char *__wrap_libssh2_userauth_list(LIBSSH2_SESSION *session, const char *user,
                                   unsigned length);

char *__wrap_libssh2_userauth_list(LIBSSH2_SESSION *session, const char *user,
                                   unsigned length)
{
	char *list = __real_libssh2_userauth_list(session, user, length);

	if (!watch.list_goes_on)
		watch.lists++;
	watch.list_goes_on =
	    list == NULL &&
	    libssh2_session_last_errno(session) == LIBSSH2_ERROR_EAGAIN;
	return list;
}

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
	if (watch.secret != NULL && block != NULL) {
		watch.blocks++;
		if (memmem(block, malloc_usable_size(block), watch.secret,
		           strlen(watch.secret)) != NULL)
			watch.blocks_with_secret++;
	}
	__real_free(block);
}

LIBSSH2_SESSION *__real_libssh2_session_init_ex(
    LIBSSH2_ALLOC_FUNC((*allocate)), LIBSSH2_FREE_FUNC((*release)),
    LIBSSH2_REALLOC_FUNC((*reallocate)), void *abstract);
LIBSSH2_SESSION *__wrap_libssh2_session_init_ex(
    LIBSSH2_ALLOC_FUNC((*allocate)), LIBSSH2_FREE_FUNC((*release)),
    LIBSSH2_REALLOC_FUNC((*reallocate)), void *abstract);

LIBSSH2_SESSION *__wrap_libssh2_session_init_ex(
    LIBSSH2_ALLOC_FUNC((*allocate)), LIBSSH2_FREE_FUNC((*release)),
    LIBSSH2_REALLOC_FUNC((*reallocate)), void *abstract)
{
	watch.allocate = allocate;
	watch.release = release;
	watch.reallocate = reallocate;
	if (watch.no_session)
		return NULL;
	return __real_libssh2_session_init_ex(allocate, release, reallocate,
	                                      abstract);
}

ssize_t __real_libssh2_channel_read_ex(LIBSSH2_CHANNEL *channel, int stream,
                                       char *buf, size_t size);
ssize_t __wrap_libssh2_channel_read_ex(LIBSSH2_CHANNEL *channel, int stream,
                                       char *buf, size_t size);

ssize_t __wrap_libssh2_channel_read_ex(LIBSSH2_CHANNEL *channel, int stream,
                                       char *buf, size_t size)
{
	struct pollfd end = { .fd = watch.fd, .events = POLLRDHUP };

	if (watch.stderr_is_late && stream == SSH_EXTENDED_DATA_STDERR)
		(void)__real_poll(&end, 1, PLENTY_MS);
	return __real_libssh2_channel_read_ex(channel, stream, buf, size);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = __real_clock_gettime(clock, now);

	if (watch.leap_in > 0 && --watch.leap_in == 0) {
		watch.leapt_s = watch.leap_s;
		if (watch.cancel_fd >= 0)
			(void)eventfd_write(watch.cancel_fd, 1);
	}
	now->tv_sec += watch.leapt_s;
	return rc;
}

/* --- steps of a session --------------------------------------------------- */

struct ssh *connected(const struct process *fleet, const char *ip,
                      const struct wait *wait)
{
	struct address address;
	struct ssh *ssh = NULL;
	struct err err;
	size_t which;
	int fd = -1;

	assert_true(address_parse(&address, ip, fleet->port, &err));
	assert_true(
	    tcp_connect(&fd, &which, NULL, &address, 1, PLENTY_MS, wait, &err));
	watch.fd = fd;
	assert_true(ssh_open(&ssh, fd, wait, &err));
	return ssh;
}

struct ssh *shaken(const struct process *fleet, const char *ip,
                   const struct wait *wait)
{
	struct ssh *ssh = connected(fleet, ip, wait);
	struct err err;

	assert_true(ssh_handshake(ssh, &err));
	return ssh;
}

bool log_in(struct ssh *ssh, const char *password, struct err *err)
{
	static const struct login_settings settings = {
		.ways = { LOGIN_PASSWORD, LOGIN_PROMPTS },
		.way_count = 2,
	};
	struct login login = { .settings = &settings,
		               .user = USER,
		               .password = password };

	return ssh_login(ssh, &login, err);
}

struct ssh *logged_in(const struct process *fleet, const char *ip,
                      const struct wait *wait)
{
	struct ssh *ssh = shaken(fleet, ip, wait);
	struct err err;

	assert_true(log_in(ssh, PASSWORD, &err));
	return ssh;
}

enum err_kind exec_fails(const char *ip, size_t out_max,
                         const struct wait *wait)
{
	struct ssh *ssh = logged_in(&near, ip, wait);
	struct ssh_answer answer;
	struct err err;

	assert_false(
	    ssh_exec(ssh, "hostname", NULL, 0, out_max, &answer, &err));
	ssh_answer_release(&answer);
	ssh_close(ssh);
	return err.kind;
}

enum err_kind handshake_fails(const char *ip, const struct wait *wait)
{
	struct ssh *ssh = connected(&near, ip, wait);
	struct err err;

	assert_false(ssh_handshake(ssh, &err));
	ssh_close(ssh);
	return err.kind;
}

unsigned long secrets_sent(const char *ip)
{
	const char *const words[] = { "--ask", control_path, "counts", ip,
		                      NULL };
	unsigned long passwords, prompts;
	char text[256];
	char *at = text;

	assert_int_equal(process_run(words, text, sizeof(text)), 0);
	/* address, connections, passwords, answers to prompts, … */
	for (int i = 0; i < 2; i++) {
		at = strchr(at, '\t');
		assert_non_null(at);
		at++;
	}
	passwords = strtoul(at, &at, 10);
	prompts = strtoul(at, &at, 10);
	return passwords + prompts;
}

/* --- the fleets ----------------------------------------------------------- */

int fleets_start(void **state)
{
	const char *const words[] = { "--port", "0", "--control", control_path,
		                      NULL };
	const char *const far_words[] = { "--port", "0",          "--rtt",
		                          "20",     "--segments", NULL };
	struct err err;

	(void)state;
	snprintf(control_path, sizeof(control_path), "/tmp/ssh-test.%d",
	         (int)getpid());
	watch_anew();
	return process_start(&near, words) &&
	               process_start(&distant, far_words) &&
	               ssh_library_init(&err)
	           ? 0
	           : -1;
}

int fleets_stop(void **state)
{
	(void)state;
	watch_anew();
	ssh_library_end();
	return process_stop(&near) == 0 && process_stop(&distant) == 0 ? 0 : -1;
}
