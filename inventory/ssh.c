#include "inventory/ssh_session.h"

#include "inventory/ssh_algorithms.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

/* More than any key exchange and login takes; less than a flood. */
#define BYTES_BEFORE_LOGIN_MAX ((size_t)512 * 1024)

/* Two streams at their limit, a byte a packet, take as much; libssh2 keeps
 * every packet that it has no use for. */
#define BYTES_MAX ((size_t)8 * 1024 * 1024)

/* How often a stream of bytes that never pauses is asked for the run's end. */
#define CANCEL_CHECK_NS (50 * NS_PER_MS)

/*
 * libssh2's memory comes from malloc() and is wiped before it goes back, for a
 * password may pass through it, and the library wipes nothing itself. It also
 * frees blocks through us that OpenSSL allocated, so nothing may be added in
 * front of a block; malloc_usable_size() tells its size.
 */
static LIBSSH2_ALLOC_FUNC(allocate)
{
	(void)abstract;
	return malloc(count);
}

static LIBSSH2_FREE_FUNC(wipe_and_free)
{
	(void)abstract;
	if (ptr == NULL)
		return;
	explicit_bzero(ptr, malloc_usable_size(ptr));
	free(ptr);
}

static LIBSSH2_REALLOC_FUNC(reallocate)
{
	size_t old = ptr != NULL ? malloc_usable_size(ptr) : 0;
	void *fresh = malloc(count);

	if (fresh == NULL)
		return NULL;
	if (ptr != NULL)
		memcpy(fresh, ptr, old < count ? old : count);
	wipe_and_free(ptr, abstract);
	return fresh;
}

bool ssh_library_init(struct err *err)
{
	unsigned char byte;

	/* Both make global tables that later calls only read. */
	if (libssh2_init(0) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start libssh2");
	if (RAND_bytes(&byte, 1) != 1)
		return err_set(err, ERR_SYSTEM, "OpenSSL has no random bytes");
	return algorithms_init(err);
}

void ssh_library_end(void)
{
	libssh2_exit();
}

static size_t bytes_max(const struct ssh *ssh)
{
	return ssh->logged_in ? BYTES_MAX : BYTES_BEFORE_LOGIN_MAX;
}

/* The only thing that ends the library's inner loops: a server that floods
 * text lines or ignored packets keeps a non-blocking call busy for ever. */
static bool must_stop(struct ssh *ssh)
{
	nanoseconds now;

	if (ssh->stop != SSH_GOES_ON)
		return true;
	now = monotonic_ns();
	if (now >= ssh->wait.deadline) {
		ssh->stop = SSH_DEADLINE;
	} else if (ssh->received > bytes_max(ssh)) {
		ssh->stop = SSH_BYTE_FLOOD;
	} else if (now - ssh->cancel_checked > CANCEL_CHECK_NS) {
		ssh->cancel_checked = now;
		if (wait_cancelled(ssh->wait.cancel_fd))
			ssh->stop = SSH_CANCELLED;
	}
	return ssh->stop != SSH_GOES_ON;
}

/*
 * recv() with the library's convention: a negative errno value. After the login
 * the connection's end looks like a pause: libssh2 1.10 would report it at once
 * and keep what is queued, perhaps the whole answer. ssh_wait() reports it when
 * nothing is left.
 */
static ssize_t receive_some(struct ssh *ssh, void *buffer, size_t length,
                            int flags)
{
	ssize_t got;

	if (must_stop(ssh))
		return -ECONNABORTED;
	do
		got = recv(ssh->fd, buffer, length, flags);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		if (got == 0)
			ssh->peer_closed = true;
		else if (errno == EAGAIN)
			return -EAGAIN;
		else
			ssh->os_error = errno;
		return ssh->logged_in ? -EAGAIN : -ssh->os_error;
	}
	ssh->received += (size_t)got;
	if (ssh->logged_in)
		return got;
	greeting_feed(&ssh->greeting, buffer, (size_t)got);
	if (ssh->greeting.state == GREETING_FLOOD) {
		ssh->stop = SSH_TEXT_FLOOD;
		return -ECONNABORTED;
	}
	return got;
}

/*
 * The text lines before the version string are kept from the library, which
 * would give up at an empty one. Byte by byte, as it would read them itself.
 */
static ssize_t receive_version(struct ssh *ssh, char *buffer, int flags)
{
	const struct greeting *greeting = &ssh->greeting;

	while (greeting->state == GREETING_TEXT) {
		char byte;
		ssize_t got = receive_some(ssh, &byte, 1, flags);

		if (got <= 0)
			return got;
	}
	buffer[0] = '\n';
	if (ssh->version_given < greeting->line_length)
		buffer[0] = greeting->line[ssh->version_given];
	ssh->version_given++;
	return 1;
}

static LIBSSH2_RECV_FUNC(receive)
{
	struct ssh *ssh = *abstract;

	/* There is one: agents, which have another, are not used. */
	(void)socket;
	if (ssh->version_given <= ssh->greeting.line_length)
		return receive_version(ssh, buffer, flags);
	return receive_some(ssh, buffer, length, flags);
}

static LIBSSH2_SEND_FUNC(transmit)
{
	struct ssh *ssh = *abstract;
	ssize_t sent;

	if (ssh->stop != SSH_GOES_ON)
		return -ECONNABORTED;
	do
		sent = send(socket, buffer, length, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno != EAGAIN)
		ssh->os_error = errno;
	return -errno;
}

static void set_callbacks(LIBSSH2_SESSION *session)
{
	/* ISO C has no conversion of a function pointer to void *. */
	union {
		LIBSSH2_RECV_FUNC((*receive));
		LIBSSH2_SEND_FUNC((*transmit));
#if LIBSSH2_VERSION_NUM >= 0x010b01
		libssh2_cb_generic *any;
#else
		void *any;
#endif
	} in = { .receive = receive }, out = { .transmit = transmit };

#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV, in.any);
	libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND, out.any);
#else
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, in.any);
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, out.any);
#endif
}

bool ssh_open(struct ssh **ssh, int fd, const struct wait *wait,
              struct err *err)
{
	struct ssh *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	s->fd = fd;
	s->wait = *wait;
	s->session =
	    libssh2_session_init_ex(allocate, wipe_and_free, reallocate, s);
	if (s->session == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	libssh2_session_set_blocking(s->session, 0);
	set_callbacks(s->session);
	if (!algorithms_apply(s->session, err))
		goto fail;
	*ssh = s;
	return true;
fail:
	ssh_close(s);
	return false;
}

void ssh_close(struct ssh *ssh)
{
	if (ssh == NULL)
		return;
	if (ssh->logged_in && ssh->stop == SSH_GOES_ON)
		(void)libssh2_session_disconnect(ssh->session, "done");
	/* From here the callbacks fail, so that freeing cannot wait for the
	 * server to close its channels. */
	ssh->stop = SSH_DEAD;
	shutdown(ssh->fd, SHUT_RDWR);
	if (ssh->session != NULL)
		libssh2_session_free(ssh->session);
	close(ssh->fd);
	greeting_release(&ssh->greeting);
	free(ssh);
}

bool ssh_wait(struct ssh *ssh, struct err *err)
{
	int directions = libssh2_session_block_directions(ssh->session);
	short events = 0;
	int one = 1;

	if (ssh->logged_in && (ssh->peer_closed || ssh->os_error != 0))
		return ssh_failed(ssh, ERR_COMMAND, "command", err);
	if ((directions & LIBSSH2_SESSION_BLOCK_INBOUND) != 0)
		events |= POLLIN;
	if ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0)
		events |= POLLOUT;
	if (events == 0) /* EAGAIN without a direction: it reads first */
		events = POLLIN;
	/*
	 * OpenSSH has Nagle's algorithm on until a command runs: its answer to
	 * the channel's opening waits for our acknowledgement of an earlier
	 * packet, which the kernel delays by 40 ms and more. The kernel drops
	 * this setting by itself, hence before each wait.
	 */
	if (ssh->opening_channel)
		(void)setsockopt(ssh->fd, IPPROTO_TCP, TCP_QUICKACK, &one,
		                 sizeof(one));
	if (!wait_ready(&ssh->wait, ssh->fd, events, err))
		return false;
	ssh->cancel_checked = monotonic_ns(); /* by the poll() in there */
	return true;
}

bool ssh_failed(struct ssh *ssh, enum err_kind kind, const char *what,
                struct err *err)
{
	char *words = NULL;

	switch (ssh->stop) {
	case SSH_DEADLINE:
	case SSH_CANCELLED:
		if (!wait_check(&ssh->wait, err))
			return false;
		break;
	case SSH_TEXT_FLOOD:
		return err_set(err, ERR_PROTOCOL,
		               "more than %d lines or %d bytes of text before "
		               "a version string",
		               GREETING_LINES_MAX, GREETING_TEXT_MAX);
	case SSH_BYTE_FLOOD:
		return err_set(err, kind,
		               "%s: more than %zu KiB from the server", what,
		               bytes_max(ssh) / 1024);
	case SSH_GOES_ON:
	case SSH_DEAD:
		break;
	}
	if (ssh->os_error != 0)
		return err_errno(err, kind, ssh->os_error, "%s", what);
	if (ssh->peer_closed)
		return err_set(err, kind,
		               "%s: the server closed the connection", what);
	if (libssh2_session_last_error(ssh->session, &words, NULL, 0) ==
	    LIBSSH2_ERROR_ALLOC)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return err_set(err, kind, "%s: %s", what, words);
}

static bool handshake_failed(struct ssh *ssh, struct err *err)
{
	if (ssh->stop == SSH_GOES_ON && algorithms_explain(&ssh->greeting, err))
		return false;
	if (ssh->greeting.state != GREETING_TEXT)
		return ssh_failed(ssh, ERR_PROTOCOL, "key exchange", err);
	if (ssh->greeting.text_bytes > 0 && ssh->stop == SSH_GOES_ON)
		return err_set(err, ERR_PROTOCOL, "not an SSH server");
	return ssh_failed(ssh, ERR_PROTOCOL, "no version string", err);
}

bool ssh_handshake(struct ssh *ssh, struct err *err)
{
	int rc;

	while ((rc = libssh2_session_handshake(ssh->session, ssh->fd)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	return rc == 0 || handshake_failed(ssh, err);
}

const char *ssh_version(const struct ssh *ssh)
{
	return greeting_version(&ssh->greeting);
}

bool ssh_host_key(struct ssh *ssh, char *type, size_t type_size, char *sha256,
                  size_t sha256_size, struct err *err)
{
	size_t length = 0, name;
	int ignored;
	const char *blob =
	    libssh2_session_hostkey(ssh->session, &length, &ignored);
	const char *hash =
	    libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
	unsigned char base64[4 * ((32 + 2) / 3) + 1];

	/* RFC 4253 section 6.6: a key begins with its type, as a string. */
	if (blob == NULL || hash == NULL || length < 4)
		return err_set(err, ERR_PROTOCOL, "no host key");
	name = (size_t)(unsigned char)blob[2] << 8 | (unsigned char)blob[3];
	if (name > length - 4 || name >= type_size)
		return err_set(err, ERR_PROTOCOL, "malformed host key");
	memcpy(type, blob + 4, name);
	type[name] = '\0';
	EVP_EncodeBlock(base64, (const unsigned char *)hash, 32);
	snprintf(sha256, sha256_size, "%.43s", (const char *)base64);
	return true;
}

/* Leaves the new password NULL: the library then reports the expiry as such,
 * and nothing is changed. */
static LIBSSH2_PASSWD_CHANGEREQ_FUNC(refuse_change)
{
	(void)session;
	(void)abstract;
	*newpw = NULL;
	*newpw_len = 0;
}

enum methods {
	METHODS_LISTED,   /* *list is set, and lives as long as the session */
	METHODS_NEEDLESS, /* "none" was a way in: the user is logged in */
	METHODS_FAILED    /* err says why */
};

/* Asks which ways in there are. */
static enum methods list_methods(struct ssh *ssh, const char *user,
                                 const char **list, struct err *err)
{
	while ((*list = libssh2_userauth_list(
		    ssh->session, user, (unsigned)strlen(user))) == NULL) {
		if (libssh2_userauth_authenticated(ssh->session))
			return METHODS_NEEDLESS;
		if (libssh2_session_last_errno(ssh->session) !=
		    LIBSSH2_ERROR_EAGAIN) {
			ssh_failed(ssh, ERR_PROTOCOL, "login", err);
			return METHODS_FAILED;
		}
		if (!ssh_wait(ssh, err))
			return METHODS_FAILED;
	}
	return METHODS_LISTED;
}

/*
 * libssh2 has one error for a wrong password and for a server that takes none;
 * the list tells them apart. The password is not sent again.
 */
static bool password_refused(struct ssh *ssh, const char *user, struct err *err)
{
	const char *list = NULL;

	switch (list_methods(ssh, user, &list, err)) {
	case METHODS_LISTED:
		if (name_list_has(list, strlen(list), "password",
		                  strlen("password")))
			break;
		return err_set(err, ERR_AUTH,
		               "the server takes no password from '%s', only "
		               "%s",
		               user, list);
	case METHODS_FAILED:
		/* Many servers hang up after a refusal. */
		if (err->kind != ERR_PROTOCOL)
			return false;
		break;
	case METHODS_NEEDLESS: /* the user was refused all the same */
		break;
	}
	return err_set(err, ERR_AUTH, "password refused for '%s'", user);
}

static bool login_without_password(struct ssh *ssh, const char *user,
                                   struct err *err)
{
	const char *list = NULL;

	switch (list_methods(ssh, user, &list, err)) {
	case METHODS_NEEDLESS:
		return true;
	case METHODS_LISTED:
		return err_set(err, ERR_AUTH,
		               "no password given for '%s'; the server wants "
		               "%s",
		               user, list);
	case METHODS_FAILED:
		break;
	}
	return false;
}

static bool login_with_password(struct ssh *ssh, const char *user,
                                const char *password, struct err *err)
{
	int rc;

	while ((rc = libssh2_userauth_password_ex(
		    ssh->session, user, (unsigned)strlen(user), password,
		    (unsigned)strlen(password), refuse_change)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	switch (rc) {
	case 0:
		return true;
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
		return password_refused(ssh, user, err);
	case LIBSSH2_ERROR_PASSWORD_EXPIRED:
		return err_set(err, ERR_AUTH,
		               "the password of '%s' has expired", user);
	default:
		return ssh_failed(ssh, ERR_PROTOCOL, "login", err);
	}
}

bool ssh_login(struct ssh *ssh, const char *user, const char *password,
               struct err *err)
{
	bool ok = password != NULL
	              ? login_with_password(ssh, user, password, err)
	              : login_without_password(ssh, user, err);

	ssh->logged_in = ok;
	return ok;
}
