#include "inventory/targets.h"

#include "tests/targets_fixture.h"

#include <sys/eventfd.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void a_list_names_hosts_ranges_and_networks(void **state)
{
	static const struct {
		const char *list, *hosts;
	} cases[] = {
		{ "web1", "root@web1:22" },
		{ "WEB1.Example.,web2", "root@web1.example:22 root@web2:22" },
		{ " web1 , web2,,", "root@web1:22 root@web2:22" },
		{ "bob@web1:2222", "bob@web1:2222" },
		{ "a@b@web1", "a@b@web1:22" },
		{ "10.0.0.1:24", "root@10.0.0.1:24" },
		{ "::1", "root@::1:22" },
		{ "bob@[::1]:24,[0::2]", "bob@::1:24 root@::2:22" },
		{ "fe80::1%lo", "root@fe80::1%lo:22" },
		{ "web[1-3]", "root@web1:22 root@web2:22 root@web3:22" },
		{ "bob@WEB[1,3].x:24", "bob@web1.x:24 bob@web3.x:24" },
		{ "web[1-2].x.", "root@web1.x:22 root@web2.x:22" },
		{ "[1-2]a,b", "root@1a:22 root@2a:22 root@b:22" },
		{ "10.0.[0-1].[1,9]",
		  "root@10.0.0.1:22 root@10.0.0.9:22 root@10.0.1.1:22 "
		  "root@10.0.1.9:22" },
		{ "10.0.0.0/30", "root@10.0.0.1:22 root@10.0.0.2:22" },
		{ "bob@10.0.0.0/31:24", "bob@10.0.0.0:24 bob@10.0.0.1:24" },
		{ "2001:db8::/127:24",
		  "root@2001:db8:::24 root@2001:db8::1:24" },
		{ "[2001:db8::]/127",
		  "root@2001:db8:::22 root@2001:db8::1:22" },
		{ "::ffff:10.0.0.1", "root@10.0.0.1:22" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct targets_settings settings = lists(&cases[i].list, 1);

		assert_targets(&settings, cases[i].hosts);
	}
}

static void a_bad_word_is_named_before_anything_begins(void **state)
{
	static const struct {
		const char *list, *text;
	} cases[] = {
		{ "", "-w '' names no host" },
		{ " ,, ", "-w ' ,, ' names no host" },
		{ "web1,we b2", "-w: 'we': more follows behind a blank (a host "
		                "file is named without -w and @)" },
		{ "web1,a/b", "-w: 'a/b': no address in front of the '/'" },
		{ "web1,-a", "-w: '-a': '-a' is not an address" },
		{ "bob@", "-w: 'bob@': no address" },
		{ "web1:0", "-w: 'web1:0': bad port in 'web1:0' (1 to 65535)" },
		{ "web[1-2]:x", "-w: 'web[1-2]:x': bad port (1 to 65535)" },
		{ "web[1-2]:123456",
		  "-w: 'web[1-2]:123456': bad port (1 to 65535)" },
		{ "10.0.0.0/24:", "-w: '10.0.0.0/24:': bad port (1 to 65535)" },
		{ "10.0.0.0/7",
		  "-w: '10.0.0.0/7': more than 16777216 hosts (an "
		  "IPv4 network goes down to /8)" },
		{ "2001:db8::/111",
		  "-w: '2001:db8::/111': more than 65536 hosts (an IPv6 "
		  "network goes down to /112)" },
		{ "2001:db8::[1-9]",
		  "-w: '2001:db8::[1-9]': an IPv6 address takes no range; a "
		  "network is written as 2001:db8::/120" },
		{ "10.0.0.[250-260]", "-w: '10.0.0.[250-260]': '10.0.0.260' is "
		                      "not an address" },
		{ "web[1-3", "-w: 'web[1-3': '[' without ']'" },
		{ "@", "-w: '@': no file behind the '@'" },
		{ "@/nowhere/at/all", "-w: '@/nowhere/at/all': cannot open it: "
		                      "No such file or directory" },
		{ "-,@-", "standard input can be read once only" },
		{ "web1\xFF", "-w: 'web1\xFF': not UTF-8 (byte 5)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct targets_settings settings = lists(&cases[i].list, 1);

		assert_refused(&settings, cases[i].text);
	}
}

static void a_host_of_a_list_lacks_its_password(void **state)
{
	static const char *const texts[] = { "web1" };
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets = open_targets(&settings);
	struct host host;
	struct err err;

	(void)state;
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_true(host.lacks_password);
	assert_false(host.has_password);
	assert_true(host.is_name);
	assert_false(host.has_port);
	assert_int_equal(host.line, 0);
	targets_close(targets);
}

static void a_word_without_a_user_is_bad_once_where_one_is_needed(void **state)
{
	static const char *const texts[] = { "10.0.0.0/24,bob@web1" };
	struct targets_settings settings = lists(texts, 1);

	(void)state;
	settings.defaults.user = NULL;
	assert_targets(&settings, "(-w: '10.0.0.0/24': no user (USER@HOST)) "
	                          "bob@web1:22");
	settings.lists = (const char *const[]){ "web1" };
	settings.defaults.may_lack_user = true;
	assert_targets(&settings, "web1:22");
}

static void overlapping_lists_are_harmless(void **state)
{
	static const char *const texts[] = { "web[1-3],web2", "web[2-4]",
		                             "WEB1:22,web1:24" };
	struct targets_settings settings = lists(texts, 3);

	(void)state;
	assert_targets(&settings, "root@web1:22 root@web2:22 root@web3:22 "
	                          "root@web4:22 root@web1:24");
}

static void the_host_file_comes_first_and_names_its_repeats(void **state)
{
	static const char text[] = "web1 u p\nweb2 u p\nWEB1 u secret\nbad\n";
	static const char *const texts[] = { "web[1-3]" };
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(texts, 1);
	char expected[512];

	(void)state;
	settings.host_file = memory.path;
	snprintf(expected, sizeof(expected),
	         "u@web1:22 u@web2:22 (%s:3: web1 port 22 was on line 1 "
	         "already; it is probed once) (%s:4: no password ('-' means "
	         "none)) root@web3:22",
	         memory.path, memory.path);
	assert_targets(&settings, expected);
	close(memory.fd);
}

static void a_repeat_is_named_with_both_lines(void **state)
{
	static const char text[] = "web1 u p\n::1 u p\n\nWEB1. other pw\n"
				   "[0::1]:22 u p\nweb1:2200 u p\n"
				   "web1 u p port=2200\nweb1 u p\n";
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(NULL, 0);
	const char *path = memory.path;
	char expected[1024];

	(void)state;
	settings.host_file = path;
	/* The first is named, not the last. */
	snprintf(expected, sizeof(expected),
	         "u@web1:22 u@::1:22 "
	         "(%s:4: web1 port 22 was on line 1 already; it is probed "
	         "once) "
	         "(%s:5: ::1 port 22 was on line 2 already; it is probed once) "
	         "u@web1:2200 "
	         "(%s:7: web1 port 2200 was on line 6 already; it is probed "
	         "once) "
	         "(%s:8: web1 port 22 was on line 1 already; it is probed "
	         "once)",
	         path, path, path, path);
	assert_targets(&settings, expected);
	close(memory.fd);
}

static void a_repeated_host_is_wiped(void **state)
{
	struct memory_file memory = memory_file("h u p\nh u secret\n", 17);
	struct targets_settings settings = lists(NULL, 0);
	static const struct host zero;
	struct targets *targets;
	struct host host;
	struct err err;

	(void)state;
	settings.host_file = memory.path;
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_int_equal(targets_next(targets, &host, NULL, &err),
	                 HOST_REPEATED);
	assert_memory_equal(&host, &zero, sizeof(host));
	assert_null(strstr(err.text, "secret"));
	targets_close(targets);
	close(memory.fd);
}

/* "@PATH" of a file in memory. */
struct list_file {
	struct memory_file memory;
	char word[40];
	const char *list;
};

static struct list_file list_file(const char *text)
{
	struct list_file file = { .memory = memory_file(text, strlen(text)) };

	snprintf(file.word, sizeof(file.word), "@%s", file.memory.path);
	return file;
}

static void a_file_holds_a_list_on_each_line(void **state)
{
	struct list_file file = list_file("\xEF\xBB\xBF# hosts\r\n web1 \r\n\n"
	                                  "web[2-3],web4 # old ones\r\n"
	                                  "bob@web5:24#x\n10.0.0.0/31");
	const char *const texts[] = { "web0", file.word, "web9" };
	struct targets_settings settings = lists(texts, 3);
	char expected[512];

	(void)state;
	snprintf(expected, sizeof(expected),
	         "root@web0:22 root@web1:22 root@web2:22 root@web3:22 "
	         "root@web4:22 (%s:5: 'bob@web5:24#x': bad port in "
	         "'web5:24#x' (1 to 65535)) root@10.0.0.0:22 root@10.0.0.1:22 "
	         "root@web9:22",
	         file.memory.path);
	assert_targets(&settings, expected);
	close(file.memory.fd);
}

static void a_bad_line_of_a_list_is_named_without_its_secret(void **state)
{
	struct list_file file =
	    list_file("web1\n10.0.0.1 root S3cr3t\n@/etc/hosts\n-\nweb[1-2\n"
	              "web2");
	const char *const texts[] = { file.word };
	struct targets_settings settings = lists(texts, 1);
	const char *path = file.memory.path;
	char expected[1024];

	(void)state;
	snprintf(expected, sizeof(expected),
	         "root@web1:22 (%s:2: '10.0.0.1': more follows behind a blank "
	         "(a host file is named without -w and @)) (%s:3: "
	         "'@/etc/hosts': a file within a file) (%s:4: '-': a file "
	         "within a file) (%s:5: 'web[1-2': '[' without ']') "
	         "root@web2:22",
	         path, path, path, path);
	assert_targets(&settings, expected);
	close(file.memory.fd);
}

static void a_host_knows_its_line_in_a_list(void **state)
{
	struct list_file file = list_file("\nweb1\n");
	const char *const texts[] = { file.word };
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets = open_targets(&settings);
	struct host host;
	struct err err;

	(void)state;
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_int_equal(host.line, 2);
	targets_close(targets);
	close(file.memory.fd);
}

static void what_is_excluded_does_not_come(void **state)
{
	static const struct {
		const char *list, *exclude, *hosts;
		size_t excluded;
	} cases[] = {
		{ "web[1-4]", "web2,WEB3.", "root@web1:22 root@web4:22", 2 },
		{ "web[1-4]", "web[2-9]", "root@web1:22", 3 },
		{ "web[01-03]", "web[1-3]",
		  "root@web01:22 root@web02:22 root@web03:22", 0 },
		{ "10.0.0.[1-4]", "10.0.0.0/30", "root@10.0.0.4:22", 3 },
		{ "10.0.0.[1-2],web1", "0.0.0.0/0", "root@web1:22", 2 },
		{ "::1,::2", "[::1]", "root@::2:22", 1 },
		{ "fe80::1%lo,fe80::2%lo", "fe80::1", "root@fe80::2%lo:22", 1 },
		{ "web1,web1:24", "web1:24", "root@web1:22", 1 },
		{ "web1,web1:24", "bob@web1:22", "root@web1:24", 1 },
		{ "web1,web1:24", "web1", "", 2 },
		{ "10.0.0.0/30,10.0.0.1:24", "10.0.0.0/31:24",
		  "root@10.0.0.1:22 root@10.0.0.2:22", 1 },
		{ "web1", "nobody", "root@web1:22", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct targets_settings settings = lists(&cases[i].list, 1);
		struct targets *targets;
		char text[1024];

		settings.excludes = &cases[i].exclude;
		settings.exclude_count = 1;
		targets = open_targets(&settings);
		read_targets(targets, text, sizeof(text));
		assert_string_equal(text, cases[i].hosts);
		assert_int_equal(targets_excluded(targets), cases[i].excluded);
		targets_close(targets);
	}
}

static void a_host_file_is_excluded_from_by_address_and_by_name(void **state)
{
	static const char text[] = "10.0.0.1 u p name=Gate\n10.0.0.2 u p\n"
				   "10.0.0.3 u p name=web7\n10.0.0.4 u p\n";
	static const char *const excludes[] = { "gate,10.0.0.4", "web[1-9]" };
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(NULL, 0);

	(void)state;
	settings.host_file = memory.path;
	settings.excludes = excludes;
	settings.exclude_count = 2;
	assert_targets(&settings, "u@10.0.0.2:22");
	close(memory.fd);
}

static void an_exclusion_that_is_not_understood_ends_it_all(void **state)
{
	static const char *const texts[] = { "web1" };
	struct list_file file = list_file("web1\nweb[2\n");
	const char *excludes[] = { "web[1" };
	struct targets_settings settings = lists(texts, 1);
	char expected[128];

	(void)state;
	settings.excludes = excludes;
	settings.exclude_count = 1;
	assert_refused(&settings, "-x: 'web[1': '[' without ']'");
	excludes[0] = file.word;
	snprintf(expected, sizeof(expected), "%s:2: 'web[2': '[' without ']'",
	         file.memory.path);
	assert_refused(&settings, expected);
	close(file.memory.fd);
}

/* Sets the port of web1, and knows nothing of bad. */
static bool complete(void *arg, struct host *host, struct err *err)
{
	unsigned *calls = arg;

	++*calls;
	if (strcmp(host->ip, "bad") == 0)
		return err_set(err, ERR_INPUT, "no way there");
	if (strcmp(host->ip, "web1") == 0 && !host->has_port)
		host->port = 24;
	return true;
}

static void a_host_is_completed_before_it_is_compared(void **state)
{
	static const char text[] = "web1 u p\nweb1:24 u p\nbad u p\n";
	static const char *const texts[] = { "web[1-2],bad", "web3" };
	static const char *const excludes[] = { "web2:22,web3" };
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(texts, 2);
	char expected[512];
	unsigned calls = 0;

	(void)state;
	settings.host_file = memory.path;
	settings.excludes = excludes;
	settings.exclude_count = 1;
	settings.complete = complete;
	settings.arg = &calls;
	snprintf(expected, sizeof(expected),
	         "u@web1:24 (%s:2: web1 port 24 was on line 1 already; it is "
	         "probed once) (%s:3: no way there) (-w: 'bad': no way "
	         "there)",
	         memory.path, memory.path);
	assert_targets(&settings, expected);
	/* All but web3, which was known to be excluded before. */
	assert_int_equal(calls, 6);
	close(memory.fd);
}

static void without_any_source_there_is_no_host(void **state)
{
	struct targets_settings settings = lists(NULL, 0);
	struct targets *targets = open_targets(&settings);

	(void)state;
	assert_null(targets_hostfile(targets));
	targets_close(targets);
	assert_targets(&settings, "");
	targets_close(NULL);
}

static void the_host_file_can_be_asked_for(void **state)
{
	struct memory_file memory = memory_file("h u p\n", 6);
	struct targets_settings settings = lists(NULL, 0);
	struct targets *targets;

	(void)state;
	settings.host_file = memory.path;
	targets = open_targets(&settings);
	assert_string_equal(hostfile_name(targets_hostfile(targets)),
	                    memory.path);
	targets_close(targets);
	close(memory.fd);
}

static void a_cancel_ends_the_counting(void **state)
{
	static const char *const texts[] = { "10.0.0.0/8" };
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets;
	struct host host;
	struct err err;

	(void)state;
	settings.cancel_fd = eventfd(0, EFD_CLOEXEC);
	targets = open_targets(&settings);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_READ);
	assert_string_equal(host.ip, "10.0.0.1");
	assert_int_equal(eventfd_write(settings.cancel_fd, 1), 0);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_END);
	assert_int_equal(targets_next(targets, &host, NULL, &err), HOST_END);
	targets_close(targets);
	close(settings.cancel_fd);
}

static void who_is_wanted_elsewhere_does_not_wait_for_the_excluded(void **state)
{
	static const char *const texts[] = { "10.0.0.0/16" };
	static const char *const excludes[] = { "10.0.0.0/17" };
	struct hostfile_wake wake = { .fd = eventfd(1, EFD_CLOEXEC) };
	struct targets_settings settings = lists(texts, 1);
	struct targets *targets;
	enum host_read got;
	struct host host;
	struct err err;
	unsigned woken = 0;

	(void)state;
	settings.excludes = excludes;
	settings.exclude_count = 1;
	targets = open_targets(&settings);
	while ((got = targets_next(targets, &host, &wake, &err)) ==
	       HOST_NOT_YET)
		woken++;
	assert_int_equal(got, HOST_READ);
	assert_string_equal(host.ip, "10.0.128.0");
	assert_int_equal(woken, 31);
	targets_close(targets);
	close(wake.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_names_hosts_ranges_and_networks),
		cmocka_unit_test(a_bad_word_is_named_before_anything_begins),
		cmocka_unit_test(a_host_of_a_list_lacks_its_password),
		cmocka_unit_test(
		    a_word_without_a_user_is_bad_once_where_one_is_needed),
		cmocka_unit_test(overlapping_lists_are_harmless),
		cmocka_unit_test(
		    the_host_file_comes_first_and_names_its_repeats),
		cmocka_unit_test(a_repeat_is_named_with_both_lines),
		cmocka_unit_test(a_repeated_host_is_wiped),
		cmocka_unit_test(a_file_holds_a_list_on_each_line),
		cmocka_unit_test(
		    a_bad_line_of_a_list_is_named_without_its_secret),
		cmocka_unit_test(a_host_knows_its_line_in_a_list),
		cmocka_unit_test(what_is_excluded_does_not_come),
		cmocka_unit_test(
		    a_host_file_is_excluded_from_by_address_and_by_name),
		cmocka_unit_test(
		    an_exclusion_that_is_not_understood_ends_it_all),
		cmocka_unit_test(a_host_is_completed_before_it_is_compared),
		cmocka_unit_test(without_any_source_there_is_no_host),
		cmocka_unit_test(the_host_file_can_be_asked_for),
		cmocka_unit_test(a_cancel_ends_the_counting),
		cmocka_unit_test(
		    who_is_wanted_elsewhere_does_not_wait_for_the_excluded),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
