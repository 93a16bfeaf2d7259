#include "inventory/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

static bool parse_prefix(const char *text, size_t length, unsigned most,
                         unsigned char *prefix)
{
	unsigned value = 0;

	if (length == 0 || length > 3)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > most)
		return false;
	*prefix = (unsigned char)value;
	return true;
}

/* Of an address without its zone. */
static bool parse_address(struct network *network, const char *text)
{
	if (inet_pton(AF_INET, text, network->address) == 1)
		network->bits = 32;
	else if (inet_pton(AF_INET6, text, network->address) == 1)
		network->bits = 128;
	else
		return false;
	return true;
}

static void clear_host(struct network *network)
{
	for (unsigned bit = network->prefix; bit < network->bits; bit++)
		network->address[bit / 8] &=
		    (unsigned char)~(0x80U >> (bit % 8));
}

/* The same hosts under one name. */
static void unmap(struct network *network)
{
	static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };

	if (network->bits != 128 || network->prefix < 96 ||
	    memcmp(network->address, mapped, sizeof(mapped)) != 0)
		return;
	memcpy(network->address, network->address + 12, 4);
	memset(network->address + 4, 0, 12);
	network->bits = 32;
	network->prefix = (unsigned char)(network->prefix - 96);
}

bool network_parse(struct network *network, const char *text, size_t length,
                   struct err *err)
{
	const char *slash = memchr(text, '/', length);
	char address[INET6_ADDRSTRLEN];
	size_t front;

	memset(network, 0, sizeof(*network));
	if (slash == NULL)
		return err_set(err, ERR_INPUT, "no network");
	front = (size_t)(slash - text);
	if (front >= sizeof(address))
		return err_set(err, ERR_INPUT,
		               "no address in front of the '/'");
	memcpy(address, text, front);
	address[front] = '\0';
	if (!parse_address(network, address))
		return err_set(err, ERR_INPUT,
		               "no address in front of the '/'");
	if (!parse_prefix(slash + 1, length - front - 1, network->bits,
	                  &network->prefix))
		return err_set(err, ERR_INPUT,
		               "no length from 0 to %u behind the '/'",
		               (unsigned)network->bits);
	clear_host(network);
	unmap(network);
	return true;
}

/* Of an IPv4 network whose ends are no hosts. */
static bool has_ends(const struct network *network)
{
	return network->bits == 32 && network->prefix <= 30;
}

uint64_t network_count(const struct network *network)
{
	unsigned bits = (unsigned)network->bits - network->prefix;

	if (bits > 63)
		return UINT64_MAX;
	return ((uint64_t)1 << bits) - (has_ends(network) ? 2 : 0);
}

void network_host(const struct network *network, uint64_t n, char *to,
                  size_t size)
{
	unsigned char address[16];
	size_t at = (size_t)network->bits / 8;

	memcpy(address, network->address, sizeof(address));
	n += has_ends(network) ? 1 : 0;
	for (; at > 0 && n > 0; n >>= 8)
		address[--at] |= (unsigned char)(n & 0xFF);
	inet_ntop(network->bits == 32 ? AF_INET : AF_INET6, address, to,
	          (socklen_t)size);
}

bool network_of_address(struct network *network, const char *address)
{
	size_t length = strcspn(address, "%");
	char text[INET6_ADDRSTRLEN];

	if (length >= sizeof(text))
		return false;
	memcpy(text, address, length);
	text[length] = '\0';
	memset(network, 0, sizeof(*network));
	if (!parse_address(network, text))
		return false;
	network->prefix = network->bits;
	return true;
}

bool network_has(const struct network *network, const struct network *address)
{
	size_t whole = network->prefix / 8U;
	unsigned rest = network->prefix % 8U;

	return address->bits == network->bits &&
	       memcmp(address->address, network->address, whole) == 0 &&
	       (rest == 0 ||
	        ((address->address[whole] ^ network->address[whole]) >>
	         (8 - rest)) == 0);
}
