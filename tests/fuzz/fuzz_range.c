#include "inventory/range.h"
#include "inventory/target.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A word of -w, and the same bytes as a range of either style. */

static void check_name(const struct range *range, uint64_t n)
{
	char name[1024];
	size_t length = range_name(range, n, name, sizeof(name));
	char cut[8];

	PROMISE(range_name(range, n, cut, sizeof(cut)) == length);
	PROMISE(strlen(cut) ==
	        (length < sizeof(cut) ? length : sizeof(cut) - 1));
	if (length >= sizeof(name))
		return;
	PROMISE(strlen(name) == length);
	PROMISE(memcmp(name, cut, strlen(cut)) == 0);
	PROMISE(range_has(range, name));
	/* It is written with digits and letters, so with a blank it is another
	 * one. */
	if (length + 2 > sizeof(name))
		return;
	name[length] = '\x01';
	name[length + 1] = '\0';
	PROMISE(!range_has(range, name));
}

static void check_range(const char *text, size_t size, enum range_style style)
{
	struct range range;
	struct err err = { .kind = ERR_NONE };

	if (!range_parse(&range, text, size, style, &err)) {
		PROMISE(err.kind == ERR_INPUT);
		return;
	}
	PROMISE(range.count > 0 && range.count <= RANGE_COUNT_MAX);
	for (uint64_t n = 0; n < range.count; n = 3 * n + 1)
		check_name(&range, n);
	check_name(&range, range.count - 1);
	range_release(&range);
}

/* As -x compares them. */
static bool is_meant(const struct target *target, const struct host *host)
{
	struct network address;

	switch (target->kind) {
	case TARGET_HOST:
		return strcmp(target->ip, host->ip) == 0;
	case TARGET_RANGE:
		return range_has(&target->range, host->ip);
	case TARGET_NETWORK:
		return network_of_address(&address, host->ip) &&
		       network_has(&target->network, &address);
	case TARGET_FILE:
		break;
	}
	return false;
}

static void check_host(const struct target *target, uint64_t n)
{
	struct host host, again;
	struct err err = { .kind = ERR_NONE };

	memset(&host, 0, sizeof(host));
	memset(&again, 0, sizeof(again));
	if (!target_host(target, n, &host, &err)) {
		PROMISE(target->kind == TARGET_RANGE);
		PROMISE(err.kind == ERR_INPUT);
		return;
	}
	PROMISE(is_meant(target, &host));
	PROMISE(host.has_port == (host.port != 0));
	PROMISE(host.is_name == host_is_name(host.ip));
	/* It is canonical. */
	PROMISE(host_set_address(&again, host.ip, strlen(host.ip), &err));
	PROMISE(strcmp(again.ip, host.ip) == 0 &&
	        again.is_name == host.is_name);
}

static void check_target(const char *text, size_t size)
{
	struct target target;
	struct err err = { .kind = ERR_NONE };
	uint64_t count;

	if (!target_parse(&target, text, size, &err)) {
		PROMISE(err.kind == ERR_INPUT);
		return;
	}
	count = target_count(&target);
	PROMISE((target.kind == TARGET_FILE) == (target.path != NULL));
	PROMISE((target.kind == TARGET_FILE) == (count == 0));
	if (target_check(&target, &err)) {
		PROMISE(count <= RANGE_COUNT_MAX);
		for (uint64_t n = 0; n < count; n = 3 * n + 1)
			check_host(&target, n);
		if (count > 0)
			check_host(&target, count - 1);
	} else {
		PROMISE(err.kind == ERR_INPUT);
	}
	target_release(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Not terminated, and of just this size. */
	char *text = malloc(size > 0 ? size : 1);

	PROMISE(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	/* A name with a NUL would end there. */
	if (memchr(text, '\0', size) == NULL) {
		check_range(text, size, RANGE_DASH);
		check_range(text, size, RANGE_COLON);
	}
	check_target(text, size);
	free(text);
	return 0;
}
