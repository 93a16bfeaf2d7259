#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/sshconfig_compare.h"
#include "tests/sshconfig_fixture.h"

/*
 * What `ssh -G` says of a host, and what we say: of configurations that are put
 * together by chance, the same ones every time, and of some that are written
 * down. The cases mean the same in OpenSSH 9.2 and 10.6.
 */

static uint32_t chance;

static unsigned below(unsigned limit)
{
	chance = chance * 1664525U + 1013904223U;
	return (chance >> 8) % limit;
}

#define ONE_OF(words) ((words)[below(sizeof(words) / sizeof((words)[0]))])

static const char *const hosts[] = { "web1",    "web2",     "web10.example.org",
	                             "db",      "db.local", "192.0.2.7",
	                             "web-ext", "x",        "bastion" };

static const char *const patterns[] = {
	"*",          "web*", "web?",     "!web2",      "*.example.org",
	"db",         "db*",  "!*.local", "x",          "192.0.2.?",
	"192.*",      "!db",  "w*1",      "*e*b*",      "??",
	"web1*.*org", "!w*",  "bastion",  "*-ext",      "10.0.0.*",
	"*web*",      "?",    "!?",       "web[1]",     "**",
	"\"web1\"",   "'db'", "we\\b1",   "target.net",
};

static const char *const lists[] = { "web*",        "db,x",     "*,!web2",
	                             "!web1,*",     "!db",      "*.net",
	                             "target.net",  "web?,x,*", "root,bob",
	                             "bob",         "\"web1\"", "a,b,,c",
	                             "192.0.2.0/24" };

static const char *const criteria[] = {
	"host",  "originalhost", "user",          "localuser", "HOST",
	"!host", "!user",        "!originalhost", "!localuser"
};

static const char *const settings_of_ours[] = {
	"HostName target.net",
	"HostName %h.example.com",
	"HostName 192.0.2.99",
	"hostname=Upper.Case",
	"HostName %%x",
	"Port 2222",
	"Port=2022",
	"PORT = 443",
	"Port ssh",
	"User bob",
	"User root",
	"User \"alice\"",
	"user 'al ice'",
	"IdentityFile /k/one",
	"IdentityFile /k/two",
	"IdentityFile \"/k/with blank\"",
	"IdentityFile=/k/three # why",
	"IdentityFile none",
	"IdentitiesOnly yes",
	"IdentitiesOnly No",
	"IdentityAgent none",
	"IdentityAgent /run/agent",
	"ProxyJump jump1",
	"ProxyJump bob@jump2:2222,jump3",
	"ProxyJump none",
	"UserKnownHostsFile /kh/one /kh/two",
	"UserKnownHostsFile ~/kh",
	"UserKnownHostsFile /kh/%h-%n-%p-%r-%u",
	"UserKnownHostsFile %d/x/%%/%i",
	"UserKnownHostsFile none",
	"UserKnownHostsFile ${HOME}/kh",
	"GlobalKnownHostsFile /g/one /g/two",
	"GlobalKnownHostsFile none",
	"StrictHostKeyChecking yes",
	"StrictHostKeyChecking accept-new",
	"StrictHostKeyChecking off",
	"StrictHostKeyChecking ASK",
	"HostKeyAlias one-of-them",
	"HostKeyAlias Upper.%h",
	"hostkeyalias=\"[x]:22\"",
	"UserKnownHostsFile /kh/%k",
	"RevokedHostKeys /revoked",
	"RevokedHostKeys none",
	"ForwardAgent yes",
	"ServerAliveInterval 30",
	"# User nobody",
	"",
	"\t",
	"SendEnv LANG LC_*",
};

static void write_condition(FILE *file)
{
	switch (below(8)) {
	case 0:
		fprintf(file, "Match all\n");
		return;
	case 1:
		fprintf(file, "Match %s%s\n", below(2) ? "final" : "canonical",
		        below(2) ? " all" : "");
		return;
	case 2:
	case 3:
		fprintf(file, "Match");
		for (unsigned i = below(2) + 1; i > 0; i--)
			fprintf(file, "%s%s %s", below(2) ? " " : "\t",
			        ONE_OF(criteria), ONE_OF(lists));
		fprintf(file, "\n");
		return;
	default:
		fprintf(file, "%s", below(3) ? "Host" : "host =");
		for (unsigned i = below(3) + 1; i > 0; i--)
			fprintf(file, " %s", ONE_OF(patterns));
		fprintf(file, "%s\n", below(6) ? "" : " # comment");
	}
}

static void write_by_chance(const char *name, const char *includes)
{
	const char *path = sshconfig_path(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	for (unsigned i = below(9) + 2; i > 0; i--) {
		unsigned what = below(10);

		if (what < 3)
			write_condition(file);
		else if (what == 3 && includes != NULL)
			fprintf(file, "Include %s/%s\n", sshconfig_folder,
			        includes);
		else
			fprintf(file, "%s%s%s\n", below(2) ? "  " : "",
			        ONE_OF(settings_of_ours),
			        below(8) ? "" : " \r");
	}
	assert_int_equal(fclose(file), 0);
}

static void chance_makes_no_difference(void **state)
{
	(void)state;
	sshconfig_differences = 0;
	chance = 4;
	for (unsigned i = 0; i < 60; i++) {
		write_by_chance("two.conf", NULL);
		write_by_chance("one.conf", "t*.conf");
		write_by_chance("config", below(2) ? "one.conf" : "*.conf");
		for (unsigned j = 0; j < 4; j++)
			sshconfig_compare("config", ONE_OF(hosts),
			                  below(3) ? NULL : "bob");
	}
	assert_int_equal(sshconfig_differences, 0);
}

static void odd_lines_mean_what_ssh_says(void **state)
{
	static const char *const texts[] = {
		"Host * !web1\nPort 1\n",
		"Host !web1 *\nPort 1\n",
		"Host !web1\nPort 1\n",
		"Port=1=2\n",
		"Port 22 23\n",
		"Port\n",
		"Port 0\n",
		"Port 65536\n",
		"Port -1\n",
		"Port 0x16\n",
		"Port \"22\n",
		"Port \"\"\n",
		"Host\n",
		"Host \"\"\n",
		"Host a \"\" b\n",
		"Match\n",
		"Match all all\n",
		"Match host\n",
		"Match bogus x\n",
		"Match !all\nPort 3\n",
		"Match host=web1\nPort 4\n",
		"Match host web1 # comment\nPort 5\n",
		"Match final host web*\nPort 6\nMatch all\nHostName web9\n",
		"Match final\nPort 6\nHost w9\nUser x\nHost *\nHostName w9\n",
		"HostName %h\n",
		"HostName %n\n",
		"HostName %\n",
		"HostName a b\n",
		"HostName\t=\tspaced\n",
		"\"Port\" 33\n",
		"   Port 34   \n",
		"\tPort\t35\f\n",
		"Port 37 # x\n",
		"Port 38#x\n",
		"Port '39'\n",
		"User a#b\n",
		"User a\\ b\n",
		"User 'a\\'b'\n",
		"User a\"b c\"d\n",
		"User \\\\\n",
		"User \\x\n",
		"StrictHostKeyChecking maybe\n",
		"IdentitiesOnly ask\n",
		"IdentitiesOnly TRUE\n",
		"UserKnownHostsFile none /x\n",
		"UserKnownHostsFile /x none\n",
		"UserKnownHostsFile /x\nUserKnownHostsFile /y\n",
		"UserKnownHostsFile NONE\n",
		"UserKnownHostsFile ~\n",
		"UserKnownHostsFile ~/\n",
		"UserKnownHostsFile ~//x\n",
		"UserKnownHostsFile x~y\n",
		"UserKnownHostsFile /x/%q\n",
		"UserKnownHostsFile /x/%k\n",
		"UserKnownHostsFile /x/%l-%L\n",
		"UserKnownHostsFile ${SSHINV_IS_NOT_SET}/x\n",
		"Host other\nUserKnownHostsFile ${SSHINV_IS_NOT_SET}/x\n",
		"HostKeyAlias a\nHostKeyAlias b\nUserKnownHostsFile /x/%k\n",
		"HostKeyAlias B%k\nUserKnownHostsFile /%k/%n\n",
		"HostKeyAlias none\n",
		"HostKeyAlias\n",
		"HostKeyAlias a b\n",
		"HostKeyAlias \"a b\"\n",
		"Host other\nHostKeyAlias a\nHost *\nHostKeyAlias b\n",
		"RevokedHostKeys NONE\nRevokedHostKeys /x\n",
		"RevokedHostKeys /x\nRevokedHostKeys none\n",
		"RevokedHostKeys none /x\n",
		"RevokedHostKeys\n",
		"ProxyCommand none\nProxyJump j\n",
		"ProxyJump j\nProxyCommand none\n",
		"ProxyJump = j\n",
		"ProxyJump=j\n",
		"ProxyJump j1,j2,u@j3:4\n",
		"ProxyJump [::1]:22\n",
		"Host other\nProxyJump j\nHost *\nProxyJump k\n",
		"IdentityFile /a\nIdentityFile /b\nIdentityFile /a\n",
		"Include\n",
		"Include /nowhere/at/all\n",
		"Include /nowhere/*\nPort 40\n",
		"Include \"\"\n",
		"Host other\nInclude one.conf\nHost *\nPort 41\n",
		"User\talice\nMatch user alice\nPort 42\n",
		"Match user alice\nPort 42\nMatch all\nUser alice\n",
		"HostName web7\nMatch host web7\nPort 43\n",
		"HostName web7\nMatch originalhost web7\nPort 43\n",
		"HostName web7\nHost web7\nPort 43\n",
		"Match host WEB1\nPort 44\n",
		"Match localuser root\nPort 45\n",
		"Host web?\nPort 46\n",
		"Host w*b*1*\nPort 47\n",
		"Host *****\nPort 48\n",
		"Host ?*?\nPort 49\n",
		"Host web1?\nPort 50\n",
		"Match host we*,!web1\nPort 51\n",
		"Match canonical\nPort 52\n",
		"Match !canonical\nPort 53\n",
		"Match final all\nPort 54\n",
		"Match all final\nPort 54\n",
		"Match canonical all\nPort 55\nMatch final\nUser f\n",
	};

	(void)state;
	sshconfig_differences = 0;
	sshconfig_write("one.conf", "");
	sshconfig_write("two.conf", "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sshconfig_write("config", texts[i]);
		sshconfig_compare("config", "web1", NULL);
	}
	assert_int_equal(sshconfig_differences, 0);
}

static void the_limits_are_those_of_ssh(void **state)
{
	char text[8192], *end = text;

	(void)state;
	sshconfig_differences = 0;
	for (unsigned i = 0; i < 100; i++)
		end += sprintf(end, "IdentityFile /k/%u\n", i);
	sshconfig_write("config", text);
	sshconfig_compare("config", "web1", NULL);
	sprintf(end, "IdentityFile /k/100\n");
	sshconfig_write("config", text);
	sshconfig_compare("config", "web1", NULL);
	snprintf(text, sizeof(text), "Include %s/config\n", sshconfig_folder);
	sshconfig_write("config", text);
	sshconfig_compare("config", "web1", NULL);
	assert_int_equal(sshconfig_differences, 0);
}

static void others_must_not_write_what_is_included(void **state)
{
	/* What a group may do is a matter of the distribution's. */
	static const mode_t modes[] = { 0600, 0644, 0646, 0602, 0400 };
	char text[256];

	(void)state;
	sshconfig_differences = 0;
	snprintf(text, sizeof(text), "Include %s/one.conf\n", sshconfig_folder);
	sshconfig_write("config", text);
	sshconfig_write("one.conf", "Port 60\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(sshconfig_path("one.conf"), modes[i]),
		                 0);
		sshconfig_compare("config", "web1", NULL);
	}
	/* The named file itself is the user's own affair. */
	assert_int_equal(chmod(sshconfig_path("one.conf"), 0666), 0);
	sshconfig_compare("one.conf", "web1", NULL);
	assert_int_equal(sshconfig_differences, 0);
}

static int begin(void **state)
{
	if (sshconfig_fixture_begin(state) != 0)
		return -1;
	return sshconfig_compare_begin() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_lines_mean_what_ssh_says),
		cmocka_unit_test(the_limits_are_those_of_ssh),
		cmocka_unit_test(others_must_not_write_what_is_included),
		cmocka_unit_test(chance_makes_no_difference),
	};

	/* NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe) */
	if (system("ssh -V 2>&-") != 0)
		return 77; /* no ssh here */
	return !!cmocka_run_group_tests(tests, begin, sshconfig_fixture_end);
}
