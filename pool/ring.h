#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * A bounded FIFO of pointers in one array: head is the oldest, the newest is
 * count - 1 places after it, and the places wrap around at size. It owns the
 * array, never what the pointers point to, and has no lock of its own.
 */
struct ring {
	void **items;
	size_t size;
	size_t head;
	size_t count;
};

/* size is at least 1. False when there is no memory; *ring is then empty. */
static inline bool ring_init(struct ring *ring, size_t size)
{
	assert(size > 0);
	*ring = (struct ring){ .items = calloc(size, sizeof(void *)) };
	if (ring->items == NULL)
		return false;
	ring->size = size;
	return true;
}

/* What is still in it is forgotten. A released ring is full and empty at once:
 * nothing comes out and nothing may go in. */
static inline void ring_release(struct ring *ring)
{
	free(ring->items);
	*ring = (struct ring){ 0 };
}

static inline bool ring_empty(const struct ring *ring)
{
	return ring->count == 0;
}

static inline bool ring_full(const struct ring *ring)
{
	return ring->count == ring->size;
}

/* The place of the nth oldest; adding would overflow near SIZE_MAX. */
static inline void **ring_at(const struct ring *ring, size_t n)
{
	size_t until_wrap = ring->size - ring->head;

	assert(n < ring->size);
	return &ring->items[n < until_wrap ? ring->head + n : n - until_wrap];
}

/* The ring must not be full. */
static inline void ring_push(struct ring *ring, void *item)
{
	assert(!ring_full(ring));
	*ring_at(ring, ring->count) = item;
	ring->count++;
}

/* The same, but it comes out next. */
static inline void ring_push_first(struct ring *ring, void *item)
{
	assert(!ring_full(ring));
	ring->head = (ring->head > 0 ? ring->head : ring->size) - 1;
	*ring_at(ring, 0) = item;
	ring->count++;
}

/* The oldest, or NULL when the ring is empty. */
static inline void *ring_pop(struct ring *ring)
{
	void *item;

	if (ring_empty(ring))
		return NULL;
	item = *ring_at(ring, 0);
	ring->head = ring->head + 1 < ring->size ? ring->head + 1 : 0;
	ring->count--;
	return item;
}

/*
 * Takes an item out of the middle; the others keep their order. False when it
 * is not there. The time is linear in the count, which is fine for what is
 * rare: cancelling a single task.
 */
static inline bool ring_remove(struct ring *ring, const void *item)
{
	size_t n = 0;

	while (n < ring->count && *ring_at(ring, n) != item)
		n++;
	if (n == ring->count)
		return false;
	for (; n + 1 < ring->count; n++)
		*ring_at(ring, n) = *ring_at(ring, n + 1);
	ring->count--;
	return true;
}
