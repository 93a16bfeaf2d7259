#include "inventory/sshconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sshconfig_fixture.h"

/*
 * What `ssh -G` says of a host, and what we say: of configurations that are put
 * together by chance, the same ones every time, and of some that are written
 * down. The cases use OpenSSH's oldest meaning that is still in use (9.2).
 */

/* ---- both answers as text -------------------------------------------- */

struct answer {
	bool ok;
	char hostname[300], user[300], port[16], checking[32], only[16];
	char identities[8192], jump[1024], user_hosts[4096], global_hosts[4096];
	char agent[1024];
};

static void add(char *list, size_t size, const char *value)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used > 0 ? " " : "", value);
}

#define ADD(list, value) add((list), sizeof(list), (value))

static void take_line(struct answer *answer, char *line)
{
	char *value = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (value == NULL)
		return;
	*value++ = '\0';
	if (strcmp(line, "hostname") == 0)
		ADD(answer->hostname, value);
	else if (strcmp(line, "user") == 0)
		ADD(answer->user, value);
	else if (strcmp(line, "port") == 0)
		ADD(answer->port, value);
	else if (strcmp(line, "stricthostkeychecking") == 0)
		ADD(answer->checking, value);
	else if (strcmp(line, "identitiesonly") == 0)
		ADD(answer->only, value);
	else if (strcmp(line, "identityagent") == 0)
		ADD(answer->agent, value);
	else if (strcmp(line, "identityfile") == 0)
		ADD(answer->identities, value);
	else if (strcmp(line, "proxyjump") == 0)
		ADD(answer->jump, value);
	else if (strcmp(line, "userknownhostsfile") == 0)
		ADD(answer->user_hosts, value);
	else if (strcmp(line, "globalknownhostsfile") == 0)
		ADD(answer->global_hosts, value);
}

/* What stands there when nothing is said. */
static struct answer by_default;

static void ask_ssh(struct answer *answer, const char *name, const char *host,
                    const char *user)
{
	char command[512], line[8192];
	FILE *ssh;

	memset(answer, 0, sizeof(*answer));
	snprintf(command, sizeof(command), "ssh -G -F '%s' %s %s -- '%s' 2>&-",
	         name, user != NULL ? "-l" : "", user != NULL ? user : "",
	         host);
	ssh = popen(command, "re"); /* NOLINT(cert-env33-c) */
	assert_non_null(ssh);
	while (fgets(line, sizeof(line), ssh) != NULL)
		take_line(answer, line);
	answer->ok = pclose(ssh) == 0;
}

static void add_all(char *list, size_t size, const char *const *values,
                    size_t count, const char *otherwise)
{
	if (count == 0)
		add(list, size, otherwise);
	for (size_t i = 0; i < count; i++)
		add(list, size, values[i]);
}

static const char *checking_word(enum sshconfig_checking checking)
{
	static const char *const words[] = {
		[SSHCONFIG_UNSET] = "ask",
		[SSHCONFIG_YES] = "true",
		[SSHCONFIG_ACCEPT_NEW] = "accept-new",
		[SSHCONFIG_NO] = "false",
	};

	return words[checking];
}

static void write_shared(struct answer *answer,
                         const struct sshconfig_shared *shared)
{
	const char *jump = shared->proxy_jump;

	ADD(answer->checking, checking_word(shared->checking));
	ADD(answer->only, shared->identities_only ? "yes" : "no");
	if (shared->identity_agent != NULL)
		ADD(answer->agent, shared->identity_agent);
	if (jump != NULL && strcmp(jump, "none") != 0)
		ADD(answer->jump, jump);
	add_all(answer->identities, sizeof(answer->identities),
	        shared->identity_files, shared->identity_count,
	        by_default.identities);
	add_all(answer->user_hosts, sizeof(answer->user_hosts),
	        shared->user_known_hosts, shared->user_known_hosts_count,
	        by_default.user_hosts);
	add_all(answer->global_hosts, sizeof(answer->global_hosts),
	        shared->global_known_hosts, shared->global_known_hosts_count,
	        by_default.global_hosts);
}

static void ask_us(struct answer *answer, const char *name, const char *host,
                   const char *user)
{
	/* The account's home, which is what ssh takes. */
	const struct sshconfig_settings settings = { .path = name };
	struct sshconfig *config = NULL;
	struct sshconfig_host found;
	char port[16];
	struct err err;

	memset(answer, 0, sizeof(*answer));
	if (!sshconfig_open(&config, &settings, &err) ||
	    !sshconfig_find(config, host, user, 0, &found, &err)) {
		assert_int_equal(err.kind, ERR_INPUT);
		sshconfig_close(config);
		return;
	}
	answer->ok = true;
	ADD(answer->hostname,
	    found.hostname[0] != '\0' ? found.hostname : host);
	ADD(answer->user, user != NULL            ? user
	                  : found.user[0] != '\0' ? found.user
	                                          : by_default.user);
	snprintf(port, sizeof(port), "%u",
	         found.port != 0 ? (unsigned)found.port : 22U);
	ADD(answer->port, port);
	write_shared(answer, found.shared);
	sshconfig_close(config);
}

static void show(const char *name)
{
	char line[4096];
	FILE *file = fopen(sshconfig_path(name), "r");

	if (file == NULL)
		return;
	fprintf(stderr, "---- %s\n", name);
	while (fgets(line, sizeof(line), file) != NULL)
		fputs(line, stderr);
	fclose(file);
}

static bool same(const char *what, const char *ssh, const char *us)
{
	if (strcmp(ssh, us) == 0)
		return true;
	fprintf(stderr, "%s: ssh has '%s', we have '%s'\n", what, ssh, us);
	return false;
}

/* yes and ask are one for us, which never asks. */
static const char *checking_of(const struct answer *ssh)
{
	return strcmp(ssh->checking, "ask") == 0 ? "true" : ssh->checking;
}

/* ssh passes over "none" among others when it loads them. */
static const char *keys_of(struct answer *ssh)
{
	static const char none[] = "none ";
	char *at;

	while (strcmp(ssh->identities, "none") != 0) {
		at = strstr(ssh->identities, none);
		if (at == NULL || (at > ssh->identities && at[-1] != ' '))
			break;
		memmove(at, at + strlen(none), strlen(at + strlen(none)) + 1);
	}
	at = strstr(ssh->identities, " none");
	if (at != NULL && at[strlen(" none")] == '\0')
		*at = '\0';
	return ssh->identities;
}

/* Differences so far: one test shows all of its own. */
static unsigned differences;

static void compare(const char *name, const char *host, const char *user)
{
	struct answer ssh, us;
	bool ok = true;

	ask_ssh(&ssh, sshconfig_path(name), host, user);
	ask_us(&us, sshconfig_path(name), host, user);
	if (ssh.ok != us.ok) {
		fprintf(stderr, "ssh %s, we %s\n",
		        ssh.ok ? "takes it" : "fails", us.ok ? "do" : "do not");
		ok = false;
	} else if (ssh.ok) {
		ok &= same("hostname", ssh.hostname, us.hostname);
		ok &= same("user", ssh.user, us.user);
		ok &= same("port", ssh.port, us.port);
		ok &= same("checking", checking_of(&ssh), checking_of(&us));
		ok &= same("identitiesonly", ssh.only, us.only);
		ok &= same("identityagent", ssh.agent, us.agent);
		ok &= same("identityfile", keys_of(&ssh), us.identities);
		ok &= same("proxyjump", ssh.jump, us.jump);
		ok &= same("userknownhosts", ssh.user_hosts, us.user_hosts);
		ok &=
		    same("globalknownhosts", ssh.global_hosts, us.global_hosts);
	}
	if (ok)
		return;
	fprintf(stderr, "host '%s', user '%s'\n", host,
	        user != NULL ? user : "");
	show(name);
	show("one.conf");
	show("two.conf");
	differences++;
}

/* ---- by chance ------------------------------------------------------- */

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
	differences = 0;
	chance = 4;
	for (unsigned i = 0; i < 150; i++) {
		write_by_chance("two.conf", NULL);
		write_by_chance("one.conf", "t*.conf");
		write_by_chance("config", below(2) ? "one.conf" : "*.conf");
		for (unsigned j = 0; j < 4; j++)
			compare("config", ONE_OF(hosts),
			        below(3) ? NULL : "bob");
	}
	assert_int_equal(differences, 0);
}

/* ---- written down ---------------------------------------------------- */

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
		"Match final\nPort 6\nHost web9\nUser late\nHost *\n"
		"HostName web9\n",
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
	differences = 0;
	sshconfig_write("one.conf", "");
	sshconfig_write("two.conf", "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sshconfig_write("config", texts[i]);
		compare("config", "web1", NULL);
	}
	assert_int_equal(differences, 0);
}

static void the_limits_are_those_of_ssh(void **state)
{
	char text[8192], *end = text;

	(void)state;
	differences = 0;
	for (unsigned i = 0; i < 100; i++)
		end += sprintf(end, "IdentityFile /k/%u\n", i);
	sshconfig_write("config", text);
	compare("config", "web1", NULL);
	strcat(text, "IdentityFile /k/100\n");
	sshconfig_write("config", text);
	compare("config", "web1", NULL);
	snprintf(text, sizeof(text), "Include %s/config\n", sshconfig_folder);
	sshconfig_write("config", text);
	compare("config", "web1", NULL);
	assert_int_equal(differences, 0);
}

static void others_must_not_write_what_is_included(void **state)
{
	/* What a group may do is a matter of the distribution's. */
	static const mode_t modes[] = { 0600, 0644, 0646, 0602, 0400 };
	char text[256];

	(void)state;
	differences = 0;
	snprintf(text, sizeof(text), "Include %s/one.conf\n", sshconfig_folder);
	sshconfig_write("config", text);
	sshconfig_write("one.conf", "Port 60\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(sshconfig_path("one.conf"), modes[i]),
		                 0);
		compare("config", "web1", NULL);
	}
	/* The named file itself is the user's own affair. */
	assert_int_equal(chmod(sshconfig_path("one.conf"), 0666), 0);
	compare("one.conf", "web1", NULL);
	assert_int_equal(differences, 0);
}

static int begin(void **state)
{
	if (sshconfig_fixture_begin(state) != 0)
		return -1;
	sshconfig_write("empty", "");
	ask_ssh(&by_default, sshconfig_path("empty"), "h", NULL);
	return by_default.ok ? 0 : -1;
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
