/* Targets that answer late, or never, while others want their turn at the jump
 * host; that is late_host.c. */
#include "tests/jump_fixture.h"
#include "tests/late_host.h"

#include "inventory/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the host has said. */
static struct process host;
static FILE *said;
static unsigned logins, requests[LATE_PORTS];

static int host_begin(void **state)
{
	static const char *const none[] = { NULL };
	struct err err;

	(void)state;
	if (!probe_library_init(&err) || !process_start(&host, none))
		return -1;
	said = fdopen(dup(host.out), "re");
	return said != NULL ? 0 : -1;
}

static int host_end(void **state)
{
	(void)state;
	probe_library_end();
	fclose(said);
	(void)process_stop(&host);
	return 0;
}

/* It says so before it answers. */
static void listen_until_asked(int port, unsigned times)
{
	static const char asked[] = "port ";
	char line[64];

	while (requests[port] < times) {
		unsigned long number = LATE_PORTS;

		assert_non_null(fgets(line, sizeof(line), said));
		logins += strcmp(line, "login 0\n") == 0;
		if (strncmp(line, asked, strlen(asked)) == 0)
			number = strtoul(line + strlen(asked), NULL, 10);
		if (number < LATE_PORTS)
			requests[number]++;
	}
}

/* --- somebody who asks ---------------------------------------------------- */

struct asker {
	struct route *route;
	uint16_t port;
	pthread_t thread;
	int fd;
	struct err err;
};

static void *ask(void *arg)
{
	struct asker *asker = arg;

	asker->fd = reach(asker->route, "127.0.0.1", asker->port, &asker->err);
	return NULL;
}

/* Returns when the host knows. */
static void begin_asking(struct asker *asker, struct route *route, int port)
{
	unsigned before = requests[port];

	asker->route = route;
	asker->port = (uint16_t)port;
	assert_int_equal(pthread_create(&asker->thread, NULL, ask, asker), 0);
	listen_until_asked(port, before + 1);
}

static int end_asking(struct asker *asker)
{
	assert_int_equal(pthread_join(asker->thread, NULL), 0);
	return asker->fd;
}

static void end_well(struct asker *asker)
{
	int fd = end_asking(asker);

	if (fd < 0)
		fail_msg("%s", asker->err.text);
	close(fd);
}

static void open_route_of(struct route *route, unsigned sessions)
{
	memset(requests, 0, sizeof(requests));
	logins = 0;
	route_init(route, "127.0.0.1");
	route->settings.port = host.port;
	route->settings.sessions_max = sessions;
	route->settings.idle_ms = PLENTY_MS;
	route_open(route);
}

/* One session, so that nobody has a way around the others. */
static void open_route(struct route *route)
{
	open_route_of(route, 1);
}

static enum err_kind reach_nobody(struct route *route, int port)
{
	struct err err;

	assert_int_equal(reach(route, "127.0.0.1", (uint16_t)port, &err), -1);
	return err.kind;
}

/* What the host has said until now is heard then. */
static int be_accepted(struct route *route)
{
	unsigned before = requests[LATE_ACCEPTED];
	struct err err;
	int fd = reach(route, "127.0.0.1", LATE_ACCEPTED, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	listen_until_asked(LATE_ACCEPTED, before + 1);
	return fd;
}

/* There was one session, and it lives. */
static void close_route(struct route *route)
{
	close(be_accepted(route));
	assert_int_equal(route_counts(route).losses, 0);
	assert_int_equal(logins, 1);
	route_close(route);
}

/* --- tests ---------------------------------------------------------------- */

static void a_target_without_an_answer_keeps_nobody_waiting(void **state)
{
	struct asker dark[3];
	struct route route;

	(void)state;
	open_route(&route);
	route.dial.connect_timeout_ms = 10000;
	for (size_t i = 0; i < 3; i++)
		begin_asking(&dark[i], &route, LATE_NEVER);
	close(be_accepted(&route));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(end_asking(&dark[i]), -1);
		assert_int_equal(dark[i].err.kind, ERR_TIMEOUT);
		assert_non_null(strstr(dark[i].err.text, "in 10 s"));
	}
	close_route(&route);
	assert_int_equal(requests[LATE_NEVER], 3);
}

/* It comes while another channel is being opened: the session used to be lost
 * by it, with all that it carried. */
static void a_late_answer_ends_no_other_opening(void **state)
{
	struct asker late;
	struct route route;
	int fds[2];

	(void)state;
	open_route(&route);
	fds[0] = be_accepted(&route);
	begin_asking(&late, &route, LATE_WELL);
	fds[1] = be_accepted(&route);
	end_well(&late);
	assert_int_equal(requests[LATE_ACCEPTED], 2);
	close(fds[0]);
	close(fds[1]);
	close_route(&route);
	assert_int_equal(requests[LATE_WELL], 2);
}

/* Where there is no channel yet by which it could be received. */
static void a_late_answer_may_come_before_there_is_a_channel(void **state)
{
	struct asker late;
	struct route route;

	(void)state;
	open_route(&route);
	begin_asking(&late, &route, LATE_WELL);
	close(be_accepted(&route));
	end_well(&late);
	close_route(&route);
	assert_int_equal(requests[LATE_WELL], 2);
}

static void a_late_refusal_is_a_refusal(void **state)
{
	struct asker late;
	struct route route;

	(void)state;
	open_route(&route);
	begin_asking(&late, &route, LATE_NOT);
	close(be_accepted(&route));
	assert_int_equal(end_asking(&late), -1);
	assert_int_equal(late.err.kind, ERR_UNREACHABLE);
	close_route(&route);
}

static void an_answer_for_which_nobody_waits_ends_no_opening(void **state)
{
	struct route route;

	(void)state;
	open_route(&route);
	close(be_accepted(&route));
	for (int i = 0; i < LATE_NOT_COUNT; i++) {
		route.dial.connect_timeout_ms = 200;
		assert_int_equal(reach_nobody(&route, LATE_NOT + i),
		                 ERR_TIMEOUT);
		route.dial.connect_timeout_ms = PLENTY_MS;
		close(be_accepted(&route));
	}
	close_route(&route);
}

static void be_refused(struct route *route)
{
	unsigned before = requests[LATE_ALONE];

	assert_int_equal(reach_nobody(route, LATE_ALONE), ERR_UNREACHABLE);
	listen_until_asked(LATE_ALONE, before + 1);
}

/* As with MaxSessions 0, of hosts that are for nothing but jumping: then only
 * another session can keep those who wait from a dark target's whole time. */
static void where_no_opening_can_be_left_there_is_another_session(void **state)
{
	struct asker dark[2];
	struct route route;

	(void)state;
	open_route_of(&route, 2);
	route.dial.connect_timeout_ms = 10000;
	be_refused(&route);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(logins, 1);
		begin_asking(&dark[i], &route, LATE_NEVER);
		be_refused(&route);
	}
	assert_int_equal(logins, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(end_asking(&dark[i]), -1);
		assert_int_equal(dark[i].err.kind, ERR_TIMEOUT);
	}
	assert_int_equal(route_counts(&route).losses, 0);
	route_close(&route);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_target_without_an_answer_keeps_nobody_waiting),
		cmocka_unit_test(a_late_answer_ends_no_other_opening),
		cmocka_unit_test(
		    a_late_answer_may_come_before_there_is_a_channel),
		cmocka_unit_test(a_late_refusal_is_a_refusal),
		cmocka_unit_test(
		    an_answer_for_which_nobody_waits_ends_no_opening),
		cmocka_unit_test(
		    where_no_opening_can_be_left_there_is_another_session),
	};

	return !!cmocka_run_group_tests(tests, host_begin, host_end);
}
