#include "tests/guard_fixture.h"

#include <stdio.h>
#include <string.h>

/* Verdicts, and what they open and close; nobody waits. */

#define TWICE ((size_t)2 * MAX)

static void refusals_close_a_credential_for_good(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place places[MAX], none;
	struct guard_counts counts;
	struct err err;

	(void)state;
	take(guard, places, MAX);
	assert_true(guard_is_open(guard, "root", "secret", &err));
	for (size_t i = 0; i < MAX; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	assert_true(guard_is_open(guard, "root", "another", &err));
	assert_false(guard_is_open(guard, "root", "secret", &err));
	assert_int_equal(err.kind, ERR_SKIPPED);
	for (int i = 0; i < 2; i++) {
		assert_false(enter(guard, &none, "root", "secret", &err));
		assert_int_equal(err.kind, ERR_SKIPPED);
		assert_string_equal(err.text,
		                    "not tried: 3 hosts refused this user and "
		                    "password (--max-auth-failures)");
		assert_null(none.credential);
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 3);
	assert_int_equal(counts.credentials, 1);
	guard_close(guard);
}

static void an_interrupted_login_is_nobodys_refusal(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place, none = { .credential = NULL };
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct guard_counts counts;
	struct err err;

	(void)state;
	assert_true(enter(guard, &place, "root", "secret", &err));
	guard_leave(guard, &place, GUARD_INTERRUPTED);
	assert_true(guard_is_open(guard, "root", "secret", &err));
	assert_false(
	    guard_enter(guard, &none, "root", "secret", &wait, 0, &err));
	assert_non_null(strstr(err.text, "no verdict"));
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	guard_close(guard);
}

/* All but the first who comes, until somebody was accepted. */
static void who_is_not_alone_takes_care(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place first, second, third;
	struct err err;

	(void)state;
	assert_true(enter(guard, &first, "root", "secret", &err));
	assert_false(first.care);
	assert_true(enter(guard, &second, "root", "secret", &err));
	assert_true(second.care);
	guard_leave(guard, &first, GUARD_ACCEPTED);
	assert_true(enter(guard, &third, "root", "secret", &err));
	assert_false(third.care);
	guard_leave(guard, &second, GUARD_REFUSED);
	guard_leave(guard, &third, GUARD_ACCEPTED);
	guard_close(guard);
	guard = opened(1);
	assert_true(enter(guard, &first, "root", "secret", &err));
	assert_true(first.care);
	guard_leave(guard, &first, GUARD_UNUSED);
	guard_close(guard);
}

static void the_first_acceptance_opens_it_for_good(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place places[TWICE];
	struct guard_counts counts;

	(void)state;
	take(guard, places, MAX);
	guard_leave(guard, &places[0], GUARD_REFUSED);
	guard_leave(guard, &places[1], GUARD_REFUSED);
	guard_leave(guard, &places[2], GUARD_ACCEPTED);
	/* More at once than there are places, and each is refused. */
	take(guard, places, TWICE);
	for (size_t i = 0; i < TWICE; i++)
		guard_leave(guard, &places[i], GUARD_REFUSED);
	take(guard, places, 1);
	guard_leave(guard, &places[0], GUARD_UNUSED);
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	assert_int_equal(counts.credentials, 0);
	guard_close(guard);
}

static void credentials_are_told_apart_by_user_and_secret(void **state)
{
	static const struct {
		const char *user, *secret;
	} others[] = {
		{ "root", "secret2" }, { "roots", "ecret" },
		{ "roo", "tsecret" },  { "admin", "secret" },
		{ "root", "" },        { "", "rootsecret" },
	};
	struct guard *guard = opened(1);
	struct guard_place place;
	struct err err;

	(void)state;
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_REFUSED);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(enter(guard, &place, others[i].user,
		                  others[i].secret, &err));
		guard_leave(guard, &place, GUARD_UNUSED);
	}
	assert_false(enter(guard, &place, "root", "secret", &err));
	assert_string_equal(err.text, "not tried: 1 host refused this user and "
	                              "password (--max-auth-failures)");
	guard_close(guard);
}

static void ten_thousand_credentials_are_remembered_each(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place;
	struct guard_counts counts;
	char secret[32];
	struct err err;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(secret, sizeof(secret), "secret-%d", i);
		assert_true(enter(guard, &place, "root", secret, &err));
		guard_leave(guard, &place,
		            i % 2 == 0 ? GUARD_REFUSED : GUARD_ACCEPTED);
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(secret, sizeof(secret), "secret-%d", i);
		assert_int_equal(enter(guard, &place, "root", secret, &err),
		                 i % 2 != 0);
		guard_leave(guard, &place, GUARD_UNUSED);
	}
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 5000);
	assert_int_equal(counts.credentials, 5000);
	guard_close(guard);
}

static void no_place_is_nothing_to_give_back(void **state)
{
	struct guard *guard = opened(MAX);
	struct guard_place place = { .credential = NULL };

	(void)state;
	guard_leave(guard, &place, GUARD_REFUSED);
	take(guard, &place, 1);
	for (int i = 0; i < 2 * MAX; i++) /* the first time it is one */
		guard_leave(guard, &place, GUARD_REFUSED);
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_close(guard);
	guard_close(NULL);
}

/* What its line says is that it was refused, so it does not count twice. */
static void who_had_the_secret_is_not_counted_as_not_tried(void **state)
{
	struct guard *guard = opened(1);
	struct guard_place place;
	struct guard_counts counts;
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;

	(void)state;
	take(guard, &place, 1);
	guard_leave(guard, &place, GUARD_REFUSED);
	place.had_it = true;
	assert_false(guard_enter(guard, &place, "root", "secret", &wait,
	                         LIMIT_MS, &err));
	assert_int_equal(err.kind, ERR_SKIPPED);
	guard_counts(guard, &counts);
	assert_int_equal(counts.hosts, 0);
	assert_int_equal(counts.credentials, 1);
	guard_close(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_close_a_credential_for_good),
		cmocka_unit_test(an_interrupted_login_is_nobodys_refusal),
		cmocka_unit_test(who_is_not_alone_takes_care),
		cmocka_unit_test(the_first_acceptance_opens_it_for_good),
		cmocka_unit_test(credentials_are_told_apart_by_user_and_secret),
		cmocka_unit_test(ten_thousand_credentials_are_remembered_each),
		cmocka_unit_test(no_place_is_nothing_to_give_back),
		cmocka_unit_test(
		    who_had_the_secret_is_not_counted_as_not_tried),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
