#include "inventory/hostset.h"

#include "inventory/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

/* Enough of SHA-256 that no two hosts are ever mixed up, by chance or on
 * purpose. */
#define KEY_SIZE 12

struct hostset_slot {
	unsigned char key[KEY_SIZE];
	uint32_t number; /* 0: a free slot */
};

#define SLOTS_FIRST 1024

static void make_key(const char *ip, unsigned port, unsigned char *key)
{
	char text[HOST_IP_MAX + 16];
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int length = snprintf(text, sizeof(text), "%s %u", ip, port);

	assert(length > 0 && (size_t)length < sizeof(text));
	SHA256((const unsigned char *)text, (size_t)length, digest);
	memcpy(key, digest, KEY_SIZE);
}

/* The slot of key, or the free one where it belongs. */
static struct hostset_slot *slot_of(struct hostset_slot *slots, size_t size,
                                    const unsigned char *key)
{
	size_t at;

	memcpy(&at, key, sizeof(at));
	for (;; at++) {
		struct hostset_slot *slot = &slots[at & (size - 1)];

		if (slot->number == 0 || memcmp(slot->key, key, KEY_SIZE) == 0)
			return slot;
	}
}

static bool grow(struct hostset *set)
{
	size_t size = set->size > 0 ? set->size * 2 : SLOTS_FIRST;
	struct hostset_slot *slots = calloc(size, sizeof(*slots));

	if (slots == NULL)
		return false;
	for (size_t i = 0; i < set->size; i++) {
		const struct hostset_slot *old = &set->slots[i];

		if (old->number != 0)
			*slot_of(slots, size, old->key) = *old;
	}
	free(set->slots);
	set->slots = slots;
	set->size = size;
	return true;
}

uint32_t hostset_find(const struct hostset *set, const char *ip, unsigned port)
{
	unsigned char key[KEY_SIZE];

	if (set->used == 0)
		return 0;
	make_key(ip, port, key);
	return slot_of(set->slots, set->size, key)->number;
}

bool hostset_add(struct hostset *set, const char *ip, unsigned port,
                 uint32_t number, uint32_t *before)
{
	unsigned char key[KEY_SIZE];
	struct hostset_slot *slot;

	assert(number > 0);
	if (set->used * 4 >= set->size * 3 && !grow(set))
		return false;
	make_key(ip, port, key);
	slot = slot_of(set->slots, set->size, key);
	*before = slot->number;
	if (slot->number != 0)
		return true;
	memcpy(slot->key, key, KEY_SIZE);
	slot->number = number;
	set->used++;
	return true;
}

void hostset_release(struct hostset *set)
{
	free(set->slots);
	*set = (struct hostset)HOSTSET_INIT;
}
