#include "inventory/utf8.h"

#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

size_t utf8_decode(const char *text, size_t length, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t value, least;
	size_t need;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] >= 0xC2 && p[0] <= 0xDF) {
		need = 2;
		value = p[0] & 0x1Fu;
		least = 0x80;
	} else if ((p[0] & 0xF0u) == 0xE0) {
		need = 3;
		value = p[0] & 0x0Fu;
		least = 0x800;
	} else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		need = 4;
		value = p[0] & 0x07u;
		least = 0x10000;
	} else {
		return 0;
	}
	if (length < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xC0u) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3Fu);
	}
	if (value < least || value > 0x10FFFF ||
	    (value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*code = value;
	return need;
}

size_t utf8_clean(char *dst, size_t size, const char *text, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t step = utf8_decode(text + i, length - i, &code);
		const char *from = text + i;
		size_t add = step;

		if (step == 0 || code == 0) {
			from = replacement;
			add = sizeof(replacement) - 1;
			step = 1;
		}
		if (used + add + 1 > size)
			break;
		memcpy(dst + used, from, add);
		used += add;
		i += step;
	}
	dst[used] = '\0';
	return used;
}
