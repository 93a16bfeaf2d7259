#include "inventory/targets.h"

#include "tests/targets_fixture.h"

#include <errno.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/random.h>

/* What targets keep in memory, what they leave there, and --shuffle. */

#define SECRET "S3cr3t-0f-Al1"

static struct {
	unsigned calls;
	unsigned fail_at; /* the call that fails; 0: none */
	size_t bytes;     /* that were asked for */
	unsigned unwiped; /* blocks that held SECRET when they were freed */
} memory_use;

static struct {
	const uint64_t *numbers; /* NULL: real ones */
	size_t left;
	bool fails;
} chance;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length);
void __real_free(void *memory);
void __wrap_free(void *memory);
ssize_t __real_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);

static bool is_refused(size_t size)
{
	memory_use.bytes += size;
	if (++memory_use.calls != memory_use.fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return is_refused(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return is_refused(count * size)
	           ? NULL
	           : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
	return is_refused(strlen(text)) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
	return is_refused(length) ? NULL : __real_strndup(text, length);
}

void __wrap_free(void *memory)
{
	if (memory != NULL && memmem(memory, malloc_usable_size(memory), SECRET,
	                             strlen(SECRET)) != NULL)
		memory_use.unwiped++;
	__real_free(memory);
}

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
	memset(&memory_use, 0, sizeof(memory_use));
	memset(&chance, 0, sizeof(chance));
	return 0;
}

static void a_large_network_takes_no_memory_in_advance(void **state)
{
	static const char *const texts[] = {
		"10.0.0.0/8,web[0-9999999],10.[0-255].[0-255].[0-255]"
	};
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets = open_targets(&settings);
	struct host host;
	struct err err;

	(void)state;
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_string_equal(host.ip, "10.0.0.1");
	/* A table of hosts that were seen, and little else. */
	assert_true(memory_use.bytes < 20000);
	targets_close(targets);
}

static void excluding_a_network_takes_no_memory_for_its_hosts(void **state)
{
	static const char *const texts[] = { "10.0.0.0/17,web1" };
	static const char *const excludes[] = {
		"0.0.0.0/0,web[2-9999999],10.[0-255].[0-255].[0-255]"
	};
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets;
	struct host host;
	struct err err;

	(void)state;
	settings.excludes = excludes;
	settings.exclude_count = 1;
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_string_equal(host.ip, "web1");
	assert_int_equal(targets_excluded(targets), 32766);
	assert_true(memory_use.bytes < 30000);
	targets_close(targets);
}

static const char ini[] = "[g]\nh1 ansible_password=" SECRET " x=1\n"
			  "h2 ansible_password='" SECRET "\n"
			  "[g:vars]\nansible_ssh_pass=" SECRET "\n"
			  "ansible_ssh_pass='" SECRET "2'\n";

static const char json[] =
    "{\"_meta\": {\"hostvars\": {\"h1\": {\"ansible_password\": \"" SECRET
    "\", \"other\": \"" SECRET "\"}}},\n"
    "\"g\": {\"hosts\": [\"h1\", \"h2\"],"
    " \"vars\": {\"ansible_ssh_pass\": \"" SECRET "\"}}}\n";

static const char lines[] =
    "h3 u " SECRET "\nh4 u " SECRET " name=x key=~/y group=z port=24\n"
    "h3 u " SECRET "\n";

/* Reads all hosts there are; the last answer. */
static enum host_read read_all(struct targets *targets, size_t *count,
                               struct err *err)
{
	struct host host;
	enum host_read got;

	*count = 0;
	do {
		got = targets_next(targets, &host, NULL, err);
		*count += got == HOST_READ;
		host_wipe(&host);
	} while (got == HOST_READ || got == HOST_BAD || got == HOST_REPEATED);
	return got;
}

static void secrets_are_overwritten_before_memory_is_freed(void **state)
{
	static const char *const inventories[] = { ini, json };
	struct memory_file file = memory_file(lines, strlen(lines));

	(void)state;
	for (int i = 0; i < 4; i++) {
		const char *text = inventories[i % 2];
		struct memory_file memory = memory_file(text, strlen(text));
		struct targets_settings settings = lists(NULL, 0);
		struct targets *targets;
		size_t count;
		struct err err;

		settings.host_file = file.path;
		settings.inventory = memory.path;
		settings.shuffle = i >= 2;
		targets = open_targets(&settings);
		assert_int_equal(read_all(targets, &count, &err), HOST_END);
		assert_int_equal(count, i % 2 == 0 ? 3 : 4);
		targets_close(targets);
		/* One that is closed when it was just begun. */
		targets = open_targets(&settings);
		assert_int_equal(
		    targets_next(targets, &(struct host){ 0 }, NULL, &err),
		    i < 2 ? HOST_READ : HOST_REPEATED);
		targets_close(targets);
		close(memory.fd);
	}
	assert_int_equal(memory_use.unwiped, 0);
	/* The looking itself works. */
	free(strdup(SECRET));
	assert_int_equal(memory_use.unwiped, 1);
	close(file.fd);
}

static void an_inventory_that_is_refused_is_overwritten_too(void **state)
{
	static const char *const texts[] = {
		"[g]\nh ansible_password=" SECRET "\n[x:vars]\n",
		"{\"_meta\": {\"hostvars\": {\"h1\": {\"ansible_password\": "
		"\"" SECRET "\"}}}, \"" SECRET,
		"{\"_meta\": {\"hostvars\": {\"h1\": {\"ansible_password\": "
		"\"" SECRET "\"}}}, \"g\": [\"h1\"], \"h\": 1}",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct memory_file memory =
		    memory_file(texts[i], strlen(texts[i]));
		struct targets_settings settings = lists(NULL, 0);
		struct targets *targets;
		struct err err;

		settings.inventory = memory.path;
		assert_false(targets_open(&targets, &settings, &err));
		assert_null(strstr(err.text, SECRET));
		close(memory.fd);
	}
	assert_int_equal(memory_use.unwiped, 0);
}

/* Each allocation fails once. */
static void running_out_of_memory_is_an_error_and_no_more(void **state)
{
	static const char *const texts[] = { "web[1-2,7],10.0.0.0/30", NULL };
	static const char *const excludes[] = { "web7,web[8-9],10.0.0.0/31" };
	struct memory_file file = memory_file(lines, strlen(lines));
	struct memory_file list = memory_file("web3\n", 5);
	struct memory_file inventories[] = { memory_file(ini, strlen(ini)),
		                             memory_file(json, strlen(json)) };
	const char *both[] = { texts[0], NULL };
	char word[40];
	unsigned failures = 0;

	(void)state;
	snprintf(word, sizeof(word), "@%s", list.path);
	both[1] = word;
	for (unsigned i = 2;; i++) {
		struct targets_settings settings = lists(both, 2);
		struct targets *targets = NULL;
		enum host_read got = HOST_FAILED;
		struct err err = { .kind = ERR_NONE };
		size_t count = 0;

		settings.host_file = file.path;
		settings.inventory = inventories[i % 2].path;
		settings.excludes = excludes;
		settings.exclude_count = 1;
		settings.shuffle = true;
		reset(NULL);
		memory_use.fail_at = i / 2;
		if (targets_open(&targets, &settings, &err))
			got = read_all(targets, &count, &err);
		targets_close(targets);
		assert_int_equal(memory_use.unwiped, 0);
		if (got == HOST_END) {
			/* Not once more than there are calls. */
			assert_true(memory_use.calls < i / 2);
			assert_int_equal(count, i % 2 == 0 ? 7 : 8);
			if (i % 2 == 1)
				break;
			continue;
		}
		assert_int_equal(got, HOST_FAILED);
		assert_int_equal(err.kind, ERR_SYSTEM);
		failures++;
	}
	assert_true(failures > 60);
	close(file.fd);
	close(list.fd);
	close(inventories[0].fd);
	close(inventories[1].fd);
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
	    "web1:24 bob " SECRET " name=N group=G key=~/.ssh/id\n"
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
		assert_in_range(host.line, 1, 3);
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

/* 100 bytes are three times what such a host is made of. */
static void a_shuffled_host_is_kept_in_less_than_100_bytes(void **state)
{
	static const char *const texts[] = { "10.0.0.0/15" };
	const size_t count = 131070;
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets;
	size_t table = 0;
	struct host host;
	struct err err;

	(void)state;
	settings.shuffle = true;
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	/* Tables that double were asked for again and again: of hosts that
	 * were seen (16 bytes) and of those that wait (8). */
	for (size_t size = 1024; size < 2 * count; size *= 2)
		table += size * 24;
	assert_true(memory_use.bytes - table < 100 * count);
	targets_close(targets);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, reset)
	const struct CMUnitTest tests[] = {
		T(a_large_network_takes_no_memory_in_advance),
		T(excluding_a_network_takes_no_memory_for_its_hosts),
		T(secrets_are_overwritten_before_memory_is_freed),
		T(an_inventory_that_is_refused_is_overwritten_too),
		T(running_out_of_memory_is_an_error_and_no_more),
		T(shuffled_hosts_come_once_each_in_another_order),
		T(a_number_that_would_favour_some_is_drawn_again),
		T(a_shuffled_host_is_what_it_was),
		T(bad_lines_are_told_while_hosts_are_gathered),
		T(without_chance_nothing_is_handed_out),
		T(a_cancel_ends_the_gathering_and_the_handing_out),
		T(a_shuffled_host_is_kept_in_less_than_100_bytes),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
