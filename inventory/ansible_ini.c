#include "inventory/ansible_model.h"

#include "inventory/host.h"
#include "inventory/range.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/*
 * The INI form, as Ansible reads it: a line in a group's section is split as by
 * a shell (quotes, backslashes, '#' begins a comment); a line under
 * [group:vars] is one KEY=VALUE to its end. A value in quotes of its own loses
 * them.
 */

/* Hosts of one pattern at most: an inventory is kept in memory. */
#define HOSTS_MAX 1000000

/* What a message quotes of a name at most. */
#define QUOTE_MAX 80

enum section { SECTION_HOSTS, SECTION_VARS, SECTION_CHILDREN };

struct ini {
	struct ansible_model *model;
	const char *name;
	size_t line;
	struct ansible_group *group;
	enum section section;
};

/* A piece of a line; not terminated. */
struct piece {
	char *text;
	size_t length;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct piece trim(struct piece piece)
{
	while (piece.length > 0 && is_space(piece.text[0])) {
		piece.text++;
		piece.length--;
	}
	while (piece.length > 0 && is_space(piece.text[piece.length - 1]))
		piece.length--;
	return piece;
}

static bool is_word(struct piece piece, const char *word)
{
	return piece.length == strlen(word) &&
	       memcmp(piece.text, word, piece.length) == 0;
}

static int quoted(struct piece piece)
{
	return (int)(piece.length < QUOTE_MAX ? piece.length : QUOTE_MAX);
}

/* NAME, then blanks and a comment at most. */
static bool is_name_alone(struct piece line, struct piece *name)
{
	size_t length = 0;

	while (length < line.length && !is_space(line.text[length]) &&
	       line.text[length] != ':' && line.text[length] != ']')
		length++;
	*name = (struct piece){ line.text, length };
	line.text += length;
	line.length -= length;
	line = trim(line);
	return length > 0 && (line.length == 0 || line.text[0] == '#');
}

static bool parse_kind(struct piece kind, enum section *section)
{
	static const char *const names[] = { "hosts", "vars", "children" };

	for (int i = 0; i < 3; i++) {
		if (is_word(kind, names[i])) {
			*section = (enum section)i;
			return true;
		}
	}
	return false;
}

/* [NAME] or [NAME:KIND], then blanks and a comment at most. */
static bool parse_section(struct ini *ini, struct piece line, struct err *err)
{
	char *close = memchr(line.text, ']', line.length);
	struct piece inside, name, rest, kind = { line.text, 0 };
	char *colon;

	if (close == NULL)
		return err_set(err, ERR_INPUT, "'[' without ']'");
	inside =
	    (struct piece){ line.text + 1, (size_t)(close - line.text) - 1 };
	rest =
	    trim((struct piece){ close + 1, line.length - inside.length - 2 });
	colon = memchr(inside.text, ':', inside.length);
	name = inside;
	if (colon != NULL) {
		name.length = (size_t)(colon - inside.text);
		kind = (struct piece){ colon + 1,
			               inside.length - name.length - 1 };
	}
	ini->section = SECTION_HOSTS;
	if (name.length == 0 || memchr(name.text, ' ', name.length) != NULL ||
	    memchr(name.text, '\t', name.length) != NULL ||
	    (rest.length > 0 && rest.text[0] != '#'))
		return err_set(err, ERR_INPUT,
		               "no section, which is [group], [group:vars] or "
		               "[group:children]");
	if (colon != NULL && !parse_kind(kind, &ini->section))
		return err_set(err, ERR_INPUT,
		               "unknown kind of section '%.*s' (hosts, vars "
		               "and children are known)",
		               quoted(kind), kind.text);
	ini->group =
	    ansible_model_group(ini->model, name.text, name.length, err);
	if (ini->group == NULL)
		return false;
	if (ini->group->line == 0)
		ini->group->line = ini->line;
	ini->group->declared |= ini->section != SECTION_VARS;
	return true;
}

static bool parse_child(struct ini *ini, struct piece line, struct err *err)
{
	struct ansible_group *child;
	struct piece name;

	if (!is_name_alone(line, &name))
		return err_set(err, ERR_INPUT, "no name of a group");
	child = ansible_model_group(ini->model, name.text, name.length, err);
	if (child == NULL)
		return false;
	if (child->line == 0)
		child->line = ini->line;
	return ansible_group_adopt(ini->group, child, err);
}

/* Of a backslash and a letter in a quoted value; 0: both stay. */
static char unescaped(char c)
{
	static const char from[] = "\\'\"nt";
	static const char to[] = "\\'\"\n\t";
	const char *at = c != '\0' ? strchr(from, c) : NULL;

	if (at == NULL)
		return '\0';
	return to[at - from];
}

/* A value that is a string of Python's, in quotes of its own. */
static struct piece unquote(struct piece value)
{
	struct piece plain = { value.text + 1, 0 };
	char quote;

	if (value.length < 2)
		return value;
	quote = value.text[0];
	if ((quote != '\'' && quote != '"') ||
	    value.text[value.length - 1] != quote)
		return value;
	/* A quote within it makes it something else. */
	for (size_t i = 1; i + 1 < value.length; i++) {
		if (value.text[i] == quote)
			return value;
		if (value.text[i] == '\\' && ++i + 1 >= value.length)
			return value;
	}
	for (size_t i = 1; i + 1 < value.length; i++) {
		char c = value.text[i];

		if (c == '\\' && unescaped(value.text[i + 1]) != '\0')
			c = unescaped(value.text[++i]);
		plain.text[plain.length++] = c;
	}
	return plain;
}

static bool set(struct ansible_values *values, enum ansible_variable variable,
                struct piece value, struct err *err)
{
	static const char tag[] = "!vault";

	if (value.length >= strlen(tag) &&
	    memcmp(value.text, tag, strlen(tag)) == 0)
		return ansible_set_unknown(values, variable, err);
	value = unquote(value);
	return ansible_set(values, variable, value.text, value.length, err);
}

/* Cuts KEY=VALUE. Nothing of it is quoted: it may be a secret. */
static bool parse_assignment(struct piece text, struct ansible_values *values,
                             struct err *err)
{
	char *equals = memchr(text.text, '=', text.length);
	enum ansible_variable variable;
	struct piece key = text, value;

	if (equals == NULL)
		return err_set(err, ERR_INPUT, "a variable without '='");
	key.length = (size_t)(equals - text.text);
	value = (struct piece){ equals + 1, text.length - key.length - 1 };
	key = trim(key);
	variable = ansible_variable_find(key.text, key.length);
	return variable == ANSIBLE_VARIABLES ||
	       set(values, variable, trim(value), err);
}

/*
 * Cuts off the next word as Python's shlex does, and takes quotes and
 * backslashes out of it where it stands. *word of text NULL: there is none.
 */
static bool next_word(struct piece *rest, struct piece *word, struct err *err)
{
	struct piece line = trim(*rest);
	char quote = '\0';
	size_t i = 0, used = 0;

	*word = (struct piece){ NULL, 0 };
	if (line.length == 0 || line.text[0] == '#') {
		rest->length = 0;
		return true;
	}
	for (; i < line.length; i++) {
		char c = line.text[i];

		if (quote == '\0' && (is_space(c) || c == '#'))
			break;
		if (c == quote) {
			quote = '\0';
			continue;
		}
		if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (c == '\\' && i + 1 < line.length &&
		    (quote == '\0' ||
		     (quote == '"' && strchr("\\\"", line.text[i + 1]))))
			c = line.text[++i];
		line.text[used++] = c;
	}
	if (quote != '\0')
		return err_set(err, ERR_INPUT, "a quote is not closed");
	*word = (struct piece){ line.text, used };
	/* A comment ends the line, also right behind a word. */
	*rest = (struct piece){ line.text + i, line.length - i };
	if (i < line.length && line.text[i] == '#')
		rest->length = 0;
	return true;
}

/* Cuts ":PORT" off a host pattern. */
static bool cut_port(struct piece *pattern, struct piece *port)
{
	char *colon = memrchr(pattern->text, ':', pattern->length);
	size_t front;

	*port = (struct piece){ NULL, 0 };
	if (colon == NULL ||
	    memchr(colon, ']',
	           pattern->length - (size_t)(colon - pattern->text)))
		return true;
	front = (size_t)(colon - pattern->text);
	/* Several colons are an IPv6 address, unless the others stand in
	 * brackets. */
	for (size_t i = 0, depth = 0; i < front; i++) {
		depth += pattern->text[i] == '[';
		depth -= pattern->text[i] == ']' && depth > 0;
		if (pattern->text[i] == ':' && depth == 0)
			return true;
	}
	*port = (struct piece){ colon + 1, pattern->length - front - 1 };
	pattern->length = front;
	return port->length > 0;
}

static bool is_ipv6_in_brackets(struct piece pattern)
{
	return pattern.length > 2 && pattern.text[0] == '[' &&
	       pattern.text[pattern.length - 1] == ']' &&
	       memchr(pattern.text, '[', pattern.length) ==
	           memrchr(pattern.text, '[', pattern.length) &&
	       host_is_ipv6(pattern.text + 1, pattern.length - 2);
}

static bool add_host(struct ini *ini, const char *name, size_t length,
                     const struct ansible_values *values, struct err *err)
{
	struct ansible_host *host =
	    ansible_model_host(ini->model, name, length, err);

	if (host == NULL)
		return false;
	if (host->line == 0)
		host->line = ini->line;
	return ansible_group_add(ini->group, host, err) &&
	       ansible_set_all(&host->values, values, err);
}

static bool add_pattern(struct ini *ini, struct piece pattern,
                        const struct ansible_values *values, struct err *err)
{
	struct range range;
	bool ok;

	if (is_ipv6_in_brackets(pattern))
		return add_host(ini, pattern.text + 1, pattern.length - 2,
		                values, err);
	if (!range_parse(&range, pattern.text, pattern.length, RANGE_COLON,
	                 err))
		return false;
	ok = range.count <= HOSTS_MAX ||
	     err_set(err, ERR_INPUT, "more than %d hosts", HOSTS_MAX);
	for (uint64_t i = 0; ok && i < range.count; i++) {
		char name[HOST_NAME_MAX_BYTES + 2];
		size_t length = range_name(&range, i, name, sizeof(name));

		if (length > HOST_NAME_MAX_BYTES)
			ok = err_set(err, ERR_INPUT, "a name over %d bytes",
			             HOST_NAME_MAX_BYTES);
		else
			ok = add_host(ini, name, length, values, err);
	}
	range_release(&range);
	return ok;
}

static bool parse_variables(struct piece *line, struct ansible_values *values,
                            struct err *err)
{
	for (;;) {
		struct piece word;

		if (!next_word(line, &word, err))
			return false;
		if (word.text == NULL)
			return true;
		if (!parse_assignment(word, values, err))
			return false;
	}
}

/* PATTERN[:PORT] [KEY=VALUE …] */
static bool parse_hosts(struct ini *ini, struct piece line, struct err *err)
{
	struct ansible_values values = { NULL, 0, 0 };
	struct piece pattern, port;
	bool ok;

	if (!next_word(&line, &pattern, err))
		return false;
	if (pattern.text == NULL || !cut_port(&pattern, &port) ||
	    pattern.length == 0)
		return err_set(err, ERR_INPUT,
		               "no host before, or no port "
		               "behind the ':'");
	ok =
	    port.text == NULL || ansible_set_plain(&values, ANSIBLE_PORT,
	                                           port.text, port.length, err);
	ok = ok && parse_variables(&line, &values, err) &&
	     add_pattern(ini, pattern, &values, err);
	ansible_values_release(&values);
	return ok;
}

/* "---" or "all:": somebody has the other form. */
static bool looks_like_yaml(struct piece line)
{
	return is_word(line, "---") ||
	       (line.length > 1 && line.text[line.length - 1] == ':' &&
	        memchr(line.text, ' ', line.length) == NULL &&
	        memchr(line.text, ':', line.length) ==
	            line.text + line.length - 1);
}

static bool parse_line(struct ini *ini, struct piece line, struct err *err)
{
	switch (ini->section) {
	case SECTION_VARS:
		return parse_assignment(line, &ini->group->values, err);
	case SECTION_CHILDREN:
		return parse_child(ini, line, err);
	case SECTION_HOSTS:
		break;
	}
	if (looks_like_yaml(line))
		return err_set(err, ERR_INPUT,
		               "this looks like YAML, which `ansible-inventory "
		               "-i FILE --list` turns into JSON");
	if (parse_hosts(ini, line, err))
		return true;
	/* One bad host is no bad inventory. */
	if (err->kind != ERR_INPUT)
		return false;
	err_prefix(err, "%s:%zu", ini->name, ini->line);
	return ansible_model_wrong(ini->model, ini->line, err);
}

/* "[::1] …", "[::1]:22" and "[1:3].example.com" are hosts. */
static bool is_section(struct piece line)
{
	char *close = memchr(line.text, ']', line.length);
	struct piece front;

	if (line.text[0] != '[' || close == NULL)
		return false;
	front = (struct piece){ line.text, (size_t)(close + 1 - line.text) };
	return (front.length == line.length || is_space(close[1]) ||
	        close[1] == '#') &&
	       !is_ipv6_in_brackets(front);
}

static bool check_groups(const struct ini *ini, struct err *err)
{
	for (size_t i = 0; i < ini->model->group_count; i++) {
		const struct ansible_group *group = ini->model->groups[i];

		if (!group->declared)
			return err_set(err, ERR_INPUT,
			               "%s:%zu: there is no group '%.80s'",
			               ini->name, group->line, group->name);
	}
	return true;
}

bool ansible_ini_read(struct ansible_model *model, char *text, size_t length,
                      const char *name, struct err *err)
{
	struct ini ini = { .model = model,
		           .name = name,
		           .group = model->groups[1],
		           .section = SECTION_HOSTS };

	while (length > 0) {
		char *end = memchr(text, '\n', length);
		size_t size = end != NULL ? (size_t)(end - text) : length;
		struct piece line = trim((struct piece){ text, size });
		bool ok = true;

		text += end != NULL ? size + 1 : size;
		length -= end != NULL ? size + 1 : size;
		ini.line++;
		if (line.length == 0 || line.text[0] == '#' ||
		    line.text[0] == ';')
			continue;
		ok = host_is_text(line.text, line.length, err);
		if (ok && is_section(line))
			ok = parse_section(&ini, line, err);
		else if (ok)
			ok = parse_line(&ini, line, err);
		if (!ok && err->kind == ERR_INPUT)
			return err_prefix(err, "%s:%zu", name, ini.line);
		if (!ok)
			return false;
	}
	return check_groups(&ini, err);
}
