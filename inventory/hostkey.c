#include "inventory/hostkey.h"

#include "inventory/knownhosts.h"
#include "inventory/pins.h"
#include "inventory/ssh_algorithms.h"

#include <stdio.h>
#include <string.h>

#define PORT_USUAL 22

/* What known_hosts files have. As in OpenSSH an alias is a whole name: the port
 * is no part of it. */
static const char *known_as(const struct hostkeys *hostkeys, const char *host,
                            uint16_t *port)
{
	if (hostkeys->alias == NULL)
		return host;
	*port = PORT_USUAL;
	return hostkeys->alias;
}

void hostkey_types(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, char types[static HOSTKEY_TYPES_SIZE])
{
	types[0] = '\0';
	switch (hostkeys->mode) {
	case HOSTKEYS_OFF:
		break;
	case HOSTKEYS_DB:
		pins_type(hostkeys->pins, host, port, types);
		break;
	case HOSTKEYS_ACCEPT_NEW:
	case HOSTKEYS_STRICT:
		host = known_as(hostkeys, host, &port);
		knownhosts_types(hostkeys->known, host, port, types,
		                 HOSTKEY_TYPES_SIZE);
		break;
	}
}

/* Whether the handshake would have preferred other types, had it been known
 * then what is known now. */
static bool is_other_type(const struct hostkeys *hostkeys, const char *host,
                          uint16_t port, const struct hostkey *key)
{
	char types[HOSTKEY_TYPES_SIZE];

	hostkey_types(hostkeys, host, port, types);
	return types[0] != '\0' && strcmp(types, key->preferred) != 0 &&
	       !name_list_has(types, strlen(types), key->type,
	                      strlen(key->type));
}

static bool out_of_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM,
	               "out of memory: the host key could not be looked up");
}

static bool changed(const struct hostkey *key, const char *type,
                    const char *sha256, const char *where, struct err *err)
{
	return err_set(err, ERR_HOSTKEY,
	               "host key changed: %s SHA256:%s offered, "
	               "%s SHA256:%s known (%s)",
	               key->type, key->sha256, type, sha256, where);
}

/* "FILE:LINE", or the file where the line's number is not known. */
static void write_place(char *place, size_t size,
                        const struct knownhosts_entry *entry)
{
	if (entry->line > 0)
		snprintf(place, size, "%.512s:%zu", entry->file, entry->line);
	else
		snprintf(place, size, "%.512s", entry->file);
}

static bool check_known(const struct hostkeys *hostkeys, const char *host,
                        uint16_t port, const struct hostkey *key,
                        struct hostkey_outcome *outcome, struct err *err)
{
	struct knownhosts *known = hostkeys->known;
	struct knownhosts_entry entry = { .file = "" };
	char place[600];
	enum knownhosts_verdict verdict;

	host = known_as(hostkeys, host, &port);
	verdict =
	    knownhosts_look(known, host, port, key->blob, key->length, &entry);
	if (verdict == KNOWNHOSTS_NEW && hostkeys->mode == HOSTKEYS_ACCEPT_NEW)
		verdict = knownhosts_remember(known, host, port, key->blob,
		                              key->length, &entry);
	write_place(place, sizeof(place), &entry);
	switch (verdict) {
	case KNOWNHOSTS_KNOWN:
		return true;
	case KNOWNHOSTS_NEW:
		return err_set(err, ERR_HOSTKEY,
		               "host key not known: %s SHA256:%s", key->type,
		               key->sha256);
	case KNOWNHOSTS_REVOKED:
		return err_set(err, ERR_HOSTKEY,
		               "host key revoked: %s SHA256:%s (%s)", key->type,
		               key->sha256, place);
	case KNOWNHOSTS_CHANGED:
		outcome->other_type = is_other_type(hostkeys, host, port, key);
		return changed(key, entry.type, entry.sha256, place, err);
	case KNOWNHOSTS_UNSURE:
		break;
	}
	return out_of_memory(err);
}

static bool check_pin(const struct hostkeys *hostkeys, const char *host,
                      uint16_t port, const struct hostkey *key,
                      struct hostkey_outcome *outcome, struct err *err)
{
	struct pin pinned;
	bool in_history = false;

	switch (pins_look(hostkeys->pins, host, port, key->type, key->sha256,
	                  &pinned, &in_history)) {
	case PINS_KNOWN:
	case PINS_NEW:
		return true;
	case PINS_CHANGED:
		if (!in_history)
			memcpy(outcome->pinned_sha256, pinned.sha256,
			       sizeof(outcome->pinned_sha256));
		return changed(key, pinned.type, pinned.sha256, "server_status",
		               err);
	case PINS_UNSURE:
		break;
	}
	return out_of_memory(err);
}

bool hostkey_check(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, const struct hostkey *key,
                   struct hostkey_outcome *outcome, struct err *err)
{
	*outcome = (struct hostkey_outcome){ .other_type = false };
	switch (hostkeys->mode) {
	case HOSTKEYS_OFF:
		return true;
	case HOSTKEYS_DB:
		return check_pin(hostkeys, host, port, key, outcome, err);
	case HOSTKEYS_ACCEPT_NEW:
	case HOSTKEYS_STRICT:
		break;
	}
	return check_known(hostkeys, host, port, key, outcome, err);
}
