#include "tests/fleet/heap.h"

#include <stdlib.h>

static void set(struct heap *heap, size_t place, struct heap_item *item)
{
	heap->items[place] = item;
	item->place = place;
}

static void sift_up(struct heap *heap, struct heap_item *item)
{
	size_t i = item->place;

	while (i > 1 && heap->items[i / 2]->due_ns > item->due_ns) {
		set(heap, i, heap->items[i / 2]);
		i /= 2;
	}
	set(heap, i, item);
}

static void sift_down(struct heap *heap, struct heap_item *item)
{
	size_t i = item->place;

	for (;;) {
		size_t child = 2 * i;

		if (child > heap->count)
			break;
		if (child < heap->count &&
		    heap->items[child + 1]->due_ns < heap->items[child]->due_ns)
			child++;
		if (heap->items[child]->due_ns >= item->due_ns)
			break;
		set(heap, i, heap->items[child]);
		i = child;
	}
	set(heap, i, item);
}

bool heap_put(struct heap *heap, struct heap_item *item, int64_t due_ns)
{
	item->due_ns = due_ns;
	if (item->place == 0) {
		if (heap->count + 1 >= heap->room) {
			size_t room = heap->room > 0 ? heap->room * 2 : 64;
			struct heap_item **grown = reallocarray(
			    heap->items, room, sizeof(struct heap_item *));

			if (grown == NULL)
				return false;
			heap->items = grown;
			heap->room = room;
		}
		set(heap, ++heap->count, item);
	}
	sift_up(heap, item);
	sift_down(heap, item);
	return true;
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
	size_t place = item->place;
	struct heap_item *last = NULL;

	if (place == 0)
		return;
	item->place = 0;
	last = heap->items[heap->count--];
	if (last == item)
		return;
	set(heap, place, last);
	sift_up(heap, last);
	sift_down(heap, last);
}

struct heap_item *heap_soonest(const struct heap *heap)
{
	return heap->count > 0 ? heap->items[1] : NULL;
}

void heap_release(struct heap *heap)
{
	free(heap->items);
	heap->items = NULL;
	heap->count = 0;
	heap->room = 0;
}
