/* Jump hosts that refuse, die, fall silent, or are not who they were. */
#include "inventory/knownhosts.h"

#include "tests/jump_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libssh2.h>

/* --- what a server of libssh cannot do ------------------------------------ */

/* It has one reason to refuse a channel; this is told instead, if set. */
static const char *_Atomic reason;

int __real_libssh2_session_last_error(LIBSSH2_SESSION *session, char **message,
                                      int *length, int wants);
int __wrap_libssh2_session_last_error(LIBSSH2_SESSION *session, char **message,
                                      int *length, int wants);

int __wrap_libssh2_session_last_error(LIBSSH2_SESSION *session, char **message,
                                      int *length, int wants)
{
	static char text[64];
	int code =
	    __real_libssh2_session_last_error(session, message, length, wants);
	const char *other = atomic_load(&reason);

	if (code == LIBSSH2_ERROR_CHANNEL_FAILURE && other != NULL) {
		snprintf(text, sizeof(text), "Channel open failure (%s)",
		         other);
		*message = text;
	}
	return code;
}

/* The next packet that comes there has a bit that is another one. */
static atomic_int spoilt_fd = -1;

ssize_t __real_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);

ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags)
{
	ssize_t got = __real_recv(fd, bytes, length, flags);

	int spoilt = fd;

	if (got > 0 && (flags & MSG_PEEK) == 0 &&
	    atomic_compare_exchange_strong(&spoilt_fd, &spoilt, -1))
		((unsigned char *)bytes)[0] ^= 1;
	return got;
}

/* --- refusals ------------------------------------------------------------- */

static void the_eleventh_channel_waits_for_a_free_one(void **state)
{
	static const char *const reasons[] = { NULL, "resource shortage" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct route route;
		struct err err;
		unsigned well;

		atomic_store(&reason, reasons[i]);
		route_init(&route, JUMP_TEN);
		route.settings.sessions_max = 1;
		route_open(&route);
		well = visit_many(&route, 150, 32, &err);
		if (well != 150)
			fail_msg("%u: %s", well, err.text);
		assert_true(route_counts(&route).channels_cap >= 10);
		assert_true(route_counts(&route).channels_cap < 32);
		assert_int_equal(route_counts(&route).logins, 1);
		route_close(&route);
		assert_int_equal(notes_count(), 1);
		assert_non_null(strstr(notes_last(), "refused a channel"));
	}
	atomic_store(&reason, NULL);
}

static void the_eleventh_channel_goes_to_another_session(void **state)
{
	struct route route;
	struct err err;
	int fds[25];

	(void)state;
	atomic_store(&reason, "resource shortage");
	route_init(&route, JUMP_TEN);
	route_open(&route);
	for (unsigned i = 0; i < 25; i++) {
		fds[i] = reach(&route, "127.1.1.1", fleet.port, &err);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(route_counts(&route).logins, 3);
	for (unsigned i = 0; i < 25; i++)
		close(fds[i]);
	route_close(&route);
	atomic_store(&reason, NULL);
}

static void forwarding_that_is_prohibited_is_said_of_each_target(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, JUMP_NOT);
	route_open(&route);
	assert_int_equal(visit_many(&route, 20, 8, &err), 0);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "jump host " JUMP_NOT));
	assert_non_null(strstr(err.text, "not allowed"));
	assert_int_equal(route_counts(&route).logins, 1);
	route_close(&route);
}

static void a_target_that_cannot_be_reached_is_unreachable(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	atomic_store(&reason, "connect failed");
	route_init(&route, JUMP_WELL);
	route_open(&route);
	assert_int_equal(reach(&route, "127.1.1.1", 1, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "cannot connect"));
	assert_true(visit_number(&route, 1, &err));
	route_close(&route);
	atomic_store(&reason, NULL);
}

/* --- silence -------------------------------------------------------------- */

static void
a_target_without_an_answer_times_out_and_the_session_lives(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.9.21");
	route.settings.sessions_max = 1;
	route.dial.connect_timeout_ms = 300;
	route_open(&route);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(reach(&route, "127.1.1.1", DARK_PORT, &err),
		                 -1);
		assert_int_equal(err.kind, ERR_TIMEOUT);
		assert_non_null(strstr(err.text, "0.3 s"));
		assert_true(visit_number(&route, i, &err));
	}
	assert_int_equal(route_counts(&route).logins, 1);
	route_close(&route);
}

/* The server may have made the connections that nobody waited for. */
static void a_session_that_gave_up_often_is_followed_by_another(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.9.23");
	route.settings.sessions_max = 1;
	route.dial.connect_timeout_ms = 10;
	route_open(&route);
	for (unsigned i = 0; i < 260; i++)
		assert_int_equal(reach(&route, "127.1.1.1", DARK_PORT, &err),
		                 -1);
	/* Ten milliseconds may be too few for the others, too. */
	while (!visit_number(&route, 1, &err))
		assert_int_equal(err.kind, ERR_TIMEOUT);
	if (route_counts(&route).losses != 0)
		fail_msg("%s", notes_last());
	assert_int_equal(route_counts(&route).logins, 2);
	assert_int_equal(route_counts(&route).sessions, 1);
	route_close(&route);
}

static void a_jump_host_that_falls_silent_is_given_up(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, JUMP_SILENT);
	route.dial.connect_timeout_ms = 200;
	route_open(&route);
	assert_int_equal(visit_many(&route, 20, 8, &err), 0);
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "jump host " JUMP_SILENT));
	route_close(&route);
}

static void the_end_of_the_run_ends_whoever_waits_for_a_login(void **state)
{
	struct route route;
	struct wait wait = wait_ms(PLENTY_MS, eventfd(1, EFD_CLOEXEC));
	unsigned session, before;
	struct err err;
	int fd;

	(void)state;
	/* no-banner: accepts, and says nothing. */
	before = open_descriptors();
	route_init(&route, "127.40.0.1");
	route_open(&route);
	assert_false(jump_connect(route.jump, "127.1.1.1", fleet.port, &fd,
	                          &session, &wait, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	route_close(&route);
	assert_int_equal(open_descriptors(), before);
	close(wait.cancel_fd);
}

static void a_login_without_an_answer_is_a_timeout_for_all(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.40.0.2");
	route.settings.host_timeout_ms = 300;
	route_open(&route);
	assert_int_equal(visit_many(&route, 10, 8, &err), 0);
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "jump host 127.40.0.2"));
	route_close(&route);
	assert_int_equal(fleet_counted("127.40.0.2", 2), 1);
}

/* --- logins --------------------------------------------------------------- */

static void a_wrong_password_is_sent_once(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.9.31");
	route.settings.password = "not-this-secret";
	route_open(&route);
	assert_int_equal(visit_many(&route, 50, 16, &err), 0);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "jump host 127.1.9.31: "));
	/* Nor later. */
	assert_false(visit_number(&route, 1, &err));
	assert_int_equal(err.kind, ERR_AUTH);
	route_close(&route);
	assert_int_equal(fleet_counted("127.1.9.31", 2), 1);
	assert_int_equal(fleet_counted("127.1.9.31", 3), 1);
}

static void no_password_is_sent_to_a_jump_host_with_another_key(void **state)
{
	const struct knownhosts_settings nothing = { .file_count = 0 };
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.9.32");
	assert_true(knownhosts_open(&route.hostkeys.known, &nothing, &err));
	route.hostkeys.mode = HOSTKEYS_STRICT;
	route_open(&route);
	assert_int_equal(visit_many(&route, 10, 4, &err), 0);
	assert_int_equal(err.kind, ERR_HOSTKEY);
	assert_non_null(strstr(err.text, "jump host 127.1.9.32: "));
	route_close(&route);
	knownhosts_close(route.hostkeys.known);
	assert_int_equal(fleet_counted("127.1.9.32", 3), 0);
}

static void an_error_of_the_first_hop_names_both(void **state)
{
	struct route near, far;
	struct err err;

	(void)state;
	route_init(&near, "127.1.9.33");
	near.settings.password = "not-this-secret";
	route_open(&near);
	route_init(&far, "127.1.9.34");
	far.access.jump = near.jump;
	route_open(&far);
	assert_false(visit_number(&far, 1, &err));
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_not_equal(
	    strstr(err.text, "jump host 127.1.9.34: jump host 127.1.9.33: "),
	    "");
	route_close(&far);
	route_close(&near);
}

static void a_jump_host_that_is_not_there_is_not_called_again(void **state)
{
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, "127.1.9.35");
	route.settings.port = 1;
	route_open(&route);
	assert_int_equal(visit_many(&route, 20, 8, &err), 0);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, "jump host 127.1.9.35: "));
	assert_int_equal(route_counts(&route).logins, 1);
	route_close(&route);
}

/* --- losses --------------------------------------------------------------- */

static void a_jump_host_that_dies_again_and_again_is_given_up(void **state)
{
	unsigned before = open_descriptors();
	struct route route;
	struct err err;
	unsigned well;

	(void)state;
	route_init(&route, JUMP_DIES);
	route.settings.sessions_max = 1;
	route_open(&route);
	well = visit_many(&route, 150, 8, &err);
	assert_true(well < 150);
	assert_non_null(strstr(err.text, "jump host " JUMP_DIES));
	assert_int_equal(route_counts(&route).losses, JUMP_LOSSES_MAX + 1);
	/* From then on at once. */
	assert_false(visit_number(&route, 1, &err));
	assert_non_null(strstr(err.text, "jump host " JUMP_DIES ": "));
	assert_int_equal(route_counts(&route).logins, JUMP_LOSSES_MAX + 1);
	route_close(&route);
	assert_int_equal(open_descriptors(), before);
}

#define DESCRIPTORS 256

/* Whether the descriptor is a session's connection. */
static bool is_of_session(int fd)
{
	struct sockaddr_in peer = { .sin_family = 0 };
	socklen_t size = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
	       peer.sin_family == AF_INET && peer.sin_port == htons(fleet.port);
}

static void sessions_lost_at_once_are_one_loss_in_a_row(void **state)
{
	int fds[JUMP_LOSSES_MAX + 2];
	const unsigned count = sizeof(fds) / sizeof(fds[0]);
	struct route route;
	struct err err;

	(void)state;
	route_init(&route, JUMP_WELL);
	route.settings.channels_max = 1;
	route_open(&route);
	for (unsigned i = 0; i < count; i++) {
		fds[i] = reach(&route, "127.40.0.9", fleet.port, &err);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(route_counts(&route).sessions, count);
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		if (is_of_session(fd))
			assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		struct pollfd end = { .fd = fds[i], .events = POLLIN };

		assert_int_equal(poll(&end, 1, PLENTY_MS), 1);
		close(fds[i]);
	}
	assert_int_equal(route_counts(&route).losses, count);
	assert_true(visit_number(&route, 1, &err));
	route_close(&route);
}

static int newest_socket(void)
{
	int fd = DESCRIPTORS - 1;

	while (fd >= 0 && !is_of_session(fd))
		fd--;
	return fd;
}

static void a_malformed_packet_ends_its_session_and_no_more(void **state)
{
	struct route route;
	struct err err;
	int fd;

	(void)state;
	route_init(&route, JUMP_WELL);
	route_open(&route);
	fd = reach(&route, "127.40.0.9", fleet.port, &err);
	assert_true(fd >= 0);
	atomic_store(&spoilt_fd, newest_socket());
	assert_true(atomic_load(&spoilt_fd) >= 0);
	/* Its opening is what the server answers. */
	assert_true(visit_number(&route, 1, &err) || true);
	assert_int_equal(
	    poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, PLENTY_MS),
	    1);
	atomic_store(&spoilt_fd, -1);
	assert_true(visit_number(&route, 2, &err));
	assert_true(route_counts(&route).losses >= 1);
	assert_non_null(strstr(notes_last(), "jump host " JUMP_WELL ": "));
	close(fd);
	route_close(&route);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_eleventh_channel_waits_for_a_free_one),
		cmocka_unit_test(the_eleventh_channel_goes_to_another_session),
		cmocka_unit_test(
		    forwarding_that_is_prohibited_is_said_of_each_target),
		cmocka_unit_test(
		    a_target_that_cannot_be_reached_is_unreachable),
		cmocka_unit_test(
		    a_target_without_an_answer_times_out_and_the_session_lives),
		cmocka_unit_test(
		    a_session_that_gave_up_often_is_followed_by_another),
		cmocka_unit_test(a_jump_host_that_falls_silent_is_given_up),
		cmocka_unit_test(
		    the_end_of_the_run_ends_whoever_waits_for_a_login),
		cmocka_unit_test(
		    a_login_without_an_answer_is_a_timeout_for_all),
		cmocka_unit_test(a_wrong_password_is_sent_once),
		cmocka_unit_test(
		    no_password_is_sent_to_a_jump_host_with_another_key),
		cmocka_unit_test(an_error_of_the_first_hop_names_both),
		cmocka_unit_test(
		    a_jump_host_that_is_not_there_is_not_called_again),
		cmocka_unit_test(
		    a_jump_host_that_dies_again_and_again_is_given_up),
		cmocka_unit_test(sessions_lost_at_once_are_one_loss_in_a_row),
		cmocka_unit_test(
		    a_malformed_packet_ends_its_session_and_no_more),
	};

	return !!cmocka_run_group_tests(tests, fleet_begin, fleet_end);
}
