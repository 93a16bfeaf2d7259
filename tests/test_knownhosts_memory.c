#include "tests/knownhosts_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/known_fixture.h"

/* How many allocations succeed before one is refused; -1: all do. */
static int left = -1;

static bool refused(void)
{
	if (left < 0)
		return false;
	return left-- == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);

void *__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return refused() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
	return refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return refused() ? NULL : __real_strndup(text, size);
}

static bool try_with(int allocations)
{
	bool ok;

	left = allocations;
	ok = try_open(f.state);
	left = -1;
	return ok;
}

/* Wherever it ends, all is freed, which the leak checker sees. */
static void a_table_that_cannot_be_made_is_told(void **state)
{
	int count = 0;

	(void)state;
	write_file(f.user,
	           LINES("web1,web2 %E1", "%Hweb3% %P2", "*.example.com %E3"));
	while (!try_with(count)) {
		assert_int_equal(f.err.kind, ERR_SYSTEM);
		assert_null(f.known);
		count++;
	}
	assert_true(count > 10);
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
}

/* It is neither remembered nor taken for known: the host is not visited. */
static void a_key_that_cannot_be_remembered_is_no_known_one(void **state)
{
	struct known_blob blob = known_blob(ED25519, '1');
	enum knownhosts_verdict verdict = KNOWNHOSTS_UNSURE;
	int count = 0;

	(void)state;
	for (; verdict == KNOWNHOSTS_UNSURE; count++) {
		open_files();
		left = count;
		verdict = knownhosts_remember(f.known, "web1", 22, blob.bytes,
		                              blob.length, &f.entry);
		left = -1;
		if (verdict == KNOWNHOSTS_UNSURE)
			assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_NEW);
	}
	assert_true(count > 3);
	assert_int_equal(verdict, KNOWNHOSTS_KNOWN);
	/* In the table at least: there was none for its line. */
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(warned, 1);
	assert_non_null(strstr(warning, "not remembered: out of memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN_TEST(a_table_that_cannot_be_made_is_told),
		KNOWN_TEST(a_key_that_cannot_be_remembered_is_no_known_one),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
