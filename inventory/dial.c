#include "inventory/dial.h"

#include "inventory/host.h"
#include "inventory/resolve.h"

bool dial_find(const struct dial *dial, const char *host, uint16_t port,
               struct address addresses[static DIAL_ADDRESSES_MAX],
               size_t *count, const struct wait *wait, struct err *err)
{
	if (host_is_name(host))
		return resolve(host, port, dial->name_servers, addresses,
		               DIAL_ADDRESSES_MAX, count, wait, err);
	*count = 1;
	return address_parse(&addresses[0], host, port, err);
}

bool dial_connect(const struct dial *dial, const struct address *addresses,
                  size_t count, int *fd, size_t *which, const struct wait *wait,
                  struct err *err)
{
	return tcp_connect(fd, which, addresses, count,
	                   dial->connect_timeout_ms, wait, err);
}
