#include "inventory/ssh_trap.h"

#include <assert.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "inventory/greeting.h"
#include "inventory/guard.h"
#include "tests/ssh_watch.h"

#define WELL "127.1.0.1"

/* What is asserted, and never holds. */
static volatile bool held;

static void assert_something(void)
{
	assert(held);
}

static bool comes_back(void)
{
	jmp_buf back;

	if (setjmp(back) != 0)
		return true;
	ssh_trap(&back);
	assert_something();
	ssh_trap(NULL);
	return false;
}

static void a_failed_assertion_comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(comes_back());
}

struct other {
	sem_t is_set, go;
	bool came_back;
};

static void *other_thread(void *arg)
{
	struct other *other = arg;
	jmp_buf back;

	if (setjmp(back) != 0) {
		other->came_back = true;
		return NULL;
	}
	ssh_trap(&back);
	sem_post(&other->is_set);
	sem_wait(&other->go);
	assert_something();
	return NULL;
}

/* Returns when the other thread's trap is set. */
static pthread_t start_other(struct other *other)
{
	pthread_t thread;

	other->came_back = false;
	sem_init(&other->is_set, 0, 0);
	sem_init(&other->go, 0, 0);
	if (pthread_create(&thread, NULL, other_thread, other) != 0)
		_exit(1);
	sem_wait(&other->is_set);
	return thread;
}

static void each_thread_has_a_trap_of_its_own(void **state)
{
	struct other other;
	pthread_t thread = start_other(&other);

	(void)state;
	assert_true(comes_back());
	sem_post(&other.go);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(other.came_back);
	sem_destroy(&other.is_set);
	sem_destroy(&other.go);
}

static void without_a_trap(void)
{
	assert_something();
}

static void after_it_was_sprung(void)
{
	if (comes_back())
		assert_something();
}

static void after_it_was_cleared(void)
{
	jmp_buf back;

	if (setjmp(back) != 0)
		return;
	ssh_trap(&back);
	ssh_trap(NULL);
	assert_something();
}

static void with_a_trap_of_another_thread(void)
{
	static struct other other;

	(void)start_other(&other);
	assert_something();
}

/* In a process of its own. Its standard error is in text. */
static void assert_aborts(void (*what)(void), char *text, size_t size)
{
	const struct rlimit no_core = { 0, 0 };
	size_t used = 0;
	int ends[2], status;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		what();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void without_a_trap_an_assertion_ends_the_process(void **state)
{
	static void (*const cases[])(void) = {
		without_a_trap,
		after_it_was_sprung,
		after_it_was_cleared,
		with_a_trap_of_another_thread,
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_aborts(cases[i], text, sizeof(text));
		assert_non_null(strstr(text, "sshinv: "));
		assert_non_null(strstr(text, "test_ssh_trap.c:"));
		assert_non_null(strstr(text, "assert_something"));
		assert_non_null(strstr(text, "Assertion `held' failed.\n"));
	}
}

/* --- libssh2's own -------------------------------------------------------- */

/*
 * A bit that flips on the way to us: the lowest of an encrypted packet's
 * length. In counter mode just that bit of the plain length flips too, and the
 * packet is no longer a number of whole blocks.
 */
static struct {
	bool now;              /* of what is received next */
	bool in_handshake;     /* of what is encrypted first */
	struct greeting plain; /* before that */
} spoil;

ssize_t __real_recv(int fd, void *buffer, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t length, int flags);

ssize_t __wrap_recv(int fd, void *buffer, size_t length, int flags)
{
	ssize_t got = __real_recv(fd, buffer, length, flags);
	char *bytes = buffer;

	if (got <= 0 || (flags & MSG_PEEK) != 0)
		return got;
	if (spoil.in_handshake && spoil.plain.state == GREETING_DONE)
		spoil.now = true;
	else if (spoil.in_handshake)
		greeting_feed(&spoil.plain, bytes, (size_t)got);
	if (spoil.plain.kexinit_ended)
		greeting_expect(&spoil.plain, false);
	if (spoil.now && got > 3) {
		bytes[3] ^= 1;
		spoil.now = spoil.in_handshake = false;
	}
	return got;
}

static void assert_malformed(const struct err *err, enum err_kind kind,
                             const char *what)
{
	static const char rest[] = ": a malformed packet from the server";

	assert_int_equal(err->kind, kind);
	assert_memory_equal(err->text, what, strlen(what));
	assert_string_equal(err->text + strlen(what), rest);
	assert_false(spoil.now || spoil.in_handshake);
}

static void a_packet_of_half_a_block_fails_the_handshake(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	ssh = connected(&near, WELL, &wait);
	spoil.in_handshake = true;
	assert_false(ssh_handshake(ssh, &err));
	assert_malformed(&err, ERR_PROTOCOL, "key exchange");
	greeting_release(&spoil.plain);
	ssh_close(ssh);
	assert_string_equal(watch.order, "sfc");
}

static void a_packet_of_half_a_block_fails_the_login(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	ssh = shaken(&near, WELL, &wait);
	spoil.now = true;
	assert_false(log_in(ssh, PASSWORD, &err));
	assert_malformed(&err, ERR_PROTOCOL, "login");
	ssh_close(ssh);
	assert_string_equal(watch.order, "sfc");
}

/* The place that the password had would be lost to all others. */
static void a_login_that_was_trapped_is_a_refusal_to_the_guard(void **state)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct login_settings settings = { .ways = { LOGIN_PASSWORD },
		                           .way_count = 1 };
	struct login login = { .settings = &settings,
		               .user = USER,
		               .password = PASSWORD };
	struct guard_place place = { .credential = NULL };
	struct guard *guard = NULL;
	struct ssh *ssh;
	struct err err;

	(void)state;
	assert_true(guard_open(&guard, 2, &err));
	settings.guard = guard;
	watch_anew();
	ssh = shaken(&near, WELL, &wait);
	spoil.now = true;
	assert_false(ssh_login(ssh, &login, &err));
	assert_malformed(&err, ERR_PROTOCOL, "login");
	ssh_close(ssh);
	assert_true(guard_enter(guard, &place, USER, PASSWORD, &wait, 0, &err));
	guard_leave(guard, &place, GUARD_REFUSED);
	assert_false(
	    guard_enter(guard, &place, USER, PASSWORD, &wait, 0, &err));
	assert_non_null(strstr(err.text, "2 hosts refused"));
	guard_close(guard);
}

static void a_packet_of_half_a_block_fails_the_command(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh_answer answer;
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	ssh = logged_in(&near, WELL, &wait);
	spoil.now = true;
	assert_false(
	    ssh_exec(ssh, "hostname", NULL, 0, SIZE_MAX, &answer, &err));
	assert_malformed(&err, ERR_COMMAND, "command");
	ssh_answer_release(&answer);
	ssh_close(ssh);
	assert_string_equal(watch.order, "sfc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_assertion_comes_back),
		cmocka_unit_test(each_thread_has_a_trap_of_its_own),
		cmocka_unit_test(without_a_trap_an_assertion_ends_the_process),
		cmocka_unit_test(a_packet_of_half_a_block_fails_the_handshake),
		cmocka_unit_test(a_packet_of_half_a_block_fails_the_login),
		cmocka_unit_test(
		    a_login_that_was_trapped_is_a_refusal_to_the_guard),
		cmocka_unit_test(a_packet_of_half_a_block_fails_the_command),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}
