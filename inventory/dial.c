#include "inventory/dial.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inventory/host.h"
#include "inventory/resolve.h"

static const char *family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static bool lacks_zone(const struct address *address)
{
	return address->any.sa_family == AF_INET6 &&
	       address->v6.sin6_scope_id == 0 &&
	       IN6_IS_ADDR_LINKLOCAL(&address->v6.sin6_addr);
}

/* False, errno set, where this machine has not that address. */
static bool is_ours(const struct address *address)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ours = fd >= 0 && bind(fd, &address->any, address->length) == 0;
	int errnum = errno;

	if (fd >= 0)
		close(fd);
	errno = errnum;
	return ours;
}

bool dial_from(struct dial *dial, const char *address, struct err *err)
{
	struct address source;
	int family;

	if (!address_parse(&source, address, 0, err)) {
		err->kind = ERR_INPUT;
		return err_prefix(err, "--bind %s", address);
	}
	family = source.any.sa_family;
	if (dial->family != AF_UNSPEC && dial->family != family)
		return err_set(err, ERR_INPUT,
		               "--bind %s is no %s address (-%c)", address,
		               family_name(dial->family),
		               dial->family == AF_INET ? '4' : '6');
	if (lacks_zone(&source))
		return err_set(err, ERR_INPUT,
		               "--bind %s: a link-local address needs its "
		               "zone (%s%%eth0)",
		               address, address);
	if (!is_ours(&source))
		return err_errno(err, ERR_INPUT, errno, "--bind %s", address);
	dial->source = source;
	dial->family = family;
	return true;
}

/* A source with a zone names the link as well. */
static bool find_literal(const struct dial *dial, const char *host,
                         uint16_t port, struct address *address,
                         struct err *err)
{
	if (!address_parse(address, host, port, err))
		return false;
	if (dial->family != AF_UNSPEC && dial->family != address->any.sa_family)
		return err_set(err, ERR_UNRESOLVED, "not an %s address (%s)",
		               family_name(dial->family),
		               dial->source.length > 0   ? "--bind"
		               : dial->family == AF_INET ? "-4"
		                                         : "-6");
	if (lacks_zone(address) &&
	    (dial->source.length == 0 || dial->source.v6.sin6_scope_id == 0))
		return err_set(err, ERR_UNREACHABLE,
		               "a link-local address needs its zone (%s%%eth0)",
		               host);
	return true;
}

bool dial_find(const struct dial *dial, const char *host, uint16_t port,
               struct address addresses[static DIAL_ADDRESSES_MAX],
               size_t *count, const struct wait *wait, struct err *err)
{
	if (host_is_name(host))
		return resolve(host, port, dial->family, dial->name_servers,
		               addresses, DIAL_ADDRESSES_MAX, count, wait, err);
	*count = 1;
	return find_literal(dial, host, port, &addresses[0], err);
}

bool dial_connect(const struct dial *dial, const struct address *addresses,
                  size_t count, int *fd, size_t *which, const struct wait *wait,
                  struct err *err)
{
	const struct address *source =
	    dial->source.length > 0 ? &dial->source : NULL;

	return tcp_connect(fd, which, source, addresses, count,
	                   dial->connect_timeout_ms, wait, err);
}
