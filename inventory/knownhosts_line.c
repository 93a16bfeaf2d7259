#include "inventory/knownhosts_line.h"

#include "inventory/host.h"
#include "inventory/keyblob.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct word {
	char *at;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of what is left of a line; false when there is none. */
static bool take_word(char **text, size_t *left, struct word *word)
{
	while (*left > 0 && is_blank(**text)) {
		(*text)++;
		(*left)--;
	}
	word->at = *text;
	while (*left > 0 && !is_blank(**text)) {
		(*text)++;
		(*left)--;
	}
	word->length = (size_t)(*text - word->at);
	return word->length > 0;
}

static bool is_word(const struct word *word, const char *text)
{
	return word->length == strlen(text) &&
	       memcmp(word->at, text, word->length) == 0;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four characters to one to three bytes; 0 for what is no base64. A "=" at the
 * end stands for a byte less. */
static size_t decode_group(const char *text, unsigned char bytes[3])
{
	size_t digits = text[3] != '=' ? 4 : text[2] != '=' ? 3 : 2;
	unsigned long bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = i < digits ? base64_digit(text[i]) : 0;

		if (digit < 0)
			return 0;
		bits = bits << 6 | (unsigned long)digit;
	}
	bytes[0] = (unsigned char)(bits >> 16);
	bytes[1] = (unsigned char)(bits >> 8);
	bytes[2] = (unsigned char)bits;
	/* What the missing bytes would have had must be zero. */
	if ((digits < 4 && bytes[2] != 0) || (digits < 3 && bytes[1] != 0))
		return 0;
	return digits - 1;
}

/* RFC 4648 section 4. In place: from the front, three bytes for four. */
static bool decode_base64(char *text, size_t length, unsigned char **bytes,
                          size_t *count)
{
	*bytes = (unsigned char *)text;
	*count = 0;
	if (length == 0 || length % 4 != 0)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		unsigned char group[3];
		size_t got = decode_group(text + i, group);

		if (got == 0 || (got < 3 && i + 4 < length))
			return false;
		memcpy(*bytes + *count, group, got);
		*count += got;
	}
	return true;
}

static bool decode_exactly(char *text, size_t length,
                           unsigned char bytes[KNOWNHOSTS_HASH_SIZE])
{
	unsigned char *decoded;
	size_t count;

	if (!decode_base64(text, length, &decoded, &count) ||
	    count != KNOWNHOSTS_HASH_SIZE)
		return false;
	memcpy(bytes, decoded, count);
	return true;
}

/* "|1|SALT|HASH": version 1, the only one there is. */
static const char *take_hashed(struct knownhosts_line *line,
                               const struct word *names)
{
	static const char malformed[] = "a malformed hashed name";
	char *salt = names->at + 3;
	char *bar;

	if (names->length < 3 || memcmp(names->at, "|1|", 3) != 0)
		return malformed;
	bar = memchr(salt, '|', names->length - 3);
	if (bar == NULL ||
	    !decode_exactly(salt, (size_t)(bar - salt), line->salt) ||
	    !decode_exactly(bar + 1,
	                    (size_t)(names->at + names->length - bar - 1),
	                    line->hash))
		return malformed;
	line->is_hashed = true;
	return NULL;
}

static const char *take_names(struct knownhosts_line *line,
                              const struct word *names)
{
	if (names->at[0] == '|')
		return take_hashed(line, names);
	for (size_t i = 0; i < names->length; i++)
		names->at[i] = (char)tolower((unsigned char)names->at[i]);
	line->names = names->at;
	line->names_length = names->length;
	return NULL;
}

/* What OpenSSH passes over within base64 and does not take for the end of a
 * word: of an editor's line end above all. */
static size_t squeeze(char *text, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		if (strchr("\r\v\f", text[i]) == NULL)
			text[used++] = text[i];
	}
	return used;
}

/* RFC 8332 section 3 has more names for an RSA key's signatures; some programs
 * write them for the key. */
static bool is_type(const struct word *type, const unsigned char *name,
                    size_t length)
{
	if (length == strlen("ssh-rsa") &&
	    memcmp(name, "ssh-rsa", length) == 0 &&
	    (is_word(type, "rsa-sha2-256") || is_word(type, "rsa-sha2-512")))
		return true;
	return type->length == length && memcmp(type->at, name, length) == 0;
}

static const char *take_key(struct knownhosts_line *line,
                            const struct word *type, const struct word *base64)
{
	unsigned char *blob;
	size_t length, name;

	if (type->length > KNOWNHOSTS_TYPE_MAX)
		return "the name of the key's type is too long";
	if (!decode_base64(base64->at, squeeze(base64->at, base64->length),
	                   &blob, &length))
		return "the key is no base64";
	line->blob = blob;
	line->blob_length = length;
	if (length < 4)
		return "the key is cut off";
	name = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 |
	       (size_t)blob[2] << 8 | blob[3];
	if (name > length - 4)
		return "the key is cut off";
	if (!is_type(type, blob + 4, name))
		return "the key is of another type than the line says";
	line->type = (const char *)blob + 4;
	line->type_length = name;
	return keyblob_is_broken(blob, length) ? "the key is cut off" : NULL;
}

static const char *take_marker(struct knownhosts_line *line,
                               const struct word *word)
{
	if (line->marker != KNOWNHOSTS_NO_MARKER)
		return "more than one marker";
	if (is_word(word, "@cert-authority"))
		line->marker = KNOWNHOSTS_CERT_AUTHORITY;
	else if (is_word(word, "@revoked"))
		line->marker = KNOWNHOSTS_REVOKED_KEY;
	else
		return "an unknown marker";
	return NULL;
}

/* NULL, or what is wrong with it. */
static const char *take_line(struct knownhosts_line *line, char *text,
                             size_t left)
{
	struct word names, type, base64;
	const char *why;

	while (take_word(&text, &left, &names) && names.at[0] == '@') {
		why = take_marker(line, &names);
		if (why != NULL)
			return why;
	}
	if (names.length == 0)
		return "no name and no key";
	if (!take_word(&text, &left, &type) || type.at[0] == '#' ||
	    !take_word(&text, &left, &base64))
		return "no key";
	why = take_names(line, &names);
	return why != NULL ? why : take_key(line, &type, &base64);
}

enum knownhosts_parsed knownhosts_parse(char *text, size_t length,
                                        struct knownhosts_line *line,
                                        const char **why)
{
	size_t begin = 0;

	memset(line, 0, sizeof(*line));
	length = strnlen(text, length);
	if (length > 0 && text[length - 1] == '\r')
		length--;
	while (begin < length && is_blank(text[begin]))
		begin++;
	if (begin == length || text[begin] == '#')
		return KNOWNHOSTS_BLANK;
	*why = take_line(line, text + begin, length - begin);
	return *why == NULL ? KNOWNHOSTS_KEY : KNOWNHOSTS_BAD;
}

bool knownhosts_names_are_patterns(const char *names, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr("*?!", names[i]) != NULL)
			return true;
	}
	return false;
}

bool knownhosts_usual_name(const char *name, size_t length,
                           char usual[static KNOWNHOSTS_NAME_SIZE])
{
	bool in_brackets = length > 0 && name[0] == '[';
	const char *close = in_brackets ? memrchr(name, ']', length) : NULL;
	size_t begin = close != NULL ? 1 : 0;
	size_t end = close != NULL ? (size_t)(close - name) : length;
	size_t rest = length - end;
	struct host host;
	struct err ignored;

	if (end <= begin || rest > strlen("]:65535"))
		return false;
	/* All others have one form only. */
	if (memchr(name, ':', end) == NULL && name[end - 1] != '.')
		return false;
	if (!host_set_address(&host, name + begin, end - begin, &ignored) ||
	    host.has_port)
		return false;
	snprintf(usual, KNOWNHOSTS_NAME_SIZE, "%s%s%.*s", begin > 0 ? "[" : "",
	         host.ip, (int)rest, name + end);
	return strlen(usual) != length || memcmp(usual, name, length) != 0;
}
