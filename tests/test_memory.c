/*
 * Whole probes of the fleet's hosts by a process that is refused memory, at
 * each allocation in turn. The linker's --wrap reaches those of libssh2,
 * OpenSSL and c-ares too, which all get their memory through us.
 */
#include "inventory/probe.h"

#include "tests/fleet/process.h"
#include "tests/net_fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <openssl/crypto.h>

#define USER "root"
#define PASSWORD "fleet-secret"

/* libssh2 1.10 forgets a few objects of OpenSSL's when it is refused memory in
 * the midst of a key exchange: of the size of the key. It leaks nothing else.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so\n";
}

static struct process fleet;

/* --- memory that runs out ------------------------------------------------- */

static struct {
	unsigned long countdown; /* to the refusal; 0: there is enough */
	bool for_good;           /* from then on there is none at all */
	bool of_crypto; /* of OpenSSL's allocations, or of all others */
	unsigned long refused;
	unsigned long waits;
} shortage;

static bool in_crypto;

static bool is_refused(void)
{
	if (shortage.countdown == 0 || in_crypto != shortage.of_crypto ||
	    --shortage.countdown > 0)
		return false;
	if (shortage.for_good)
		shortage.countdown = 1;
	shortage.refused++;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_realloc(void *block, size_t size)
{
	return is_refused() ? NULL : __real_realloc(block, size);
}

/* Who waits for memory waits for nothing else, and need not wait long here. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (count != 1 || fds[0].fd >= 0)
		return __real_poll(fds, count, timeout);
	shortage.waits++;
	return 0;
}

/* What OpenSSL was given, to know when it is OpenSSL that asks. */
static CRYPTO_malloc_fn crypto_malloc;
static CRYPTO_realloc_fn crypto_realloc;

static void *watched_malloc(size_t size, const char *file, int line)
{
	void *block;

	in_crypto = true;
	block = crypto_malloc(size, file, line);
	in_crypto = false;
	return block;
}

static void *watched_realloc(void *block, size_t size, const char *file,
                             int line)
{
	void *fresh;

	in_crypto = true;
	fresh = crypto_realloc(block, size, file, line);
	in_crypto = false;
	return fresh;
}

int __real_CRYPTO_set_mem_functions(CRYPTO_malloc_fn allocate,
                                    CRYPTO_realloc_fn reallocate,
                                    CRYPTO_free_fn release);
int __wrap_CRYPTO_set_mem_functions(CRYPTO_malloc_fn allocate,
                                    CRYPTO_realloc_fn reallocate,
                                    CRYPTO_free_fn release);

int __wrap_CRYPTO_set_mem_functions(CRYPTO_malloc_fn allocate,
                                    CRYPTO_realloc_fn reallocate,
                                    CRYPTO_free_fn release)
{
	crypto_malloc = allocate;
	crypto_realloc = reallocate;
	return __real_CRYPTO_set_mem_functions(watched_malloc, watched_realloc,
	                                       release);
}

/* --- probes --------------------------------------------------------------- */

struct visit {
	const char *ip;
	const char *command, *password;
	bool is_name;
	enum status status; /* with enough memory */
};

static const struct visit well = { "127.1.0.1", NULL, PASSWORD, false,
	                           STATUS_OK };

static struct record *host_of(const struct visit *visit)
{
	struct record *record = record_new();

	assert_non_null(record);
	snprintf(record->host.ip, sizeof(record->host.ip), "%s", visit->ip);
	strcpy(record->host.user, USER);
	snprintf(record->host.password, sizeof(record->host.password), "%s",
	         visit->password);
	record->host.has_password = true;
	record->host.is_name = visit->is_name;
	record->host.port = fleet.port;
	return record;
}

static void probe_open(struct probe *probe, const char *command)
{
	struct probe_settings settings = { .dial.connect_timeout_ms = PLENTY_MS,
		                           .host_timeout_ms = PLENTY_MS,
		                           .command = command };
	struct err err;

	assert_true(probe_init(probe, &settings, &err));
}

/* One probe with the n-th allocation refused; NULL when it needs no n. */
static struct record *visit_short(const struct probe *probe,
                                  const struct visit *visit, unsigned long n,
                                  bool *done)
{
	struct record *record = host_of(visit);
	struct probe_progress progress = { .begin = 0 };

	shortage.refused = 0;
	shortage.waits = 0;
	shortage.countdown = n;
	*done = probe_run(probe, record, &progress, -1) == PROBE_DONE;
	shortage.countdown = 0;
	if (shortage.refused > 0)
		return record;
	assert_int_equal(record->status, visit->status);
	record_free(record);
	return NULL;
}

/* Either the library did without it, or this says why not. */
static void assert_honest(const struct record *record,
                          const struct visit *visit, unsigned long n, bool done)
{
	bool error = record->status == STATUS_ERROR &&
	             strcmp(record->error, "out of memory") == 0;

	if (!error && record->status != visit->status)
		fail_msg("%s, allocation %lu: %s: %s", visit->ip, n,
		         status_name(record->status), record->error);
	/* Nothing was sent before the login: it may be tried again. */
	if (error)
		assert_int_equal(done, record->phase >= PHASE_AUTH);
	assert_string_equal(record->host.password, done ? "" : visit->password);
}

static void each_shortage(const struct visit *visit)
{
	struct probe probe;
	unsigned long n = 1;

	probe_open(&probe, visit->command);
	for (;; n++) {
		bool done;
		struct record *record = visit_short(&probe, visit, n, &done);

		if (record == NULL)
			break;
		assert_honest(record, visit, n, done);
		record_free(record);
	}
	assert_true(n > 10); /* there was something to refuse */
	probe_release(&probe);
}

static const struct visit visits[] = {
	{ "127.1.0.1", NULL, PASSWORD, false, STATUS_OK },
	{ "127.1.0.1", "echo a", PASSWORD, false, STATUS_OK },
	{ "localhost", NULL, PASSWORD, true, STATUS_OK },
	{ "127.1.0.2", NULL, "wrong", false, STATUS_AUTH },
	{ "127.10.0.1", NULL, PASSWORD, false, STATUS_OK },   /* no shell */
	{ "127.12.0.1", NULL, PASSWORD, false, STATUS_OK },   /* login banner */
	{ "127.13.0.1", NULL, PASSWORD, false, STATUS_OK },   /* RSA */
	{ "127.21.0.1", NULL, PASSWORD, false, STATUS_OK },   /* prompts */
	{ "127.22.0.1", NULL, PASSWORD, false, STATUS_AUTH }, /* keys only */
	{ "127.58.0.1", NULL, PASSWORD, false, STATUS_PROTOCOL }, /* KEX */
	{ "127.64.0.1", NULL, PASSWORD, false, STATUS_PROTOCOL }, /* drop */
	{ "127.72.0.1", NULL, PASSWORD, false, STATUS_COMMAND },  /* no exec */
	{ "127.79.0.1", NULL, PASSWORD, false, STATUS_COMMAND },  /* expired */
};

static void an_allocation_that_fails_is_one_hosts_error(void **state)
{
	(void)state;
	shortage.of_crypto = false;
	shortage.for_good = false;
	for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
		each_shortage(&visits[i]);
}

static void so_is_no_memory_from_then_on(void **state)
{
	(void)state;
	shortage.of_crypto = false;
	shortage.for_good = true;
	for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
		each_shortage(&visits[i]);
}

static void openssl_waits_for_memory_and_gets_it(void **state)
{
	struct probe probe;

	(void)state;
	shortage.of_crypto = true;
	shortage.for_good = false;
	probe_open(&probe, NULL);
	for (unsigned long n = 1;; n++) {
		bool done;
		struct record *record = visit_short(&probe, &well, n, &done);

		if (record == NULL)
			break;
		assert_int_equal(record->status, STATUS_OK);
		assert_int_equal(shortage.waits, 1);
		record_free(record);
	}
	probe_release(&probe);
}

static void where_there_is_none_the_process_says_so_and_ends(void **state)
{
	char text[64] = "";
	int said[2], status = 0;
	struct probe probe;
	pid_t child;
	bool done;

	(void)state;
	assert_int_equal(pipe(said), 0);
	probe_open(&probe, NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(said[1], STDERR_FILENO);
		shortage.of_crypto = true;
		shortage.for_good = true;
		visit_short(&probe, &well, 1, &done);
		_exit(77);
	}
	close(said[1]);
	assert_true(read(said[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(text, "sshinv: out of memory\n");
	close(said[0]);
	probe_release(&probe);
}

static int set_up(void **state)
{
	const char *const words[] = { "--port", "0", NULL };
	struct err err;

	(void)state;
	return process_start(&fleet, words) && probe_library_init(&err) ? 0
	                                                                : -1;
}

static int tear_down(void **state)
{
	(void)state;
	probe_library_end();
	return process_stop(&fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocation_that_fails_is_one_hosts_error),
		cmocka_unit_test(so_is_no_memory_from_then_on),
		cmocka_unit_test(openssl_waits_for_memory_and_gets_it),
		cmocka_unit_test(
		    where_there_is_none_the_process_says_so_and_ends),
	};

	return !!cmocka_run_group_tests(tests, set_up, tear_down);
}
