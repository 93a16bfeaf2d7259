#include "inventory/ssh_session.h"

#include "inventory/memory.h"
#include "inventory/ssh_algorithms.h"

#include <errno.h>
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

bool ssh_library_init(struct err *err)
{
	unsigned char byte;

	memory_library_init();
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

void ssh_allow_legacy(void)
{
	algorithms_allow_legacy();
}

size_t ssh_bytes_max(const struct ssh *ssh)
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
	} else if (ssh->received > ssh_bytes_max(ssh)) {
		ssh->stop = SSH_BYTE_FLOOD;
	} else if (now - ssh->cancel_checked > CANCEL_CHECK_NS) {
		ssh->cancel_checked = now;
		if (wait_cancelled(ssh->wait.cancel_fd))
			ssh->stop = SSH_CANCELLED;
	}
	return ssh->stop != SSH_GOES_ON;
}

static bool is_over(const struct ssh *ssh)
{
	return ssh->stop == SSH_DEADLINE || ssh->stop == SSH_CANCELLED;
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

	/* Out of time looks like a pause too: the library then returns in the
	 * middle of what it does, and ssh_close() can have it cleaned up. */
	if (must_stop(ssh))
		return is_over(ssh) ? -EAGAIN : -ECONNABORTED;
	if (!ssh->logged_in && ssh->greeting.state != GREETING_TEXT)
		length = ssh_guard_limit(ssh, length);
	if (length == 0)
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
	if (!ssh->logged_in && !ssh_guard_pass(ssh, buffer, (size_t)got))
		return -ECONNABORTED;
	return got;
}

/* How much of the line that comes is there. What is behind it stays where it
 * is: it may be a packet. */
static size_t look_at_line(const struct ssh *ssh, char *room, size_t size)
{
	ssize_t there = recv(ssh->fd, room, size, MSG_PEEK);
	const char *end;

	if (there <= 0) /* receive_some() says why */
		return 1;
	end = memchr(room, '\n', (size_t)there);
	return end != NULL ? (size_t)(end - room) + 1 : (size_t)there;
}

/*
 * The text lines before the version string are kept from the library, which
 * would give up at an empty one. And it would take a system call for each byte.
 */
static ssize_t receive_version(struct ssh *ssh, char *buffer, int flags)
{
	const struct greeting *greeting = &ssh->greeting;

	while (greeting->state == GREETING_TEXT) {
		char line[256];
		size_t length = look_at_line(ssh, line, sizeof(line));
		ssize_t got = receive_some(ssh, line, length, flags);

		if (got <= 0)
			return got;
	}
	buffer[0] = '\n';
	if (ssh->version_given < greeting->line_length)
		buffer[0] = greeting->line[ssh->version_given];
	ssh->version_given++;
	return 1;
}

/*
 * What the library forgets when a key exchange ends between two of its calls,
 * up to 1.10: our key, unless the exchange fails in a call; and the server's,
 * unless NEWKEYS has come (RFC 4253 section 7.3), which is not encrypted. So a
 * session that is closed amid its handshake is given that, and nothing more.
 */
static ssize_t receive_last(struct ssh *ssh, char *buffer, size_t length)
{
	static const char newkeys[] = { 0, 0, 0, 12, 10, 21, 0, 0,
		                        0, 0, 0, 0,  0,  0,  0, 0 };
	size_t left = sizeof(newkeys) - ssh->last_given;

	if (!ssh->shaking_hands || left == 0)
		return -ECONNABORTED;
	if (length > left)
		length = left;
	memcpy(buffer, newkeys + ssh->last_given, length);
	ssh->last_given += length;
	return (ssize_t)length;
}

static LIBSSH2_RECV_FUNC(receive)
{
	struct ssh *ssh = *abstract;

	/* There is one: agents, which have another, are not used. */
	(void)socket;
	if (ssh->stop == SSH_DEAD)
		return receive_last(ssh, buffer, length);
	if (ssh->forward != NULL)
		return ssh_forward_receive(ssh, buffer, length, flags);
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
	if (ssh->forward != NULL)
		return ssh_forward_transmit(ssh, buffer, length);
	do
		sent = send(socket, buffer, length, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		ssh->sent += (size_t)sent;
		return sent;
	}
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
		LIBSSH2_DISCONNECT_FUNC((*goodbye));
#if LIBSSH2_VERSION_NUM >= 0x010b01
		libssh2_cb_generic *any;
#else
		void *any;
#endif
	} in = { .receive = receive }, out = { .transmit = transmit },
	  end = { .goodbye = ssh_take_goodbye };

#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV, in.any);
	libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND, out.any);
	libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_DISCONNECT,
	                              end.any);
#else
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, in.any);
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, out.any);
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_DISCONNECT,
	                             end.any);
#endif
}

bool ssh_open(struct ssh **ssh, int fd, const struct wait *wait,
              struct err *err)
{
	struct ssh *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		return err_set(err, ERR_SCARCE, "out of memory");
	}
	s->fd = fd;
	s->wait = *wait;
	s->session =
	    libssh2_session_init_ex(ssh_allocate, ssh_free, ssh_reallocate, s);
	if (s->session == NULL) {
		err_set(err, ERR_SCARCE, "out of memory");
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

/* The library may have a packet left to look at, so there is a trap here too. A
 * session that it could not free is lost; what is worse would be an end of the
 * process. */
static void free_session(struct ssh *ssh)
{
	jmp_buf back;

	if (setjmp(back) != 0)
		return;
	ssh_trap(&back);
	if (ssh->logged_in && ssh->stop == SSH_GOES_ON)
		(void)libssh2_session_disconnect(ssh->session, "done");
	/* From here the callbacks fail, so that freeing cannot wait for the
	 * server to close its channels. */
	ssh->stop = SSH_DEAD;
	shutdown(ssh->fd, SHUT_RDWR);
	if (ssh->shaking_hands) /* see receive_last() */
		(void)libssh2_session_handshake(ssh->session, ssh->fd);
	if (ssh->session != NULL)
		libssh2_session_free(ssh->session);
	ssh_trap(NULL);
}

void ssh_close(struct ssh *ssh)
{
	if (ssh == NULL)
		return;
	ssh_forward_release(ssh);
	free_session(ssh);
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

bool ssh_wants_aead(const struct ssh *ssh)
{
	return ssh->stop == SSH_GOES_ON && !ssh->no_memory &&
	       algorithms_want_aead(&ssh->greeting);
}

bool ssh_only_aead(struct ssh *ssh, struct err *err)
{
	return algorithms_only_aead(ssh->session, err);
}

bool ssh_prefer_host_keys(struct ssh *ssh, const char *types, struct err *err)
{
	return types[0] == '\0' ||
	       algorithms_prefer_host_keys(ssh->session, types, err);
}

/* True when the connection was lost or ended, and not by us. */
static bool is_dropped(const struct ssh *ssh)
{
	return ssh->stop == SSH_GOES_ON &&
	       (ssh->os_error != 0 || ssh->peer_closed);
}

static bool no_version(struct ssh *ssh, enum err_kind kind, struct err *err)
{
	const char *refusal = greeting_refusal(&ssh->greeting);

	if (ssh->stop == SSH_GOES_ON && refusal != NULL)
		return err_set(err, kind, "the server says \"%s\"%s", refusal,
		               strstr(refusal, "MaxStartups") != NULL
		                   ? ""
		                   : " (PerSourcePenalties or MaxStartups)");
	if (ssh->stop == SSH_GOES_ON && ssh->greeting.text_bytes > 0)
		return err_set(err, ERR_PROTOCOL, "not an SSH server");
	return ssh_failed(ssh, kind, "no version string", err);
}

static bool handshake_failed(struct ssh *ssh, struct err *err)
{
	enum err_kind kind = is_dropped(ssh) ? ERR_DROPPED : ERR_PROTOCOL;

	if (ssh->stop == SSH_GOES_ON && !ssh->no_memory &&
	    algorithms_explain(&ssh->greeting, err))
		return false;
	if (ssh->greeting.state == GREETING_TEXT)
		return no_version(ssh, kind, err);
	return ssh_failed(ssh, kind, "key exchange", err);
}

static bool shake_hands(struct ssh *ssh, struct err *err)
{
	int rc;

	ssh->shaking_hands = true;
	ssh->packets.watching = true;
	while ((rc = libssh2_session_handshake(ssh->session, ssh->fd)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	ssh->shaking_hands = false;
	return rc == 0 || handshake_failed(ssh, err);
}

bool ssh_handshake(struct ssh *ssh, struct err *err)
{
	jmp_buf back;
	bool ok;

	if (setjmp(back) != 0)
		return ssh_trapped(ssh, ERR_PROTOCOL, "key exchange", err);
	ssh_trap(&back);
	ok = shake_hands(ssh, err);
	ssh_trap(NULL);
	return ok;
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

const unsigned char *ssh_host_key_blob(const struct ssh *ssh, size_t *length)
{
	int ignored;

	return (const unsigned char *)libssh2_session_hostkey(ssh->session,
	                                                      length, &ignored);
}
