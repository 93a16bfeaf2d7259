#include "inventory/ssh_algorithms.h"

#include "inventory/ssh.h"

#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The six name-lists of a server's KEXINIT, with a newline between them. */

#define COOKIE_SIZE 16
#define LIST_MAX 4000

struct names {
	const char *text;
	size_t length;
};

/* What we offer, list by list, as the sentences say it. */
static char offered[GREETING_LISTS][512];

/* The plain way, name by name. */
static bool has(struct names names, const char *name, size_t length)
{
	for (size_t begin = 0; begin < names.length;) {
		size_t end = begin;

		while (end < names.length && names.text[end] != ',')
			end++;
		if (end - begin == length &&
		    memcmp(names.text + begin, name, length) == 0)
			return true;
		begin = end + 1;
	}
	return false;
}

static bool meet(const char *ours, struct names theirs)
{
	while (*ours != '\0') {
		size_t length = strcspn(ours, ",");

		PROMISE(name_list_has(theirs.text, theirs.length, ours,
		                      length) == has(theirs, ours, length));
		if (has(theirs, ours, length))
			return true;
		ours += length + (ours[length] == ',');
	}
	return false;
}

static char *put_u32(char *to, size_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (char)(number >> shift & 0xFF);
	return to;
}

/* A version string and the KEXINIT, as RFC 4253 section 7.1 has it. */
static void feed(struct greeting *greeting,
                 const struct names lists[GREETING_LISTS])
{
	size_t payload = 1 + COOKIE_SIZE;
	char *packet, *to;

	for (int i = 0; i < GREETING_LISTS; i++)
		payload += 4 + lists[i].length;
	packet = calloc(1, payload + 5 + 4);
	PROMISE(packet != NULL);
	to = put_u32(packet, payload + 1 + 4);
	*to++ = 4; /* of padding */
	*to++ = 20;
	to += COOKIE_SIZE;
	for (int i = 0; i < GREETING_LISTS; i++) {
		to = put_u32(to, lists[i].length);
		if (lists[i].length > 0)
			memcpy(to, lists[i].text, lists[i].length);
		to += lists[i].length;
	}
	greeting_feed(greeting, "SSH-2.0-x\r\n", 11);
	greeting_feed(greeting, packet, payload + 5 + 4);
	PROMISE(greeting->state == GREETING_PACKETS);
	free(packet);
}

static bool explain(const struct names lists[GREETING_LISTS], struct err *err)
{
	struct greeting greeting = { 0 };
	bool told;

	feed(&greeting, lists);
	told = algorithms_explain(&greeting, err);
	greeting_release(&greeting);
	return told;
}

/* Says nothing in common with one list after the other. */
static void learn_offers(void)
{
	struct names lists[GREETING_LISTS];
	struct err err;

	PROMISE(ssh_library_init(&err));
	memset(lists, 0, sizeof(lists));
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *from;
		size_t length;

		PROMISE(explain(lists, &err));
		from = strstr(err.text, "we offer ");
		PROMISE(from != NULL);
		from += strlen("we offer ");
		length = strcspn(from, ";");
		PROMISE(length < sizeof(offered[i]));
		memcpy(offered[i], from, length);
		lists[i].text = offered[i];
		lists[i].length = length;
	}
	PROMISE(!explain(lists, &err));
}

static void check(const struct names lists[GREETING_LISTS])
{
	struct err err = { .kind = ERR_NONE, .text = "" };
	const char *told;
	int first = 0;

	while (first < GREETING_LISTS && meet(offered[first], lists[first]))
		first++;
	PROMISE(explain(lists, &err) == (first < GREETING_LISTS));
	if (first == GREETING_LISTS) {
		PROMISE(err.kind == ERR_NONE);
		return;
	}
	PROMISE(err.kind == ERR_PROTOCOL);
	told = strstr(err.text, "we offer ");
	PROMISE(told != NULL);
	told += strlen("we offer ");
	PROMISE(strncmp(told, offered[first], strlen(offered[first])) == 0);
	told = strstr(told, "; the server offers ");
	PROMISE(told != NULL);
	told += strlen("; the server offers ");
	/* Cut where there is no room. */
	PROMISE(strlen(told) <= lists[first].length);
	PROMISE(memcmp(told, lists[first].text, strlen(told)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct names lists[GREETING_LISTS];
	const char *bytes = (const char *)data;

	if (offered[0][0] == '\0')
		learn_offers();
	if (size > LIST_MAX)
		return 0;
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *end = size > 0 ? memchr(bytes, '\n', size) : NULL;
		size_t length = end != NULL ? (size_t)(end - bytes) : size;

		lists[i] = (struct names){ bytes, length };
		bytes += length + (end != NULL);
		size -= length + (end != NULL);
	}
	check(lists);
	return 0;
}
