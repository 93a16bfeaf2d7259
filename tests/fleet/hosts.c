#include "tests/fleet/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/say.h"

#define PER_OCTET (256UL * 254UL)

void hosts_list(void)
{
	for (size_t i = 0; i < behaviour_count; i++)
		printf("%u\t%s\t%s\t%s\n", behaviours[i].octet,
		       behaviours[i].name, behaviours[i].status,
		       behaviours[i].help);
}

static unsigned long most_hosts(const struct behaviour *b)
{
	return b->octet == 1 ? PER_OCTET * (1 + 255 - WELL_FROM) : PER_OCTET;
}

/* Number i, from 0, of a kind: 127.OCTET.0.1, .2, ... .254, 127.OCTET.1.1. */
static uint32_t address_of(const struct behaviour *b, unsigned long i)
{
	unsigned long octet = b->octet;

	if (i >= PER_OCTET)
		octet = WELL_FROM + i / PER_OCTET - 1;
	i %= PER_OCTET;
	return (uint32_t)(127UL << 24 | octet << 16 | (i / 254) << 8 |
	                  (i % 254 + 1));
}

static bool refuses(uint32_t address, uint16_t port)
{
	const struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(address),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused = false;

	if (fd < 0)
		return false;
	refused =
	    connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/*
 * A port that stays closed: this program ends now and cannot hold one, but
 * those below 1024 are given to nobody by chance and opened by nobody but
 * root. 0 when the first hundred are all in use.
 */
static uint16_t closed_port(uint32_t address)
{
	for (uint16_t port = 1; port < 100; port++) {
		if (refuses(address, port))
			return port;
	}
	return 0;
}

/* How many bytes at p make one character that may stand in a line: 0 for a
 * control (C0, DEL, C1), a bidirectional control or invalid UTF-8. */
static size_t harmless(const unsigned char *p)
{
	uint32_t c = p[0];
	size_t n = 1;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f ? 1 : 0;
	if (c >= 0xc2 && c <= 0xdf)
		n = 2;
	else if (c >= 0xe0 && c <= 0xef)
		n = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		n = 4;
	else
		return 0;
	c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (c < 0xa0 || c == 0x61c || c == 0x200e || c == 0x200f ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

static void print_escaped(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		size_t n = harmless(p);

		if (n == 0)
			printf("\\x%02x", *p++);
		for (; n > 0; n--)
			putchar(*p++);
	}
}

static void print_expected(const struct behaviour *b, uint32_t address)
{
	char text[ADDRESS_TEXT_SIZE];
	char name[HOSTNAME_SIZE];

	address_print(address, text);
	printf("%s\t%s\t", text, b->status);
	if (strncmp(b->status, "ok", 2) == 0) {
		behaviour_hostname(b, address, name);
		print_escaped(name);
	} else {
		putchar('-');
	}
	putchar('\n');
}

static bool print_kind(const struct behaviour *b, unsigned long n,
                       uint16_t port, bool expect)
{
	char text[ADDRESS_TEXT_SIZE];

	if (n > most_hosts(b)) {
		say(0, "there are at most %lu hosts of kind '%s'",
		    most_hosts(b), b->name);
		return false;
	}
	if (n > 0 && b->serve == NULL && !expect) {
		port = closed_port(address_of(b, 0));
		if (port == 0) {
			say(0, "no closed port for hosts of kind '%s'",
			    b->name);
			return false;
		}
	}
	for (unsigned long i = 0; i < n; i++) {
		uint32_t address = address_of(b, i);

		if (expect) {
			print_expected(b, address);
			continue;
		}
		address_print(address, text);
		printf("%s %s %s port=%u\n", text, b->user, b->password,
		       (unsigned)port);
	}
	return true;
}

bool hosts_print(const char *list, uint16_t port, bool expect)
{
	while (*list != '\0') {
		size_t length = strcspn(list, "=,");
		const struct behaviour *b = behaviour_named(list, length);
		bool all = length == 3 && memcmp(list, "all", 3) == 0;
		unsigned long n = 0;
		char *end = NULL;

		if (b == NULL && !all) {
			say(0, "no kind of host is called '%.*s'; see --list",
			    (int)length, list);
			return false;
		}
		errno = 0;
		if (list[length] == '=' && list[length + 1] >= '0' &&
		    list[length + 1] <= '9')
			n = strtoul(list + length + 1, &end, 10);
		if (end == NULL || errno != 0 ||
		    (*end != ',' && *end != '\0')) {
			say(0, "KIND=N is expected at '%s'", list);
			return false;
		}
		for (size_t i = 0; all && i < behaviour_count; i++) {
			if (!print_kind(&behaviours[i], n, port, expect))
				return false;
		}
		if (b != NULL && !print_kind(b, n, port, expect))
			return false;
		list = *end == ',' ? end + 1 : end;
	}
	return true;
}
