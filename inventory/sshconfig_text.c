#include "inventory/sshconfig_text.h"

#include <ctype.h>
#include <string.h>

#define BLANKS " \t\r\n"

bool sshconfig_split(char *line, char **keyword, char **rest)
{
	size_t length = strlen(line);
	char *at;

	/* A form feed is a blank at the end, and only there. */
	while (length > 0 && strchr(BLANKS "\f", line[length - 1]) != NULL)
		line[--length] = '\0';
	line += strspn(line, BLANKS);
	if (*line == '\0' || *line == '#')
		return false;
	if (*line == '"') {
		*keyword = ++line;
		at = strchr(line, '"');
		if (at == NULL)
			at = line + strlen(line);
		else
			*at++ = '\0';
		*rest = at + strspn(at, BLANKS);
		return true;
	}
	*keyword = line;
	at = line + strcspn(line, BLANKS "=");
	if (*at != '\0') {
		bool equals = *at == '=';

		*at++ = '\0';
		at += strspn(at, BLANKS);
		if (!equals && *at == '=')
			at += 1 + strspn(at + 1, BLANKS);
	}
	*rest = at;
	return true;
}

bool sshconfig_word(char **rest, char **word, bool *bad)
{
	char *from = *rest + strspn(*rest, " \t");
	char *to = from;
	char quote = '\0';

	*bad = false;
	*rest = from;
	if (*from == '\0' || *from == '#')
		return false;
	*word = to;
	for (; *from != '\0'; from++) {
		bool blank = *from == ' ' || *from == '\t';

		if (*from == '\\' && from[1] != '\0' &&
		    (strchr("'\"\\", from[1]) != NULL ||
		     (quote == '\0' && from[1] == ' ')))
			*to++ = *++from;
		else if (blank && quote == '\0')
			break;
		else if (quote == '\0' && (*from == '"' || *from == '\''))
			quote = *from;
		else if (quote != '\0' && *from == quote)
			quote = '\0';
		else
			*to++ = *from;
	}
	*bad = quote != '\0';
	*rest = *from != '\0' ? from + 1 : from;
	*to = '\0';
	return !*bad;
}

/* FNV-1a. */
uint64_t sshconfig_name_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint64_t)tolower((unsigned char)*name)) *
		       UINT64_C(0x100000001b3);
	return hash != 0 ? hash : 1;
}
