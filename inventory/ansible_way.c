#include "inventory/ansible_way.h"

#include <string.h>
#include <strings.h>

bool ansible_is_ssh(const struct ansible_value *const *values)
{
	static const char *const by_ssh[] = {
		"",
		"ssh",
		"smart",
		"paramiko",
		"paramiko_ssh",
		"libssh",
		"ansible.builtin.ssh",
		"ansible.builtin.paramiko_ssh",
		"ansible.netcommon.libssh",
	};
	const struct ansible_value *connection = values[ANSIBLE_CONNECTION];

	if (connection == NULL)
		return true;
	for (size_t i = 0; i < sizeof(by_ssh) / sizeof(by_ssh[0]); i++) {
		if (strcmp(connection->text, by_ssh[i]) == 0)
			return true;
	}
	return false;
}

/* What stands between words of a command line. */
static const char between[] = " \t\r\n\"'";

/* "none", which takes a jump host away. */
static bool is_none(const char *value)
{
	value += strspn(value, " \t=\"'");
	return strncasecmp(value, "none", 4) == 0 &&
	       (value[4] == '\0' || strchr(between, value[4]) != NULL);
}

/* "-o ProxyJump=…", "-oproxyjump …": at any place in the text. */
static bool has_option(const char *text, const char *option)
{
	for (const char *at = text; (at = strcasestr(at, option)) != NULL;) {
		at += strlen(option);
		if (!is_none(at))
			return true;
	}
	return false;
}

/* -J, alone or behind other letters (-4AJ). A word that belongs to another
 * option may look the same: a host too many is refused. */
static bool has_letter(const char *text)
{
	static const char others[] = "1246AaCfGgKkMNnqsTtVvXxYy";

	for (const char *at = text; *at != '\0'; at++) {
		const char *letter = at + 1;

		if (*at != '-' ||
		    (at > text && strchr(between, at[-1]) == NULL))
			continue;
		letter += strspn(letter, others);
		if (*letter == 'J' && !is_none(letter + 1))
			return true;
	}
	return false;
}

static bool is_direct(const struct ansible_value *value, struct err *err)
{
	const char *name = ansible_variable_name(value->variable);
	bool is_command = value->variable == ANSIBLE_PARAMIKO_PROXY ||
	                  value->variable == ANSIBLE_LIBSSH_PROXY;

	if (value->unknown)
		return err_set(err, ERR_INPUT,
		               "%s is a template or encrypted, and may have a "
		               "jump host (--jump names it, or none)",
		               name);
	if (is_command ? value->text[0] == '\0' || is_none(value->text)
	               : !has_option(value->text, "ProxyCommand") &&
	                     !has_option(value->text, "ProxyJump") &&
	                     !has_letter(value->text))
		return true;
	return err_set(err, ERR_INPUT,
	               "%s has a jump host, which sshinv does not take from it "
	               "(--jump names it, or none)",
	               name);
}

bool ansible_is_direct(const struct ansible_value *const *values,
                       struct err *err)
{
	for (int i = ANSIBLE_SSH_ARGS; i <= ANSIBLE_LIBSSH_PROXY; i++) {
		if (values[i] != NULL && !is_direct(values[i], err))
			return false;
	}
	return true;
}
