#include "cli/secret_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_plain(const char *value)
{
	return value[strspn(value, LETTERS DIGITS "._:@%+/=,-")] == '\0' &&
	       *value != '\0' && *value != '-';
}

bool secret_template_is_per_host(const char *template)
{
	for (const char *at = template; *at != '\0'; at++) {
		if (*at != '%')
			continue;
		at++;
		if (*at == 'h' || *at == 'u')
			return true;
		if (*at == '\0')
			break;
	}
	return false;
}

/* Whether our quotes mean what they look like wherever they stand: nothing in
 * it quotes, expands or comments. To follow the shell through all that can
 * nest ("$(a "%u")") is more than can be done safely. */
static bool takes_quotes(const char *template)
{
	return strpbrk(template, "'\"`$\\#") == NULL &&
	       strstr(template, "<<") == NULL;
}

static bool put_value(FILE *to, const char *value, const char *what,
                      bool quotable, struct err *err)
{
	if (is_plain(value))
		return fputs(value, to) >= 0;
	if (*value == '-')
		return err_set(err, ERR_INPUT,
		               "--password-command: a %s that begins with - "
		               "would be an option",
		               what);
	if (!quotable)
		return err_set(err, ERR_INPUT,
		               "--password-command: the %s has characters that "
		               "cannot be put into a command with quotes, $, # "
		               "or the like",
		               what);
	fputc('\'', to);
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			fputs("'\\''", to);
		else
			fputc(*value, to);
	}
	fputc('\'', to);
	return true;
}

static bool put_all(FILE *to, const char *template, const char *host,
                    const char *user, struct err *err)
{
	bool quotable = takes_quotes(template);
	bool ok = true;

	for (const char *at = template; ok && *at != '\0'; at++) {
		if (*at == '%' && at[1] == 'h') {
			ok = put_value(to, host, "host", quotable, err);
			at++;
		} else if (*at == '%' && at[1] == 'u') {
			ok = put_value(to, user, "user", quotable, err);
			at++;
		} else {
			at += *at == '%' && at[1] == '%';
			fputc(*at, to);
		}
	}
	return ok;
}

char *secret_template_expand(const char *template, const char *host,
                             const char *user, struct err *err)
{
	char *command = NULL;
	size_t size;
	FILE *to = open_memstream(&command, &size);
	bool ok;

	if (to == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	ok = put_all(to, template, host, user, err);
	if (ok && ferror(to))
		ok = err_set(err, ERR_SYSTEM, "out of memory");
	if (fclose(to) != 0 && ok)
		ok = err_set(err, ERR_SYSTEM, "out of memory");
	if (!ok) {
		free(command);
		return NULL;
	}
	return command;
}

void secret_template_name(const char *template,
                          char name[static SECRET_COMMAND_NAME_SIZE])
{
	size_t length;

	template += strspn(template, " \t");
	length = strcspn(template, " \t");
	/* NAME=value in front, quotes, a variable: not a plain name. */
	if (length == 0 || length > 64 ||
	    length > strspn(template, LETTERS DIGITS "._+/-"))
		snprintf(name, SECRET_COMMAND_NAME_SIZE, "--password-command");
	else
		snprintf(name, SECRET_COMMAND_NAME_SIZE,
		         "--password-command '%.*s'", (int)length, template);
}
