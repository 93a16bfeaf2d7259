#include "inventory/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool random_fails, malloc_fails;

ssize_t __real_getrandom(void *buf, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t size, unsigned flags);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

ssize_t __wrap_getrandom(void *buf, size_t size, unsigned flags)
{
	if (!random_fails)
		return __real_getrandom(buf, size, flags);
	errno = ENOSYS;
	return -1;
}

void *__wrap_malloc(size_t size)
{
	return malloc_fails ? NULL : __real_malloc(size);
}

#define ID "00112233445566778899aabbccddeeff"
#define BEGIN "sshinv-" ID "-begin"
#define END "sshinv-" ID "-end"
#define OUTPUT "sshinv-" ID "-output"
#define DONE "sshinv-" ID "-done"

static const struct frame fixed = { .id = ID };

static void each_run_has_markers_of_its_own(void **state)
{
	struct frame a, b;
	struct err err;

	(void)state;
	assert_true(frame_init(&a, &err));
	assert_true(frame_init(&b, &err));
	assert_int_equal(strlen(a.id), FRAME_ID_LENGTH);
	assert_int_equal(strspn(a.id, "0123456789abcdef"), FRAME_ID_LENGTH);
	assert_string_not_equal(a.id, b.id);
	assert_non_null(strstr(a.hostname_command, a.id));
}

static void without_random_bytes_there_is_no_frame(void **state)
{
	struct frame frame;
	struct err err;
	bool ok;

	(void)state;
	random_fails = true;
	ok = frame_init(&frame, &err);
	random_fails = false;
	assert_false(ok);
	assert_int_equal(err.kind, ERR_SYSTEM);
}

static void without_memory_there_is_no_script(void **state)
{
	char *script;

	(void)state;
	malloc_fails = true;
	script = frame_script(&fixed, "uptime");
	malloc_fails = false;
	assert_null(script);
}

/* csh replaces !, and knows no \ inside its quotes. */
static void the_hostname_command_is_safe_in_any_login_shell(void **state)
{
	static const char front[] = "exec /bin/sh -c '";
	struct frame frame;
	struct err err;
	const char *inner;
	size_t length;

	(void)state;
	assert_true(frame_init(&frame, &err));
	assert_memory_equal(frame.hostname_command, front, strlen(front));
	inner = frame.hostname_command + strlen(front);
	length = strcspn(inner, "'\\!\n");
	/* The first of them is the closing quote, at the very end. */
	assert_string_equal(inner + length, "'");
	/* It was not cut by its array. */
	assert_true(strlen(frame.hostname_command) <
	            sizeof(frame.hostname_command) - 1);
}

static const struct {
	const char *why, *answer;
	enum frame_found found;
	const char *part;
} cases[] = {
	{ "nothing", "", FRAME_MISSING, NULL },
	{ "plain", BEGIN "\nweb1\n" END "\n", FRAME_FOUND, "web1\n" },
	{ "CRLF", BEGIN "\r\nweb1\r\n" END "\r\n", FRAME_FOUND, "web1\r\n" },
	{ "empty", BEGIN "\n" END "\n", FRAME_FOUND, "" },
	{ "several lines", BEGIN "\na\nb\n" END "\n", FRAME_FOUND, "a\nb\n" },
	{ "noise around", "Welcome!\n" BEGIN "\nweb1\n" END "\nbye\n",
	  FRAME_FOUND, "web1\n" },
	{ "noise without newline", "Last login: \33[0m" BEGIN "\nw\n" END "\n",
	  FRAME_FOUND, "w\n" },
	{ "answer without newline", BEGIN "\nweb1" END "\n", FRAME_FOUND,
	  "web1" },
	{ "no end marker", BEGIN "\nweb1\n", FRAME_CUT, NULL },
	{ "end marker without its line end", BEGIN "\nweb1\n" END, FRAME_CUT,
	  NULL },
	{ "half an end marker", BEGIN "\nweb1\nsshinv-001122\n", FRAME_CUT,
	  NULL },
	{ "begin marker without its line end", BEGIN, FRAME_MISSING, NULL },
	{ "begin marker and CR", BEGIN "\r", FRAME_MISSING, NULL },
	{ "begin marker, CR, more", BEGIN "\rx\n" END "\n", FRAME_MISSING,
	  NULL },
	{ "end only", END "\n", FRAME_MISSING, NULL },
	{ "end first", END "\n" BEGIN "\nweb1\n", FRAME_CUT, NULL },
	{ "another run's", "sshinv-00112233445566778899aabbccddeefe-begin\n",
	  FRAME_MISSING, NULL },
	{ "the other part's", OUTPUT "\nx\n" DONE "\n", FRAME_MISSING, NULL },
	{ "a device's echo of the command",
	  "sw1> exec /bin/sh -c 'echo " BEGIN "; hostname; echo " END
	  "; exit $s'\n% Unknown command\n",
	  FRAME_MISSING, NULL },
	{ "echo of the command, then its answer",
	  "$ echo " BEGIN "; hostname; echo " END "; exit $s\n" BEGIN
	  "\nweb1\n" END "\n",
	  FRAME_FOUND, "web1\n" },
	{ "marker with a word behind",
	  BEGIN " x\n" BEGIN "\nw\n" END "x\n" END "\n", FRAME_FOUND,
	  "w\n" END "x\n" },
};

static void what_stands_between_the_markers_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t length = strlen(cases[i].answer), size = 0;
		char *exact = malloc(length > 0 ? length : 1);
		const char *part = NULL;
		enum frame_found found;

		assert_non_null(exact);
		memcpy(exact, cases[i].answer, length);
		found = frame_find(&fixed, FRAME_HOSTNAME, exact, length, &part,
		                   &size);
		if (found != cases[i].found)
			fail_msg("%s: %d", cases[i].why, (int)found);
		if (found == FRAME_FOUND) {
			assert_int_equal(size, strlen(cases[i].part));
			assert_memory_equal(part, cases[i].part, size);
		}
		free(exact);
	}
}

static void an_answer_that_is_not_there_has_no_frame(void **state)
{
	const char *part;
	size_t size;

	(void)state;
	assert_int_equal(
	    frame_find(&fixed, FRAME_OUTPUT, NULL, 0, &part, &size),
	    FRAME_MISSING);
}

static void nul_bytes_are_bytes_like_others(void **state)
{
	static const char answer[] = "\0" BEGIN "\nw\0eb\n" END "\n";
	const char *part;
	size_t size;

	(void)state;
	assert_int_equal(frame_find(&fixed, FRAME_HOSTNAME, answer,
	                            sizeof(answer) - 1, &part, &size),
	                 FRAME_FOUND);
	assert_int_equal(size, 5);
	assert_memory_equal(part, "w\0eb\n", 5);
}

static void both_parts_are_found_in_one_answer(void **state)
{
	static const char answer[] =
	    "motd\n" BEGIN "\nweb1\n" END "\n" OUTPUT "\nup\n\n" DONE "\n";
	const char *part;
	size_t size;

	(void)state;
	assert_int_equal(frame_find(&fixed, FRAME_HOSTNAME, answer,
	                            strlen(answer), &part, &size),
	                 FRAME_FOUND);
	assert_memory_equal(part, "web1\n", size);
	assert_int_equal(frame_find(&fixed, FRAME_OUTPUT, answer,
	                            strlen(answer), &part, &size),
	                 FRAME_FOUND);
	assert_int_equal(size, 4);
	assert_memory_equal(part, "up\n\n", size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_run_has_markers_of_its_own),
		cmocka_unit_test(without_random_bytes_there_is_no_frame),
		cmocka_unit_test(without_memory_there_is_no_script),
		cmocka_unit_test(
		    the_hostname_command_is_safe_in_any_login_shell),
		cmocka_unit_test(what_stands_between_the_markers_is_found),
		cmocka_unit_test(an_answer_that_is_not_there_has_no_frame),
		cmocka_unit_test(nul_bytes_are_bytes_like_others),
		cmocka_unit_test(both_parts_are_found_in_one_answer),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
