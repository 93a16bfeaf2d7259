#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A binary heap of things that are due at a time, soonest first. An item is
 * embedded in what is due and is in at most one heap. No lock of its own. */
struct heap_item {
	int64_t due_ns;
	size_t place; /* from 1; 0: in no heap */
};

struct heap {
	struct heap_item **items; /* items[1] is the soonest */
	size_t count;
	size_t room;
};

/* Puts an item in, or to its new place when due_ns changed. False without
 * memory, and then the item is in no heap. */
bool heap_put(struct heap *heap, struct heap_item *item, int64_t due_ns);

/* Takes it out; fine when it is not in. */
void heap_remove(struct heap *heap, struct heap_item *item);

/* NULL when empty. */
struct heap_item *heap_soonest(const struct heap *heap);

/* Frees the heap, not the items. */
void heap_release(struct heap *heap);
