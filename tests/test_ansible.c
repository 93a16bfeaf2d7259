#include "inventory/ansible.h"

#include "tests/ansible_fixture.h"

/* The INI form, and what is none. */

static void hosts_and_their_variables_are_read(void **state)
{
	(void)state;
	assert_hosts("# a comment\n; another\n\n"
	             "mail.example.com\n"
	             "[web]\n"
	             "Alpha ansible_host=10.0.0.1 ansible_port=2222 "
	             "ansible_user=bob ansible_password=secret "
	             "ansible_ssh_private_key_file=~/.ssh/id http_port=80\r\n"
	             "beta:2200   # behind a host\n",
	             "mail.example.com=mail.example.com:22 dflt - - []\n"
	             "Alpha=10.0.0.1:2222 bob secret ~/.ssh/id [web]\n"
	             "beta=beta:2200 dflt - - [web]\n");
}

/* As the documentation of Ansible's INI form shows them. */
static void groups_pass_their_variables_on(void **state)
{
	(void)state;
	assert_hosts("[web]\nhost1\nhost2 ansible_port=222\n"
	             "[web:vars]\nansible_user = w eb\nansible_port=8080\n"
	             "[web:children]\napache # first\nnginx\n"
	             "[apache]\ntomcat1\ntomcat2 ansible_user=own\n"
	             "tomcat3 ansible_password=\"'03#pa33w0rd'\"\n"
	             "[nginx]\njenkins1\ntomcat1\n"
	             "[nginx:vars]\nansible_port=9090\n"
	             "[all:vars]\nansible_port=1\nansible_password=all\n",
	             "host1=host1:8080 w eb all - [web]\n"
	             "host2=host2:222 w eb all - [web]\n"
	             "tomcat1=tomcat1:9090 w eb all - [apache]\n"
	             "tomcat2=tomcat2:8080 own all - [apache]\n"
	             "tomcat3=tomcat3:8080 w eb 03#pa33w0rd - [apache]\n"
	             "jenkins1=jenkins1:9090 w eb all - [nginx]\n");
}

static void the_nearer_group_wins_and_then_the_later_name(void **state)
{
	(void)state;
	/* Of equally near ones the later name, unless a priority says more. */
	assert_hosts("[b]\nh\n[a]\nh\n[a:vars]\nansible_user=a\n"
	             "[b:vars]\nansible_user=b\n",
	             "h=h:22 b - - [b]\n");
	assert_hosts("[b]\nh\n[a]\nh\n[a:vars]\nansible_user=a\n"
	             "ansible_group_priority=10\n[b:vars]\nansible_user=b\n",
	             "h=h:22 a - - [b]\n");
	/* The child of a child is nearer, whatever it is called. */
	assert_hosts("[z:children]\ny\n[y:children]\nx\n[x]\nh\n"
	             "[z:vars]\nansible_user=z\n[y:vars]\nansible_user=y\n"
	             "[x:vars]\nansible_user=x\n",
	             "h=h:22 x - - [x]\n");
	assert_hosts("[z:children]\ny\n[y:children]\nx\n[x]\nh\n"
	             "[z:vars]\nansible_user=z\n[y:vars]\nansible_user=y\n",
	             "h=h:22 y - - [x]\n");
	/* Later lines of one host add up, and replace. */
	assert_hosts("[a]\nh ansible_user=one ansible_port=1\n[b]\n"
	             "h ansible_user=two\n",
	             "h=h:1 two - - [a]\n");
}

static void other_names_of_a_variable_are_known(void **state)
{
	(void)state;
	assert_hosts("a ansible_ssh_host=10.0.0.1 ansible_ssh_port=24 "
	             "ansible_ssh_user=u ansible_ssh_pass=p "
	             "ansible_private_key_file=k\n"
	             "b ansible_ssh_host=10.0.0.2 ansible_host=10.0.0.3\n"
	             "c ansible_ssh_password=x ansible_password=y\n",
	             "a=10.0.0.1:24 u p k []\n"
	             "b=10.0.0.2:22 dflt - - []\n"
	             "c=c:22 dflt x - []\n");
}

static void words_of_a_line_are_those_of_a_shell(void **state)
{
	static const struct {
		const char *value, *password;
	} cases[] = {
		{ "secret", "secret" },
		{ "\"two words\"", "two words" },
		{ "'two words'", "two words" },
		{ "two\\ words", "two words" },
		{ "a\\\"b", "a\"b" },
		{ "\"a\\\"b\"", "a\"b" },
		{ "'a\\b'", "a\\b" },
		{ "\"a\\b\"", "a\\b" },
		{ "\"a\\\\b\"", "a\\b" },
		{ "pre'fix'ed", "prefixed" },
		{ "a=b", "a=b" },
		{ "a#b", "a" },
		{ "\"a#b\"", "a#b" },
		{ "a\\#b", "a#b" },
		{ "\"'03#pa33w0rd'\"", "03#pa33w0rd" },
		{ "'\"quoted\"'", "quoted" },
		{ "\"'it\\\\'s'\"", "it's" },
		{ "\"'a'b'\"", "'a'b'" },
		{ "0123", "0123" },
		{ "12e4", "12e4" },
		{ "\"{ {\"", "{ {" },
		{ "p\xC3\xA4ss", "p\xC3\xA4ss" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char text[128], expected[128];

		snprintf(text, sizeof(text), "h ansible_password=%s",
		         cases[i].value);
		snprintf(expected, sizeof(expected), "h=h:22 dflt %s - []\n",
		         cases[i].password);
		assert_hosts(text, expected);
	}
}

static void a_variable_of_a_group_is_the_rest_of_its_line(void **state)
{
	(void)state;
	assert_hosts("[g]\nh\n[g:vars]\n  ansible_user =  two words # all\n"
	             "ansible_password='a # b'\nother\\=1=2\n",
	             "h=h:22 two words # all a # b - [g]\n");
}

static void patterns_stand_for_many_hosts(void **state)
{
	(void)state;
	assert_hosts("[w]\nweb[01:03].x:24 ansible_user=u\ndb-[a:b]\n"
	             "[::1]:25\n[::2] ansible_port=26\n::3\n",
	             "web01.x=web01.x:24 u - - [w]\n"
	             "web02.x=web02.x:24 u - - [w]\n"
	             "web03.x=web03.x:24 u - - [w]\n"
	             "db-a=db-a:22 dflt - - [w]\n"
	             "db-b=db-b:22 dflt - - [w]\n"
	             "::1=::1:25 dflt - - [w]\n"
	             "::2=::2:26 dflt - - [w]\n"
	             "::3=::3:22 dflt - - [w]\n");
}

static void a_bad_host_is_named_without_its_secret(void **state)
{
	(void)state;
	assert_hosts("a ansible_port=99999\n"
	             "b ansible_host=10.0.0.999\n"
	             "c ansible_password='S3cr3t\n"
	             "d S3cr3t\n"
	             "e:x\n"
	             "f: S3cr3t=1\n"
	             "web[3:1]\n"
	             "g_h!\n"
	             "i ansible_host=web1:24\n"
	             "j ansible_port=x\n"
	             "web[1:9999999]\n"
	             "fine\n",
	             "(:1: host 'a': bad ansible_port (1 to 65535))\n"
	             "(:2: host 'b': '10.0.0.999' is not an address)\n"
	             "(:3: a quote is not closed)\n"
	             "(:4: a variable without '=')\n"
	             "(:5: host 'e': bad ansible_port (1 to 65535))\n"
	             "(:6: no host before, or no port behind the ':')\n"
	             "(:7: a range that counts down in brackets)\n"
	             "(:8: host 'g_h!': 'g_h!' is not an address)\n"
	             "(:9: host 'i': a port in ansible_host (ansible_port "
	             "names it))\n"
	             "(:10: host 'j': bad ansible_port (1 to 65535))\n"
	             "(:11: more than 1000000 hosts)\n"
	             "fine=fine:22 dflt - - []\n");
}

static void a_host_without_a_user_is_bad_where_one_is_needed(void **state)
{
	const struct host_defaults none = { .port = 22 };
	struct memory_file memory;
	struct ansible *ansible;
	struct host host;
	struct err err;

	(void)state;
	assert_true(
	    open_text(&ansible, &memory, "h\ni ansible_user=u", 18, &err));
	assert_int_equal(ansible_next(ansible, &host, &none, &err), HOST_BAD);
	assert_non_null(strstr(err.text, "host 'h': no user (ansible_user)"));
	assert_int_equal(ansible_next(ansible, &host, &none, &err), HOST_READ);
	assert_string_equal(host.user, "u");
	ansible_close(ansible);
	close(memory.fd);
}

static void what_is_no_inventory_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "[web:hots]\n", ":1: unknown kind of section 'hots' (hosts, "
		                  "vars and children are known)" },
		{ "[web db]\n", ":1: no section, which is [group], "
		                "[group:vars] or [group:children]" },
		{ "[web] ; hosts\n",
		  ":1: no section, which is [group], [group:vars] or "
		  "[group:children]" },
		{ "[]\n", ":1: no section, which is [group], [group:vars] or "
		          "[group:children]" },
		{ "a\n[web:vars]\nansible_user=u\n",
		  ":2: there is no group 'web'" },
		{ "[web:children]\ndb\n", ":2: there is no group 'db'" },
		{ "[web:children]\na b\n[web:vars]\n",
		  ":2: no name of a group" },
		{ "[web]\n[web:vars]\nS3cr3t\n", ":3: a variable without '='" },
		{ "[a:children]\nb\n[b:children]\na\n",
		  ": group 'a' is within itself" },
		{ "h \xFF\n", ":1: not UTF-8 (byte 3)" },
		{ "---\nall:\n  hosts:\n",
		  ":1: this looks like YAML, which `ansible-inventory -i FILE "
		  "--list` turns into JSON" },
		{ "all:\n  hosts:\n    web1:\n",
		  ":1: this looks like YAML, which `ansible-inventory -i FILE "
		  "--list` turns into JSON" },
		{ "#!/usr/bin/python3\n",
		  ": a program; what it prints with --list can be read" },
		{ "$ANSIBLE_VAULT;1.1;AES256\n613\n",
		  ": encrypted; what `ansible-inventory --list` makes of it "
		  "can be read" },
		{ "{\"web\": [\"S3cr3t\"", ":1: no JSON (column 17)" },
		{ "{\"web\": 1}", ": group 'web' is neither {…} nor […]" },
		{ "{\"web\": {\"hosts\": 1}}",
		  ": the hosts of group 'web' are no list" },
		{ "{\"web\": {\"hosts\": [1]}}",
		  ": group 'web' has a host that is no name" },
		{ "{\"web\": {\"children\": [1]}}",
		  ": group 'web' has a child that is no name" },
		{ "{\"web\": {\"children\": [\"web\"]}}",
		  ": group 'web' is within itself" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_no_inventory(cases[i].text, cases[i].reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_their_variables_are_read),
		cmocka_unit_test(groups_pass_their_variables_on),
		cmocka_unit_test(the_nearer_group_wins_and_then_the_later_name),
		cmocka_unit_test(other_names_of_a_variable_are_known),
		cmocka_unit_test(words_of_a_line_are_those_of_a_shell),
		cmocka_unit_test(a_variable_of_a_group_is_the_rest_of_its_line),
		cmocka_unit_test(patterns_stand_for_many_hosts),
		cmocka_unit_test(a_bad_host_is_named_without_its_secret),
		cmocka_unit_test(
		    a_host_without_a_user_is_bad_where_one_is_needed),
		cmocka_unit_test(what_is_no_inventory_is_refused),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
