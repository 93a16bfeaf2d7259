#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool/ring.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool calloc_fails;
static int items[8];

void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

static void push_range(struct ring *ring, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++)
		ring_push(ring, &items[i]);
}

static void assert_pops(struct ring *ring, const size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(ring_pop(ring), &items[order[i]]);
	assert_true(ring_empty(ring));
	assert_null(ring_pop(ring));
}

static void what_goes_in_first_comes_out_first(void **state)
{
	struct ring ring;

	(void)state;
	assert_true(ring_init(&ring, 4));
	assert_true(ring_empty(&ring));
	push_range(&ring, 0, 3);
	assert_true(ring_full(&ring));
	assert_pops(&ring, (const size_t[]){ 0, 1, 2, 3 }, 4);
	ring_release(&ring);
}

static void order_holds_at_every_place_of_the_wrap(void **state)
{
	struct ring ring;

	(void)state;
	for (size_t size = 1; size <= 5; size++) {
		assert_true(ring_init(&ring, size));
		for (size_t round = 0; round < 3 * size; round++) {
			/* One in and out moves the head by one. */
			ring_push(&ring, &items[7]);
			assert_ptr_equal(ring_pop(&ring), &items[7]);
			push_range(&ring, 0, size - 1);
			assert_true(ring_full(&ring));
			assert_pops(&ring, (const size_t[]){ 0, 1, 2, 3, 4 },
			            size);
		}
		ring_release(&ring);
	}
}

static void removing_any_item_keeps_the_order_of_the_others(void **state)
{
	struct ring ring;

	(void)state;
	for (size_t head = 0; head < 5; head++)
		for (size_t gone = 0; gone < 5; gone++) {
			assert_true(ring_init(&ring, 5));
			for (size_t i = 0; i < head; i++) {
				ring_push(&ring, &items[7]);
				ring_pop(&ring);
			}
			push_range(&ring, 0, 4);
			assert_true(ring_remove(&ring, &items[gone]));
			assert_false(ring_remove(&ring, &items[gone]));
			assert_false(ring_full(&ring));
			ring_push(&ring, &items[6]);
			for (size_t i = 0; i < 5; i++)
				if (i != gone)
					assert_ptr_equal(ring_pop(&ring),
					                 &items[i]);
			assert_ptr_equal(ring_pop(&ring), &items[6]);
			assert_true(ring_empty(&ring));
			ring_release(&ring);
		}
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
	struct ring ring;

	(void)state;
	assert_true(ring_init(&ring, 2));
	assert_false(ring_remove(&ring, &items[0]));
	push_range(&ring, 0, 1);
	assert_false(ring_remove(&ring, &items[5]));
	assert_pops(&ring, (const size_t[]){ 0, 1 }, 2);
	ring_release(&ring);
}

static void what_is_pushed_first_comes_out_next(void **state)
{
	struct ring ring;

	(void)state;
	/* At each place of the head, so that it wraps around. */
	for (size_t turn = 0; turn < 3; turn++) {
		assert_true(ring_init(&ring, 3));
		for (size_t i = 0; i < turn; i++) {
			ring_push(&ring, &items[7]);
			ring_pop(&ring);
		}
		push_range(&ring, 1, 2);
		ring_push_first(&ring, &items[0]);
		assert_true(ring_full(&ring));
		assert_pops(&ring, (const size_t[]){ 0, 1, 2 }, 3);
		ring_push_first(&ring, &items[4]);
		assert_pops(&ring, (const size_t[]){ 4 }, 1);
		ring_release(&ring);
	}
}

static void without_memory_it_says_so_and_holds_nothing(void **state)
{
	struct ring ring;

	(void)state;
	calloc_fails = true;
	assert_false(ring_init(&ring, 2));
	calloc_fails = false;
	assert_null(ring.items);
	ring_release(&ring);
}

static void a_released_ring_is_full_and_empty(void **state)
{
	struct ring ring;

	(void)state;
	assert_true(ring_init(&ring, 2));
	push_range(&ring, 0, 0);
	ring_release(&ring);
	assert_true(ring_full(&ring));
	assert_true(ring_empty(&ring));
	assert_null(ring_pop(&ring));
	ring_release(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_first_comes_out_first),
		cmocka_unit_test(order_holds_at_every_place_of_the_wrap),
		cmocka_unit_test(
		    removing_any_item_keeps_the_order_of_the_others),
		cmocka_unit_test(removing_what_is_not_there_changes_nothing),
		cmocka_unit_test(what_is_pushed_first_comes_out_next),
		cmocka_unit_test(without_memory_it_says_so_and_holds_nothing),
		cmocka_unit_test(a_released_ring_is_full_and_empty),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
