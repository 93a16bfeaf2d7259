#include "inventory/shuffle.h"

#include "tests/targets_fixture.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/random.h>

/* --shuffle: targets that are handed out in random order. */

static struct {
	const uint64_t *numbers; /* NULL: real ones */
	size_t left;
	bool fails;
} chance;

ssize_t __real_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);

ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
	if (chance.fails) {
		errno = ENOSYS;
		return -1;
	}
	if (chance.numbers == NULL)
		return __real_getrandom(to, size, flags);
	assert_true(chance.left > 0);
	assert_int_equal(size, sizeof(*chance.numbers));
	memcpy(to, chance.numbers++, size);
	chance.left--;
	return (ssize_t)size;
}

static int reset(void **state)
{
	(void)state;
	memset(&chance, 0, sizeof(chance));
	return 0;
}

#define MANY 1000

static void shuffled_hosts_come_once_each_in_another_order(void **state)
{
	static const char *const texts[] = { "h[000-999],h[000-999]" };
	struct targets_settings settings = lists(texts, 1);
	static unsigned orders[2][MANY];
	bool seen[MANY] = { false };

	(void)state;
	settings.shuffle = true;
	for (int run = 0; run < 2; run++) {
		struct targets *targets = open_targets(&settings);
		unsigned sorted = 0;
		struct host host;
		struct err err;

		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < MANY; i++) {
			unsigned n;

			assert_int_equal(
			    targets_next(targets, &host, NULL, &err),
			    HOST_READ);
			n = (unsigned)strtoul(host.ip + 1, NULL, 10);
			assert_false(seen[n]);
			seen[n] = true;
			sorted += n == i;
			orders[run][i] = n;
		}
		assert_int_equal(targets_next(targets, &host, NULL, &err),
		                 HOST_END);
		assert_true(sorted < MANY / 10);
		targets_close(targets);
	}
	assert_memory_not_equal(orders[0], orders[1], sizeof(orders[0]));
}

static void a_number_that_would_favour_some_is_drawn_again(void **state)
{
	/* Of three: the largest is one too many, UINT64_MAX % 3 being 0. */
	static const uint64_t numbers[] = { UINT64_MAX, 4, 2, 0 };
	static const char *const texts[] = { "a,b,c" };
	struct targets_settings settings = lists(texts, 1);

	(void)state;
	settings.shuffle = true;
	chance.numbers = numbers;
	chance.left = 4;
	assert_targets(&settings, "root@b:22 root@a:22 root@c:22");
	assert_int_equal(chance.left, 0);
}

static void a_shuffled_host_is_what_it_was(void **state)
{
	static const char text[] =
	    "web1:24 bob secret name=N group=G key=~/.ssh/id\n"
	    "fe80::1%lo u -\n10.0.0.1 u port=5\n";
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(NULL, 0);
	struct targets *plain, *shuffled;
	struct host host, same[3];
	struct err err;

	(void)state;
	settings.host_file = memory.path;
	plain = open_targets(&settings);
	settings.shuffle = true;
	shuffled = open_targets(&settings);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(targets_next(plain, &same[i], NULL, &err),
		                 HOST_READ);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(targets_next(shuffled, &host, NULL, &err),
		                 HOST_READ);
		assert_true(host.line >= 1 && host.line <= 3);
		assert_memory_equal(&host, &same[host.line - 1], sizeof(host));
	}
	targets_close(plain);
	targets_close(shuffled);
	close(memory.fd);
}

static void bad_lines_are_told_while_hosts_are_gathered(void **state)
{
	static const char text[] = "web1 u p\nbad\nweb1 u p\n";
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(NULL, 0);
	char expected[256];

	(void)state;
	settings.host_file = memory.path;
	settings.shuffle = true;
	snprintf(
	    expected, sizeof(expected),
	    "(%s:2: no password ('-' means none)) (%s:3: web1 port 22 was on "
	    "line 1 already; it is probed once) u@web1:22",
	    memory.path, memory.path);
	assert_targets(&settings, expected);
	close(memory.fd);
}

static void without_chance_nothing_is_handed_out(void **state)
{
	static const char *const texts[] = { "web1" };
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets;
	struct host host;
	struct err err;

	(void)state;
	settings.shuffle = true;
	targets = open_targets(&settings);
	chance.fails = true;
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_FAILED);
	assert_string_equal(err.text,
	                    "no random bytes: Function not implemented");
	targets_close(targets);
}

static void a_cancel_ends_the_gathering_and_the_handing_out(void **state)
{
	static const char *const texts[] = { "10.0.0.0/16" };
	struct targets_settings settings = lists(texts, 1);
	struct hostfile_wake wake = { .fd = eventfd(1, EFD_CLOEXEC) };
	struct targets *targets;
	struct host host;
	struct err err;

	(void)state;
	settings.shuffle = true;
	settings.cancel_fd = eventfd(0, EFD_CLOEXEC);
	targets = open_targets(&settings);
	/* Whoever is wanted elsewhere is let go while it gathers. */
	assert_int_equal(targets_next(targets, &host, &wake, &err),
	                 HOST_NOT_YET);
	assert_int_equal(eventfd_write(settings.cancel_fd, 1), 0);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_END);
	targets_close(targets);

	close(settings.cancel_fd);
	settings.cancel_fd = eventfd(0, EFD_CLOEXEC);
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_int_equal(eventfd_write(settings.cancel_fd, 1), 0);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_END);
	targets_close(targets);
	close(settings.cancel_fd);
	close(wake.fd);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, reset)
	const struct CMUnitTest tests[] = {
		T(shuffled_hosts_come_once_each_in_another_order),
		T(a_number_that_would_favour_some_is_drawn_again),
		T(a_shuffled_host_is_what_it_was),
		T(bad_lines_are_told_while_hosts_are_gathered),
		T(without_chance_nothing_is_handed_out),
		T(a_cancel_ends_the_gathering_and_the_handing_out),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
