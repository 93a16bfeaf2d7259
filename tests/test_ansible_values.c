#include "inventory/ansible.h"

#include "tests/ansible_fixture.h"

#include <sys/eventfd.h>

/* JSON, values that are not known, and an inventory as a source. */

/* As `ansible-inventory --list` prints it. */
static const char listed[] =
    "{\n"
    "  \"_meta\": {\"hostvars\": {\n"
    "    \"web1\": {\"ansible_host\": \"10.0.0.1\", \"ansible_port\": 2222,\n"
    "             \"ansible_user\": \"bob\", \"ansible_password\": \"p w\",\n"
    "             \"nested\": {\"ansible_user\": \"no\"}},\n"
    "    \"web2\": {\"ansible_password\": {\"__ansible_unsafe\":"
    " \"{{pw}}\"}, \"ansible_port\": null},\n"
    "    \"alone\": {\"ansible_ssh_private_key_file\": \"~/.ssh/id\",\n"
    "              \"ansible_password\": 12345},\n"
    "    \"nobody\": {\"ansible_host\": \"10.9.9.9\"}\n"
    "  }},\n"
    "  \"all\": {\"children\": [\"ungrouped\", \"dc1\"]},\n"
    "  \"dc1\": {\"children\": [\"web\"], \"vars\": {\"ansible_user\":"
    " \"ops\"}},\n"
    "  \"old\": [\"web2\", \"web3\"],\n"
    "  \"ungrouped\": {\"hosts\": [\"alone\"]},\n"
    "  \"web\": {\"hosts\": [\"web1\", \"web2\"]}\n"
    "}\n";

static void json_is_read_as_ansible_prints_it(void **state)
{
	(void)state;
	assert_hosts(listed, "web2=web2:22 ops {{pw}} - [old]\n"
	                     "web3=web3:22 dflt - - [old]\n"
	                     "alone=alone:22 dflt 12345 ~/.ssh/id []\n"
	                     "web1=10.0.0.1:2222 bob p w - [web]\n");
	assert_int_equal(warned.count, 0);
	assert_hosts(" \n{\"_meta\": {}}", "");
	assert_hosts("\xEF\xBB\xBF{\"g\": {\"hosts\": [\"h\"]}}",
	             "h=h:22 dflt - - [g]\n");
}

static void a_password_that_is_not_known_is_lacking_and_told_once(void **state)
{
	(void)state;
	assert_hosts("a ansible_password=\"{{ vaulted }}\"\n"
	             "b ansible_ssh_pass='!vault |'\n"
	             "c ansible_ssh_private_key_file={%x%}\n",
	             "a=a:22 dflt - - []\nb=b:22 dflt - - []\n"
	             "c=c:22 dflt - - []\n");
	assert_int_equal(warned.count, 1);
	assert_non_null(strstr(warned.text,
	                       ": ansible_password of 'a' is a template or "
	                       "encrypted, so it is not known here; so may be "
	                       "that of others"));
	assert_hosts("{\"_meta\": {\"hostvars\": {\"h\": {\"ansible_password\":"
	             "{\"__ansible_vault\": \"$ANSIBLE_VAULT;1.1;AES256\\n6\"},"
	             "\"ansible_user\": \"u\"}}}, \"g\": [\"h\"]}",
	             "h=h:22 u - - [g]\n");
	assert_int_equal(warned.count, 1);
}

static void passwords_that_others_can_read_are_warned_about(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		unsigned warnings;
	} cases[] = {
		{ "h ansible_password=p\n", 0644, 1 },
		{ "h\n[all:vars]\nansible_ssh_pass=p\n", 0604, 1 },
		{ "h ansible_password=p\n", 0640, 0 },
		{ "h ansible_user=p\n", 0644, 0 },
		{ "h ansible_password={{p}}\n", 0644, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct ansible_settings settings = { .cancel_fd = -1,
			                             .warn = warn };
		struct memory_file memory =
		    memory_file(cases[i].text, strlen(cases[i].text));
		struct ansible *ansible;
		struct err err;

		memset(&warned, 0, sizeof(warned));
		assert_int_equal(fchmod(memory.fd, cases[i].mode), 0);
		settings.path = memory.path;
		assert_true(ansible_open(&ansible, &settings, &err));
		assert_int_equal(warned.count, cases[i].warnings);
		if (warned.count > 0)
			assert_non_null(
			    strstr(warned.text,
			           " holds passwords and others can read it"));
		ansible_close(ansible);
		close(memory.fd);
	}
}

static void another_value_that_is_not_known_makes_a_bad_host(void **state)
{
	(void)state;
	assert_hosts("a ansible_host=\"{{ x }}\"\nb ansible_user={{x}}\n"
	             "c ansible_port={{x}}\n",
	             "(:1: host 'a': ansible_host is a template or encrypted "
	             "(`ansible-inventory --list` knows it))\n"
	             "(:2: host 'b': ansible_user is a template or encrypted "
	             "(`ansible-inventory --list` knows it))\n"
	             "(:3: host 'c': ansible_port is a template or encrypted "
	             "(`ansible-inventory --list` knows it))\n");
	assert_int_equal(warned.count, 0);
}

static void values_may_be_as_long_as_a_lines_and_no_longer(void **state)
{
	char text[HOST_PASSWORD_MAX + 64];

	(void)state;
	for (int more = 0; more < 2; more++) {
		char *end = stpcpy(text, "h ansible_password=");
		struct memory_file memory;
		struct ansible *ansible;
		struct host host;
		struct err err;

		memset(end, 'x', (size_t)(HOST_PASSWORD_MAX + more));
		end[HOST_PASSWORD_MAX + more] = '\0';
		assert_true(
		    open_text(&ansible, &memory, text, strlen(text), &err));
		assert_int_equal(ansible_next(ansible, &host, &with_user, &err),
		                 more == 0 ? HOST_READ : HOST_BAD);
		if (more == 1)
			assert_non_null(strstr(
			    err.text, "ansible_password over 1023 bytes"));
		ansible_close(ansible);
		close(memory.fd);
	}
}

static void a_cancel_ends_the_reading_of_a_silent_pipe(void **state)
{
	struct ansible_settings settings = { .cancel_fd =
		                                 eventfd(1, EFD_CLOEXEC) };
	struct ansible *ansible = NULL;
	struct err err;
	char path[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	settings.path = path;
	assert_false(ansible_open(&ansible, &settings, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_null(ansible);
	close(ends[0]);
	close(ends[1]);
	close(settings.cancel_fd);
}

static void a_folder_and_a_missing_file_are_named(void **state)
{
	struct ansible_settings settings = { .path = "/", .cancel_fd = -1 };
	struct ansible *ansible = NULL;
	struct err err;

	(void)state;
	assert_false(ansible_open(&ansible, &settings, &err));
	assert_string_equal(err.text,
	                    "inventory '/': a folder, which `ansible-inventory "
	                    "-i FOLDER --list` turns into JSON");
	settings.path = "/nowhere/at/all";
	assert_false(ansible_open(&ansible, &settings, &err));
	assert_string_equal(err.text, "inventory '/nowhere/at/all': cannot "
	                              "open: No such file or directory");
	assert_int_equal(err.kind, ERR_INPUT);
}

/* Through targets: excluded by either name, repeats in silence. */
static void an_inventory_is_a_source_of_targets(void **state)
{
	static const char text[] =
	    "[g]\nAlias ansible_host=10.0.0.1\nweb1\nweb2\n"
	    "again ansible_host=10.0.0.1\nbad! ansible_user=u\n";
	static const char *const texts[] = { "web1" };
	static const char *const excludes[] = { "alias,web2" };
	struct memory_file memory = memory_file(text, strlen(text));
	struct targets_settings settings = lists(texts, 1);
	char expected[256];

	(void)state;
	settings.inventory = memory.path;
	settings.excludes = excludes;
	settings.exclude_count = 1;
	snprintf(expected, sizeof(expected),
	         "root@web1:22 root@10.0.0.1:22 (%s:6: host 'bad!': 'bad!' is "
	         "not an address)",
	         memory.path);
	assert_targets(&settings, expected);
	close(memory.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_read_as_ansible_prints_it),
		cmocka_unit_test(
		    a_password_that_is_not_known_is_lacking_and_told_once),
		cmocka_unit_test(
		    passwords_that_others_can_read_are_warned_about),
		cmocka_unit_test(
		    another_value_that_is_not_known_makes_a_bad_host),
		cmocka_unit_test(
		    values_may_be_as_long_as_a_lines_and_no_longer),
		cmocka_unit_test(a_cancel_ends_the_reading_of_a_silent_pipe),
		cmocka_unit_test(a_folder_and_a_missing_file_are_named),
		cmocka_unit_test(an_inventory_is_a_source_of_targets),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
