#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/proxy/mangle.h"
#include "tests/proxy/plan.h"

/* What the fuzzer claims to do, it does. */

static void assert_same(const struct plan *a, const struct plan *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->pieces, b->pieces);
	assert_true(a->dice == b->dice);
	for (size_t i = 0; i < a->count; i++) {
		const struct fault *x = &a->faults[i];
		const struct fault *y = &b->faults[i];

		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->direction, y->direction);
		assert_true(x->at == y->at);
		assert_int_equal(x->amount, y->amount);
	}
}

static void the_same_seed_and_address_give_the_same_plan(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct plan a, b, c;

		plan_make(&a, 7, 0x7F000001 + i, 0);
		plan_make(&b, 7, 0x7F000001 + i, 0);
		plan_make(&c, 8, 0x7F000001 + i, 0);
		assert_same(&a, &b);
		assert_true(a.dice != c.dice);
	}
}

static void a_control_is_untouched_in_every_attempt(void **state)
{
	unsigned controls = 0;

	(void)state;
	for (uint32_t i = 0; i < 8000; i++) {
		struct plan first, second;

		plan_make(&first, 3, 0x7F000001 + i, 0);
		plan_make(&second, 3, 0x7F000001 + i, 1);
		assert_int_equal(first.count == 0, second.count == 0);
		if (first.count > 0)
			assert_true(first.dice != second.dice);
		controls += first.count == 0;
	}
	assert_true(controls >= 800 && controls <= 1200);
}

static void plans_have_every_fault_and_most_of_them_early(void **state)
{
	unsigned kinds[FAULT_KINDS] = { 0 };
	unsigned early = 0, all = 0;

	(void)state;
	for (uint32_t i = 0; i < 8000; i++) {
		struct plan plan;

		plan_make(&plan, 1, 0x7F000001 + i, 0);
		assert_true(plan.count <= PLAN_FAULTS_MAX);
		for (size_t j = 0; j < plan.count; j++) {
			const struct fault *fault = &plan.faults[j];

			kinds[fault->kind]++;
			early += fault->at < 4096;
			all++;
			assert_true(fault->amount <= FAULT_BYTES_MAX);
			if (fault->kind == FAULT_FLIP)
				assert_true(fault->amount >= 1 &&
				            fault->amount <= 255);
			if (j > 0)
				assert_true(fault->at >= fault[-1].at);
		}
	}
	for (int i = 0; i < FAULT_KINDS; i++)
		assert_true(kinds[i] > all / 50);
	assert_true(early > all * 7 / 10 && early < all);
}

static struct plan plan_of(enum fault_kind kind, uint64_t at, unsigned amount)
{
	return (struct plan){ .count = 1,
		              .faults = { { kind, TO_CLIENT, at, amount } } };
}

/* The text goes through in pieces of that size, and is flushed. */
static enum mangle_state pass(struct mangle *mangle, const char *text,
                              size_t step, char *got)
{
	enum mangle_state state = MANGLE_GOES_ON;
	size_t length = strlen(text);
	struct mangled out;

	for (size_t at = 0; at < length && state == MANGLE_GOES_ON;) {
		size_t size = step < length - at ? step : length - at;

		at += mangle_take(mangle, (const unsigned char *)text + at,
		                  size, &out, &state);
		memcpy(got, out.bytes, out.length);
		got += out.length;
	}
	mangle_flush(mangle, &out);
	memcpy(got, out.bytes, out.length);
	got[out.length] = '\0';
	return state;
}

static void each_fault_does_what_its_name_says(void **state)
{
	static const struct {
		enum fault_kind kind;
		enum mangle_state state;
		uint64_t at;
		const char *result;
		unsigned amount;
	} cases[] = {
		{ FAULT_FLIP, MANGLE_GOES_ON, 2, "abCdefghij", 0x20 },
		{ FAULT_DROP, MANGLE_GOES_ON, 0, "defghij", 3 },
		{ FAULT_DROP, MANGLE_GOES_ON, 8, "abcdefgh", 30 },
		{ FAULT_REPEAT, MANGLE_GOES_ON, 3, "abcbcdefghij", 2 },
		{ FAULT_REPEAT, MANGLE_GOES_ON, 3, "abcabcdefghij", 9 },
		{ FAULT_SWAP, MANGLE_GOES_ON, 1, "adebcfghij", 2 },
		{ FAULT_SWAP, MANGLE_GOES_ON, 8, "abcdefghij", 2 },
		{ FAULT_SWAP, MANGLE_GOES_ON, 6, "abcdefjghi", 3 },
		{ FAULT_STALL, MANGLE_STALLS, 4, "abcd", 9 },
		{ FAULT_SILENCE, MANGLE_GOES_ON, 4, "abcd", 0 },
		{ FAULT_END, MANGLE_ENDS, 9, "abcdefghi", 0 },
		{ FAULT_RESET, MANGLE_RESETS, 1, "a", 0 },
		{ FAULT_FLIP, MANGLE_GOES_ON, 10, "abcdefghij", 0x20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan plan =
		    plan_of(cases[i].kind, cases[i].at, cases[i].amount);

		for (size_t step = 1; step <= 10; step++) {
			struct mangle mangle;
			char got[64];

			mangle_init(&mangle, &plan, TO_CLIENT);
			assert_int_equal(pass(&mangle, "abcdefghij", step, got),
			                 cases[i].state);
			assert_string_equal(got, cases[i].result);
		}
	}
}

static void an_insertion_adds_as_many_bytes_as_it_says(void **state)
{
	struct plan plan = plan_of(FAULT_INSERT, 2, 5);
	struct mangled out;
	struct mangle mangle;
	enum mangle_state end;

	(void)state;
	mangle_init(&mangle, &plan, TO_CLIENT);
	assert_int_equal(
	    mangle_take(&mangle, (const unsigned char *)"abcd", 4, &out, &end),
	    4);
	assert_int_equal(out.length, 9);
	assert_memory_equal(out.bytes, "ab", 2);
	assert_memory_equal(out.bytes + 7, "cd", 2);
}

static void a_stall_is_followed_by_the_rest(void **state)
{
	struct plan plan = plan_of(FAULT_STALL, 4, 250);
	struct mangle mangle;
	char got[64];

	(void)state;
	mangle_init(&mangle, &plan, TO_CLIENT);
	assert_int_equal(pass(&mangle, "abcdefghij", 10, got), MANGLE_STALLS);
	assert_int_equal(mangle.stall_ms, 250);
	assert_int_equal(pass(&mangle, "efghij", 10, got), MANGLE_GOES_ON);
	assert_string_equal(got, "efghij");
}

static void a_fault_is_of_its_own_direction_only(void **state)
{
	struct plan plan = plan_of(FAULT_DROP, 0, 10);
	struct mangle mangle;
	char got[64];

	(void)state;
	mangle_init(&mangle, &plan, TO_SERVER);
	assert_int_equal(pass(&mangle, "abcdefghij", 3, got), MANGLE_GOES_ON);
	assert_string_equal(got, "abcdefghij");
	assert_int_equal(mangle.applied[FAULT_DROP], 0);
}

static void nothing_grows_beyond_what_it_may(void **state)
{
	static unsigned char in[MANGLE_INPUT_MAX];
	static struct {
		struct mangled out;
		unsigned char guard;
	} room;

	(void)state;
	room.guard = 0xEE;
	for (uint32_t i = 0; i < 1000; i++) {
		struct plan plan;
		struct mangle mangle;
		enum mangle_state end = MANGLE_GOES_ON;

		plan_make(&plan, 5, i, 0);
		mangle_init(&mangle, &plan, TO_CLIENT);
		for (int call = 0; call < 12 && end <= MANGLE_STALLS; call++) {
			mangle_take(&mangle, in, sizeof(in), &room.out, &end);
			assert_true(room.out.length <= sizeof(room.out.bytes));
			assert_int_equal(room.guard, 0xEE);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_and_address_give_the_same_plan),
		cmocka_unit_test(a_control_is_untouched_in_every_attempt),
		cmocka_unit_test(plans_have_every_fault_and_most_of_them_early),
		cmocka_unit_test(each_fault_does_what_its_name_says),
		cmocka_unit_test(an_insertion_adds_as_many_bytes_as_it_says),
		cmocka_unit_test(a_stall_is_followed_by_the_rest),
		cmocka_unit_test(a_fault_is_of_its_own_direction_only),
		cmocka_unit_test(nothing_grows_beyond_what_it_may),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
