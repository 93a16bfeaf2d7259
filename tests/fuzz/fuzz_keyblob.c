#include "inventory/keyblob.h"

#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A host key of any bytes: what is sound can be read by one who believes every
 * length in it. */

static size_t read_u32(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

static bool begins_with(const uint8_t *data, const char *name)
{
	return memcmp(data, name, strlen(name)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, strings = 0;

	if (!keyblob_is_sound(data, size))
		return 0;
	while (at < size) {
		PROMISE(size - at >= 4 && read_u32(data + at) <= size - at - 4);
		at += 4 + read_u32(data + at);
		strings++;
	}
	PROMISE(at == size && size <= KEYBLOB_MAX);
	if (begins_with(data + 4, "ssh-dss"))
		PROMISE(strings == 5);
	else
		PROMISE(strings == 2 || strings == 3);
	if (begins_with(data + 4, "ssh-ed25519"))
		PROMISE(size == 51 && data[18] == 32);
	return 0;
}
