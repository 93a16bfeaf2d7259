#include "inventory/ansible.h"

#include "tests/ansible_fixture.h"

/* Hosts that Ansible does not reach by a connection to their address. */

static void assert_has_jump_host(const char *variable, const char *value,
                                 const char *says)
{
	char text[512], expected[512];

	snprintf(text, sizeof(text), "[g]\nh\n[g:vars]\n%s=%s\n", variable,
	         value);
	snprintf(expected, sizeof(expected),
	         "(:2: host 'h': %s %s (--jump names it, or none))\n", variable,
	         says);
	assert_hosts(text, expected);
}

static void a_bastion_in_the_arguments_of_ssh_is_not_left_out(void **state)
{
	static const char *const variables[] = {
		"ansible_ssh_args",
		"ansible_ssh_common_args",
		"ansible_ssh_extra_args",
		"ansible_ssh_executable",
	};
	static const char *const bastions[] = {
		"-o ProxyCommand=\"ssh -W %h:%p -q bastion\"",
		"'-o ProxyCommand=\"ssh -W %h:%p -q bastion\"'",
		"-oProxyJump=bastion",
		"-o proxyjump=u@bastion:23",
		"-o 'ProxyJump bastion'",
		"-J bastion",
		"-Jbastion",
		"-C -J bastion",
		"-4AJ bastion",
		"\"-J bastion\"",
		"-o ControlMaster=auto\t-J\tbastion",
		"-o ProxyJump=none -J bastion",
		"-o ProxyCommand=nonesuch",
		"-J nonesuch",
	};

	(void)state;
	for (size_t v = 0; v < ARRAY_LENGTH(variables); v++) {
		for (size_t i = 0; i < ARRAY_LENGTH(bastions); i++)
			assert_has_jump_host(variables[v], bastions[i],
			                     "has a jump host, which sshinv "
			                     "does not take from it");
		assert_has_jump_host(variables[v], "{{ bastion_args }}",
		                     "is a template or encrypted, and may have "
		                     "a jump host");
	}
	assert_has_jump_host("ansible_paramiko_proxy_command", "nc %h %p",
	                     "has a jump host, which sshinv does not take "
	                     "from it");
	assert_has_jump_host("ansible_libssh_proxy_command", "nc %h %p",
	                     "has a jump host, which sshinv does not take "
	                     "from it");
	/* They add up. */
	assert_hosts("h ansible_ssh_common_args='-J b' ansible_ssh_args=-C "
	             "ansible_ssh_extra_args=-4\n",
	             "(:1: host 'h': ansible_ssh_common_args has a jump host, "
	             "which sshinv does not take from it (--jump names it, or "
	             "none))\n");
}

static void other_arguments_of_ssh_do_not_matter(void **state)
{
	static const char *const values[] = {
		"",
		"-C -o ControlMaster=auto -o ControlPersist=60s",
		"-o StrictHostKeyChecking=no",
		"-o ProxyJump=none",
		"-o ProxyCommand=\"none\"",
		"-J none",
		"-i /keys/a-J -o User=x-J",
		"/usr/bin/ssh",
		"-",
		"--",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		char text[256];

		snprintf(text, sizeof(text),
		         "[g]\nh\n[g:vars]\nansible_ssh_common_args=%s\n",
		         values[i]);
		assert_hosts(text, "h=h:22 dflt - - [g]\n");
	}
	assert_hosts("h ansible_libssh_proxy_command=none "
	             "ansible_paramiko_proxy_command=''\n",
	             "h=h:22 dflt - - []\n");
}

static void a_bastion_does_not_matter_where_the_way_is_known(void **state)
{
	static const char text[] = "h ansible_ssh_common_args='-J bastion'\n"
				   "i ansible_ssh_args={{x}}\n";
	struct memory_file memory = memory_file(text, sizeof(text) - 1);
	struct ansible_settings settings = { .path = memory.path,
		                             .cancel_fd = -1,
		                             .way_is_known = true };
	struct ansible *ansible;
	char hosts[256];
	struct err err;

	(void)state;
	assert_true(ansible_open(&ansible, &settings, &err));
	read_hosts(ansible, memory.path, hosts, sizeof(hosts));
	assert_string_equal(hosts, "h=h:22 dflt - - []\ni=i:22 dflt - - []\n");
	ansible_close(ansible);
	close(memory.fd);
}

static void hosts_of_another_connection_are_left_out_and_counted(void **state)
{
	(void)state;
	assert_hosts("a ansible_connection=local ansible_ssh_args=-Jx\n"
	             "b ansible_connection=ssh\nc\n"
	             "d ansible_connection=winrm ansible_port=no\n"
	             "e ansible_connection=smart\n"
	             "f ansible_connection=ansible.netcommon.libssh\n"
	             "[g]\nw[1:3]\n[g:vars]\n"
	             "ansible_connection=community.docker.docker\n",
	             "b=b:22 dflt - - []\nc=c:22 dflt - - []\n"
	             "e=e:22 dflt - - []\nf=f:22 dflt - - []\n");
	assert_int_equal(warned.count, 1);
	assert_memory_equal(warned.text, "5 hosts of ", 11);
	assert_non_null(
	    strstr(warned.text, " have another connection than ssh: left out"));
	assert_hosts("{\"_meta\": {\"hostvars\": {\"h\": "
	             "{\"ansible_connection\": \"local\"}}}, \"g\": "
	             "[\"h\", \"i\"]}",
	             "i=i:22 dflt - - [g]\n");
	assert_int_equal(warned.count, 1);
	assert_memory_equal(warned.text, "1 host of ", 10);
	assert_non_null(
	    strstr(warned.text, " has another connection than ssh: left out"));
}

static void a_connection_that_is_not_known_makes_a_bad_host(void **state)
{
	(void)state;
	assert_hosts("a ansible_connection={{x}}\n",
	             "(:1: host 'a': ansible_connection is a template or "
	             "encrypted (`ansible-inventory --list` knows it))\n");
	assert_int_equal(warned.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_bastion_in_the_arguments_of_ssh_is_not_left_out),
		cmocka_unit_test(other_arguments_of_ssh_do_not_matter),
		cmocka_unit_test(
		    a_bastion_does_not_matter_where_the_way_is_known),
		cmocka_unit_test(
		    hosts_of_another_connection_are_left_out_and_counted),
		cmocka_unit_test(
		    a_connection_that_is_not_known_makes_a_bad_host),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
