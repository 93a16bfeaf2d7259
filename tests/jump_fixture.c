#include "tests/jump_fixture.h"

#include "inventory/probe.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers make frames several times as large. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE ((size_t)1024 * 1024)
#else
#define STACK_SIZE 0
#endif

struct process fleet;

static char control[64];

int fleet_begin(void **state)
{
	const char *const words[] = { "--port", "0",     "--control", control,
		                      "--slow", SLOW_MS, NULL };
	struct err err;

	(void)state;
	snprintf(control, sizeof(control), "/tmp/jump-test.%d", (int)getpid());
	return probe_library_init(&err) && process_start(&fleet, words) ? 0
	                                                                : -1;
}

int fleet_end(void **state)
{
	(void)state;
	probe_library_end();
	return process_stop(&fleet);
}

unsigned long fleet_counted(const char *ip, unsigned field)
{
	char command[64], text[256];
	const char *const words[] = { "--ask", control, "counts", ip, NULL };
	char *at = text;

	snprintf(command, sizeof(command), "counts %s", ip);
	assert_int_equal(process_run(words, text, sizeof(text)), 0);
	while (--field > 0) {
		at = strchr(at + 1, '\t');
		if (at == NULL)
			return 0;
	}
	return strtoul(at, NULL, 10);
}

/* --- the jump host -------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	unsigned count;
	char last[ERR_TEXT_SIZE];
} notes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(const char *sentence)
{
	pthread_mutex_lock(&notes.lock);
	notes.count++;
	snprintf(notes.last, sizeof(notes.last), "%s", sentence);
	pthread_mutex_unlock(&notes.lock);
}

unsigned notes_count(void)
{
	unsigned count;

	pthread_mutex_lock(&notes.lock);
	count = notes.count;
	pthread_mutex_unlock(&notes.lock);
	return count;
}

const char *notes_last(void)
{
	return notes.last;
}

void route_init(struct route *route, const char *host)
{
	*route = (struct route){
		.hostkeys = { .mode = HOSTKEYS_OFF },
		.access = { .login = { .ways = { LOGIN_PASSWORD },
		                       .way_count = 1 } },
		.dial = { .connect_timeout_ms = PLENTY_MS },
		.settings = { .host = host,
		              .port = fleet.port,
		              .user = "root",
		              .password = PASSWORD,
		              .channels_max = 256,
		              .sessions_max = 8,
		              .host_timeout_ms = PLENTY_MS,
		              .stack_size = STACK_SIZE,
		              .note = note },
	};
	notes.count = 0;
	notes.last[0] = '\0';
}

void route_open(struct route *route)
{
	struct err err;

	route->access.hostkeys = &route->hostkeys;
	route->settings.access = &route->access;
	route->settings.dial = &route->dial;
	assert_true(jump_open(&route->jump, &route->settings, &err));
}

void route_close(struct route *route)
{
	jump_close(route->jump);
	route->jump = NULL;
}

struct jump_counts route_counts(const struct route *route)
{
	struct jump_counts counts;

	jump_counts(route->jump, &counts);
	return counts;
}

/* --- targets -------------------------------------------------------------- */

/* No assertion from here: threads do this. */
static int reach_by(struct route *route, const char *ip, uint16_t port,
                    unsigned *session, struct err *err)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	int fd = -1;

	return jump_connect(route->jump, ip, port, &fd, session, &wait, err)
	           ? fd
	           : -1;
}

int reach(struct route *route, const char *ip, uint16_t port, struct err *err)
{
	unsigned session;

	return reach_by(route, ip, port, &session, err);
}

static bool ask_name(struct ssh *ssh, const char *ip, struct err *err)
{
	static const struct login_settings ways = { .ways = { LOGIN_PASSWORD },
		                                    .way_count = 1 };
	const struct login login = { .settings = &ways,
		                     .user = "root",
		                     .password = PASSWORD };
	struct ssh_answer answer;
	char name[64];
	bool ok;

	if (!ssh_handshake(ssh, err) || !ssh_login(ssh, &login, err))
		return false;
	ok = ssh_exec(ssh, "hostname", NULL, 0, 65536, &answer, err);
	snprintf(name, sizeof(name), "host-%s\n", ip);
	if (ok && (answer.out_length != strlen(name) ||
	           memcmp(answer.out, name, strlen(name)) != 0))
		ok = err_set(err, ERR_COMMAND, "not its name");
	ssh_answer_release(&answer);
	return ok;
}

bool visit(struct route *route, const char *ip, struct err *err)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh = NULL;
	unsigned session = 0;
	int fd = reach_by(route, ip, fleet.port, &session, err);
	bool ok;

	if (fd < 0)
		return false;
	ok = ssh_open(&ssh, fd, &wait, err) && ask_name(ssh, ip, err);
	ssh_close(ssh);
	if (!ok)
		jump_explain(route->jump, session, err);
	return ok;
}

bool visit_number(struct route *route, unsigned number, struct err *err)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "127.200.%u.%u", number / 250,
	         number % 250 + 1);
	return visit(route, ip, err);
}

struct crowd {
	struct route *route;
	unsigned count;
	atomic_uint next, well;
	pthread_mutex_t lock;
	struct err *err;
};

static void *visit_some(void *arg)
{
	struct crowd *crowd = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&crowd->next, 1)) < crowd->count) {
		struct err err;

		if (visit_number(crowd->route, i, &err)) {
			atomic_fetch_add(&crowd->well, 1);
			continue;
		}
		pthread_mutex_lock(&crowd->lock);
		*crowd->err = err;
		pthread_mutex_unlock(&crowd->lock);
	}
	return NULL;
}

unsigned visit_many(struct route *route, unsigned count, unsigned at_once,
                    struct err *err)
{
	struct crowd crowd = { .route = route, .count = count, .err = err };
	pthread_t threads[64];

	assert_true(at_once <= 64);
	pthread_mutex_init(&crowd.lock, NULL);
	for (unsigned i = 0; i < at_once; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, visit_some, &crowd), 0);
	for (unsigned i = 0; i < at_once; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&crowd.lock);
	return atomic_load(&crowd.well);
}

unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own */
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}
