#include "inventory/pattern.h"

#include <ctype.h>
#include <string.h>

static bool same(char a, char b, bool fold)
{
	return a == b ||
	       (fold && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* After a mismatch the last '*' takes one byte more: the ones before it have
 * nothing to gain. */
bool pattern_matches(const char *text, const char *pattern, size_t length,
                     bool fold)
{
	const char *end = pattern + length;
	const char *after_star = NULL, *retry = NULL;

	while (*text != '\0') {
		if (pattern < end && *pattern == '*') {
			after_star = ++pattern;
			retry = text;
		} else if (pattern < end &&
		           (*pattern == '?' || same(*pattern, *text, fold))) {
			pattern++;
			text++;
		} else if (after_star != NULL) {
			pattern = after_star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool pattern_list_matches(const char *text, const char *list, size_t length,
                          bool fold)
{
	bool found = false;

	for (;;) {
		const char *comma = memchr(list, ',', length);
		size_t size = comma != NULL ? (size_t)(comma - list) : length;
		bool negated = size > 0 && list[0] == '!';

		if (pattern_matches(text, list + negated, size - negated,
		                    fold)) {
			if (negated)
				return false;
			found = true;
		}
		if (comma == NULL)
			return found;
		list += size + 1;
		length -= size + 1;
	}
}
