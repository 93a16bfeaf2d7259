#include "inventory/targets.h"

#include "tests/targets_fixture.h"

#include <errno.h>
#include <malloc.h>

/* What targets keep in memory, and what they leave there. */

#define SECRET "S3cr3t-0f-Al1"

static struct {
	unsigned calls;
	unsigned fail_at;   /* the call that fails; 0: none */
	size_t bytes;       /* that were asked for */
	size_t last_calloc; /* the table of hosts that were seen */
	unsigned unwiped;   /* blocks that held SECRET when they were freed */
} memory_use;

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
	memory_use.last_calloc = count * size;
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

static int reset(void **state)
{
	(void)state;
	memset(&memory_use, 0, sizeof(memory_use));
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

static void a_table_that_cannot_grow_ends_the_reading(void **state)
{
	struct memory_file list = memory_file("h[1-1000]\n", 10);
	struct targets_settings settings = lists(NULL, 0);
	static const struct host zero;
	struct targets *targets;
	enum host_read got;
	struct host host;
	struct err err;
	char word[40];
	const char *const texts[] = { word };
	size_t hosts = 0;

	(void)state;
	snprintf(word, sizeof(word), "@%s", list.path);
	settings = lists(texts, 1);
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	memory_use.fail_at = memory_use.calls + 1;
	while ((got = targets_next(targets, &host, NULL, &err)) == HOST_READ)
		hosts++;
	assert_int_equal(got, HOST_FAILED);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, ":1: 'h[1-1000]': out of memory"));
	assert_int_equal(hosts, 767);
	assert_memory_equal(&host, &zero, sizeof(host));
	targets_close(targets);
	close(list.fd);
}

static void a_million_hosts_take_at_most_48_bytes_each(void **state)
{
	static const char *const texts[] = { "10.[0-9].[0-249].[0-249],"
		                             "h[0-375000]" };
	const size_t count = 1000001;
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets = open_targets(&settings);
	struct host host;
	struct err err;
	unsigned calls;
	size_t table = 0;

	(void)state;
	calls = memory_use.calls;
	for (size_t i = 1; i <= count; i++) {
		if (targets_next(targets, &host, NULL, &err) != HOST_READ)
			fail_msg("host %zu: %s", i, err.text);
		/* Made or grown: at its largest, as seen from one host. The
		 * words take a few calls as well. */
		if (memory_use.last_calloc == table)
			continue;
		assert_true(i == 1 || memory_use.last_calloc <= 48 * i);
		table = memory_use.last_calloc;
	}
	assert_true(table >= 16 * count);
	assert_true(memory_use.calls - calls < 40);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_END);
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
		T(a_table_that_cannot_grow_ends_the_reading),
		T(a_million_hosts_take_at_most_48_bytes_each),
		T(secrets_are_overwritten_before_memory_is_freed),
		T(an_inventory_that_is_refused_is_overwritten_too),
		T(running_out_of_memory_is_an_error_and_no_more),
		T(a_shuffled_host_is_kept_in_less_than_100_bytes),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
