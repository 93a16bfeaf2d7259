#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Many names in one: literal text and brackets with numbers, counted out one by
 * one, the last bracket fastest. Nothing is expanded in advance. Pure.
 *
 * RANGE_DASH is that of pdsh and ClusterShell, "web[01-20,30]": commas between
 * numbers and ranges of them. RANGE_COLON is Ansible's, "web[01:20:2]" and
 * "db[a:f]": one range with an optional step, of numbers or letters; a begin
 * that is missing is 0.
 *
 * A number that begins with 0 says by its length how the others are padded.
 */
enum range_style { RANGE_DASH, RANGE_COLON };

#define RANGE_BRACKETS_MAX 8

/* More than these are refused: a slip of the finger, not a fleet. */
#define RANGE_COUNT_MAX ((uint64_t)1 << 24)

struct range_item;

struct range_bracket {
	size_t literal;    /* offset in text of what stands before it */
	size_t first_item; /* in items */
	size_t item_count;
	uint64_t count;
};

struct range {
	char *text;  /* the literals, each with a NUL */
	size_t tail; /* offset of the one behind the last bracket */
	struct range_item *items;
	size_t item_count;
	struct range_bracket brackets[RANGE_BRACKETS_MAX];
	size_t bracket_count;
	uint64_t count; /* of names, at least 1 */
};

/*
 * Text without a bracket is one name. ERR_INPUT says what is wrong, without
 * quoting. The caller ends *range with range_release().
 */
bool range_parse(struct range *range, const char *text, size_t length,
                 enum range_style style, struct err *err);

/* Writes name n, from 0, and returns its length; as snprintf() does when it
 * does not fit. */
size_t range_name(const struct range *range, uint64_t n, char *to, size_t size);

/* Whether name is one of them. */
bool range_has(const struct range *range, const char *name);

/* Frees; one of zeros is fine. */
void range_release(struct range *range);
