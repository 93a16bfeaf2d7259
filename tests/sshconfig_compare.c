#include "tests/sshconfig_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "inventory/sshconfig.h"
#include "tests/sshconfig_fixture.h"

/* Both answers as text. */
struct answer {
	bool ok;
	char hostname[300], user[300], port[16], checking[32], only[16];
	char identities[8192], jump[1024], user_hosts[4096], global_hosts[4096];
	char agent[1024], alias[512], revoked[1024];
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
	else if (strcmp(line, "hostkeyalias") == 0)
		ADD(answer->alias, value);
	else if (strcmp(line, "revokedhostkeys") == 0)
		ADD(answer->revoked, value);
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

unsigned sshconfig_differences;

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
	if (shared->host_key_alias != NULL)
		ADD(answer->alias, shared->host_key_alias);
	if (shared->revoked_host_keys)
		ADD(answer->revoked, "some");
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

/* That there is a file is all that we know. OpenSSH 10 says so where there is
 * none. */
static const char *revoked_of(const struct answer *ssh)
{
	return ssh->revoked[0] != '\0' && strcmp(ssh->revoked, "none") != 0
	           ? "some"
	           : "";
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

void sshconfig_compare(const char *name, const char *host, const char *user)
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
		ok &= same("hostkeyalias", ssh.alias, us.alias);
		ok &= same("revokedhostkeys", revoked_of(&ssh), us.revoked);
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
	sshconfig_differences++;
}

bool sshconfig_compare_begin(void)
{
	sshconfig_write("empty", "");
	ask_ssh(&by_default, sshconfig_path("empty"), "h", NULL);
	return by_default.ok;
}
