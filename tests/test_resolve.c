#include "inventory/resolve.h"

#include "tests/net_fixture.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct poll_trap *trap;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                      size_t size);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	poll_trap_spring(trap, timeout);
	return __real_poll(fds, count, timeout);
}

/* What -D_FORTIFY_SOURCE makes of it. */
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                      size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, timeout);
}

/* A DNS server of a few names; RFC 1035 section 4. */
struct zone_entry {
	const char *name;
	unsigned a, aaaa; /* how many records of each */
	int code;         /* RCODE, or one of these: */
#define NO_ANSWER (-1)
#define GARBAGE (-2)
};

static const struct zone_entry zone[] = {
	{ "one.test", 1, 0, 0 },
	{ "six.test", 0, 1, 0 },
	{ "both.test", 1, 1, 0 },
	{ "many.test", 12, 0, 0 },
	{ "mixed.test", 12, 2, 0 },
	{ "empty.test", 0, 0, 0 },
	{ "broken.test", 0, 0, 2 },
	{ "refused.test", 0, 0, 5 },
	{ "silent.test", 0, 0, NO_ANSWER },
	{ "garbage.test", 0, 0, GARBAGE },
};

#define TYPE_A 1
#define TYPE_AAAA 28
#define NXDOMAIN 3

static struct {
	int fd;
	int quit;
	pthread_t thread;
	char csv[32]; /* for resolve() */
} dns;

static const struct zone_entry *find_zone(const char *name)
{
	static const struct zone_entry none = { "", 0, 0, NXDOMAIN };

	for (size_t i = 0; i < ARRAY_LENGTH(zone); i++) {
		if (strcmp(zone[i].name, name) == 0)
			return &zone[i];
	}
	return &none;
}

/* Reads the question's name; returns where its type begins, or 0. */
static size_t read_name(const unsigned char *query, size_t length, char *name)
{
	size_t at = 12, used = 0;

	while (at < length && query[at] != 0) {
		size_t label = query[at++];

		if (label > 63 || at + label >= length || used + label > 200)
			return 0;
		if (used > 0)
			name[used++] = '.';
		memcpy(name + used, query + at, label);
		used += label;
		at += label;
	}
	name[used] = '\0';
	return at + 5 <= length ? at + 1 : 0;
}

static size_t put_record(unsigned char *to, int type, unsigned number)
{
	static const unsigned char front[] = { 0xC0, 12, 0, 0,  0, 1,
		                               0,    0,  0, 60, 0 };
	size_t used = sizeof(front);

	memcpy(to, front, used);
	to[3] = (unsigned char)type;
	to[used++] = type == TYPE_A ? 4 : 16;
	memset(to + used, 0, 16);
	if (type == TYPE_A) {
		to[used] = 127;
		to[used + 3] = (unsigned char)(5 + number);
		return used + 4;
	}
	to[used + 15] = (unsigned char)(1 + number);
	return used + 16;
}

static size_t make_answer(unsigned char *packet, size_t length)
{
	char name[256];
	size_t at = read_name(packet, length, name);
	const struct zone_entry *entry = find_zone(name);
	unsigned count = 0;
	int type;

	if (at == 0 || entry->code == NO_ANSWER)
		return 0;
	type = packet[at + 1];
	if (type == TYPE_A)
		count = entry->a;
	else if (type == TYPE_AAAA)
		count = entry->aaaa;
	packet[2] = 0x81; /* an answer, recursion desired … */
	packet[3] = (unsigned char)(0x80 | (entry->code & 15)); /* and done */
	memset(packet + 6, 0, 6);
	packet[7] = (unsigned char)count;
	if (entry->code == GARBAGE) {
		packet[7] = 200;
		return at + 4;
	}
	at += 4;
	for (unsigned i = 0; i < count; i++)
		at += put_record(packet + at, type, i);
	return at;
}

static void *serve(void *arg)
{
	struct pollfd fds[2] = { { .fd = dns.fd, .events = POLLIN },
		                 { .fd = dns.quit, .events = POLLIN } };

	(void)arg;
	while (__real_poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
		unsigned char packet[2048];
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(dns.fd, packet, 512, 0,
		                       (struct sockaddr *)&from, &size);
		size_t length;

		if (got < 17)
			continue;
		length = make_answer(packet, (size_t)got);
		if (length > 0)
			(void)sendto(dns.fd, packet, length, 0,
			             (struct sockaddr *)&from, size);
	}
	return NULL;
}

static int set_up(void **state)
{
	struct err err;
	uint16_t port;

	(void)state;
	if (!resolve_library_init(&err))
		return -1;
	dns.fd = bound_socket(SOCK_DGRAM, &port);
	dns.quit = eventfd(0, EFD_CLOEXEC);
	snprintf(dns.csv, sizeof(dns.csv), "127.0.0.1:%u", (unsigned)port);
	return pthread_create(&dns.thread, NULL, serve, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	(void)eventfd_write(dns.quit, 1);
	pthread_join(dns.thread, NULL);
	close(dns.fd);
	close(dns.quit);
	resolve_library_end();
	return 0;
}

#define MAX 8

static size_t found(const char *name, struct address *addresses, size_t max)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;
	size_t count = 0;

	if (!resolve(name, 2200, AF_UNSPEC, dns.csv, addresses, max, &count,
	             &wait, &err))
		fail_msg("%s: %s", name, err.text);
	assert_true(count >= 1 && count <= max);
	return count;
}

static void assert_address(const struct address *address, const char *text)
{
	char is[64];

	address_format(address, is, sizeof(is));
	assert_string_equal(is, text);
	assert_int_equal(ntohs(address->any.sa_family == AF_INET
	                           ? address->v4.sin_port
	                           : address->v6.sin6_port),
	                 2200);
}

static void a_name_becomes_its_addresses(void **state)
{
	struct address addresses[MAX];

	(void)state;
	assert_int_equal(found("one.test", addresses, MAX), 1);
	assert_address(&addresses[0], "127.0.0.5");
	assert_int_equal(addresses[0].length, sizeof(addresses[0].v4));
	assert_int_equal(found("six.test", addresses, MAX), 1);
	assert_address(&addresses[0], "::1");
	assert_int_equal(addresses[0].length, sizeof(addresses[0].v6));
}

static void both_families_are_found(void **state)
{
	struct address addresses[MAX];
	size_t six;

	(void)state;
	assert_int_equal(found("both.test", addresses, MAX), 2);
	/* Which comes first is for the machine's own addresses to say. */
	six = addresses[0].any.sa_family == AF_INET6 ? 0 : 1;
	assert_address(&addresses[six], "::1");
	assert_address(&addresses[1 - six], "127.0.0.5");
}

/* The family that has the better addresses begins; which one that is, is for
 * the machine's own addresses to say. */
static void the_families_take_turns(void **state)
{
	struct address addresses[MAX];
	size_t six;

	(void)state;
	assert_int_equal(found("mixed.test", addresses, MAX), MAX);
	six = addresses[0].any.sa_family == AF_INET6 ? 0 : 1;
	for (size_t i = 0; i < MAX; i++) {
		bool is_six = i == six || i == six + 2;

		assert_int_equal(addresses[i].any.sa_family,
		                 is_six ? AF_INET6 : AF_INET);
	}
}

static void of_one_family_only_its_addresses_are_found(void **state)
{
	static const struct {
		const char *name;
		int family;
		size_t count;
		const char *text; /* the first, or the error */
	} cases[] = {
		{ "both.test", AF_INET, 1, "127.0.0.5" },
		{ "both.test", AF_INET6, 1, "::1" },
		{ "mixed.test", AF_INET6, 2, NULL },
		{ "mixed.test", AF_INET, MAX, NULL },
		{ "one.test", AF_INET6, 0, "the name has no IPv6 address" },
		{ "six.test", AF_INET, 0, "the name has no IPv4 address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wait wait = wait_ms(PLENTY_MS, -1);
		struct address addresses[MAX];
		size_t count = 0;
		struct err err;

		if (!resolve(cases[i].name, 2200, cases[i].family, dns.csv,
		             addresses, MAX, &count, &wait, &err)) {
			assert_int_equal(err.kind, ERR_UNRESOLVED);
			assert_string_equal(err.text, cases[i].text);
		}
		assert_int_equal(count, cases[i].count);
		for (size_t j = 0; j < count; j++)
			assert_int_equal(addresses[j].any.sa_family,
			                 cases[i].family);
		if (count == 1)
			assert_address(&addresses[0], cases[i].text);
	}
}

static void no_more_addresses_than_asked_for_are_written(void **state)
{
	struct address addresses[MAX];

	(void)state;
	memset(addresses, 0xAA, sizeof(addresses));
	assert_int_equal(found("many.test", addresses, 3), 3);
	assert_int_equal(addresses[3].length, 0xAAAAAAAA);
	assert_int_equal(found("many.test", addresses, MAX), MAX);
}

#define NO_ANSWER_TEXT "cannot look the name up: no name server has an answer"

static void a_name_that_is_not_there_is_unresolved(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "nobody.test", "no such name" },
		{ "empty.test", "the name has no address" },
		{ "broken.test", NO_ANSWER_TEXT },
		{ "refused.test", NO_ANSWER_TEXT },
		{ "garbage.test", "cannot look the name up: the name servers' "
		                  "answer makes no sense" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wait wait = wait_ms(PLENTY_MS, -1);
		struct address addresses[MAX];
		struct err err = { .kind = ERR_NONE };
		size_t count = 0;

		assert_false(resolve(cases[i].name, 22, AF_UNSPEC, dns.csv,
		                     addresses, MAX, &count, &wait, &err));
		if (err.kind != ERR_UNRESOLVED)
			fail_msg("%s: %s", cases[i].name, err.text);
		if (cases[i].text != NULL)
			assert_string_equal(err.text, cases[i].text);
		assert_int_equal(count, 0);
	}
}

static void a_silent_server_is_a_timeout_at_our_deadline(void **state)
{
	struct wait wait = wait_ms(200, -1);
	struct address addresses[MAX];
	struct err err;
	size_t count = 0;

	(void)state;
	assert_false(resolve("silent.test", 22, AF_UNSPEC, dns.csv, addresses,
	                     MAX, &count, &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 0.2 s");
}

static void a_cancel_wakes_a_lookup(void **state)
{
	struct address addresses[MAX];
	struct poll_trap set;
	struct wait wait;
	struct err err;
	size_t count = 0;
	bool ok;

	(void)state;
	poll_trap_set(&set);
	wait = wait_ms(PLENTY_MS, set.cancel);
	trap = &set;
	ok = resolve("silent.test", 22, AF_UNSPEC, dns.csv, addresses, MAX,
	             &count, &wait, &err);
	trap = NULL;
	assert_false(ok);
	assert_int_equal(err.kind, ERR_CANCELLED);
	poll_trap_clear(&set);
}

static void a_server_that_is_not_there_leaves_the_name_unresolved(void **state)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct address addresses[MAX];
	char csv[32];
	struct err err;
	size_t count = 0;
	uint16_t port;
	int fd = bound_socket(SOCK_DGRAM, &port);

	(void)state;
	close(fd);
	snprintf(csv, sizeof(csv), "127.0.0.1:%u", (unsigned)port);
	assert_false(resolve("one.test", 22, AF_UNSPEC, csv, addresses, MAX,
	                     &count, &wait, &err));
	assert_int_equal(err.kind, ERR_UNRESOLVED);
	assert_string_equal(err.text, NO_ANSWER_TEXT);
}

static void servers_that_cannot_be_read_are_a_local_failure(void **state)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct address addresses[MAX];
	struct err err = { .kind = ERR_NONE };
	size_t count = 0;

	(void)state;
	assert_false(resolve("one.test", 22, AF_UNSPEC, "not an address",
	                     addresses, MAX, &count, &wait, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
}

/* /etc/hosts, or RFC 6761 section 6.3: nobody is asked. */
static void localhost_is_known_without_the_dns(void **state)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct address addresses[MAX];
	uint16_t port;
	int silent = bound_socket(SOCK_DGRAM, &port);
	char csv[32];
	struct err err;
	size_t count = 0;

	(void)state;
	snprintf(csv, sizeof(csv), "127.0.0.1:%u", (unsigned)port);
	assert_true(resolve("localhost", 22, AF_UNSPEC, csv, addresses, MAX,
	                    &count, &wait, &err));
	assert_true(count >= 1);
	for (size_t i = 0; i < count; i++) {
		char text[64];

		address_format(&addresses[i], text, sizeof(text));
		assert_true(strcmp(text, "::1") == 0 ||
		            strncmp(text, "127.", 4) == 0);
	}
	close(silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_becomes_its_addresses),
		cmocka_unit_test(both_families_are_found),
		cmocka_unit_test(the_families_take_turns),
		cmocka_unit_test(of_one_family_only_its_addresses_are_found),
		cmocka_unit_test(no_more_addresses_than_asked_for_are_written),
		cmocka_unit_test(a_name_that_is_not_there_is_unresolved),
		cmocka_unit_test(a_silent_server_is_a_timeout_at_our_deadline),
		cmocka_unit_test(a_cancel_wakes_a_lookup),
		cmocka_unit_test(
		    a_server_that_is_not_there_leaves_the_name_unresolved),
		cmocka_unit_test(
		    servers_that_cannot_be_read_are_a_local_failure),
		cmocka_unit_test(localhost_is_known_without_the_dns),
	};

	return !!cmocka_run_group_tests(tests, set_up, tear_down);
}
