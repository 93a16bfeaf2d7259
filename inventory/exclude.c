#include "inventory/exclude.h"

#include "inventory/wait.h"
#include "inventory/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool out_of_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory");
}

/* Takes the target over. */
static bool add_other(struct exclude *exclude, struct target *target,
                      struct err *err)
{
	size_t count = exclude->count;
	struct target *others = exclude->others;

	/* A power of two: full. */
	if ((count & (count - 1)) == 0) {
		others = reallocarray(others, count > 0 ? 2 * count : 1,
		                      sizeof(*others));
		if (others == NULL) {
			target_release(target);
			return out_of_memory(err);
		}
		exclude->others = others;
	}
	others[exclude->count++] = *target;
	return true;
}

static bool add(struct exclude *exclude, struct target *target, struct err *err)
{
	uint32_t before;

	exclude->has_ports |= target->has_port;
	if (target->kind != TARGET_HOST)
		return add_other(exclude, target, err);
	return hostset_add(&exclude->hosts, target->ip,
	                   target->has_port ? target->port : 0, 1, &before) ||
	       out_of_memory(err);
}

static bool read_words(struct exclude *exclude, struct words *words,
                       struct err *err)
{
	for (;;) {
		struct target target;
		enum host_read got = words_next(words, NULL, &target, err);

		if (wait_cancelled(words->cancel_fd)) {
			if (got == HOST_READ)
				target_release(&target);
			return err_set(err, ERR_CANCELLED, "interrupted");
		}
		if (got != HOST_READ)
			return got == HOST_END;
		if (!add(exclude, &target, err))
			return false;
	}
}

bool exclude_read(struct exclude *exclude, const char *const *lists,
                  size_t count, int cancel_fd, unsigned *uses_stdin,
                  struct err *err)
{
	struct words words;
	bool ok = words_open(&words, "-x", lists, count, false, cancel_fd,
	                     uses_stdin, err);

	if (ok && *uses_stdin > 1)
		ok = err_set(err, ERR_INPUT,
		             "standard input can be read once only");
	ok = ok && read_words(exclude, &words, err);
	words_release(&words);
	return ok;
}

static bool has_exact(const struct exclude *exclude, const char *ip,
                      unsigned port)
{
	return hostset_find(&exclude->hosts, ip, 0) != 0 ||
	       (port != 0 && hostset_find(&exclude->hosts, ip, port) != 0);
}

/* Whether a range or network has it. Of thousands of networks each is compared
 * with the same bytes. */
static bool has_other(const struct exclude *exclude, const char *name,
                      unsigned port)
{
	struct network address;
	bool is_address =
	    exclude->count > 0 && network_of_address(&address, name);

	for (size_t i = 0; i < exclude->count; i++) {
		const struct target *other = &exclude->others[i];

		if (other->has_port && other->port != port)
			continue;
		if (other->kind == TARGET_NETWORK
		        ? is_address && network_has(&other->network, &address)
		        : range_has(&other->range, name))
			return true;
	}
	return false;
}

static bool has_name(const struct exclude *exclude, const char *name,
                     unsigned port)
{
	char lower[HOST_NAME_MAX_BYTES + 1];
	size_t i = 0;

	for (; name[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	return i > 0 && (has_exact(exclude, lower, port) ||
	                 has_other(exclude, lower, port));
}

/* An address that is named without a zone is meant in every zone. */
static bool has_without_zone(const struct exclude *exclude, const char *ip,
                             unsigned port)
{
	const char *zone = strchr(ip, '%');
	char plain[HOST_IP_MAX + 1] = "";

	if (zone == NULL)
		return false;
	memcpy(plain, ip, (size_t)(zone - ip));
	return has_exact(exclude, plain, port);
}

bool exclude_has(const struct exclude *exclude, const struct host *host,
                 bool port_known)
{
	unsigned port = port_known && exclude->has_ports ? host->port : 0;

	return has_exact(exclude, host->ip, port) ||
	       has_name(exclude, host->name, port) ||
	       has_without_zone(exclude, host->ip, port) ||
	       has_other(exclude, host->ip, port);
}

void exclude_release(struct exclude *exclude)
{
	for (size_t i = 0; i < exclude->count; i++)
		target_release(&exclude->others[i]);
	free(exclude->others);
	hostset_release(&exclude->hosts);
	*exclude = (struct exclude)EXCLUDE_INIT;
}
