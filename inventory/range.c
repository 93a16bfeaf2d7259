#include "inventory/range.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Digits of a number at most: it fits 32 bits. */
#define DIGITS_MAX 9

struct range_item {
	uint32_t first, last, step;
	unsigned char width; /* to be padded to with zeros; 0: not */
	bool letters;        /* the numbers are those of letters[] */
};

static const char letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* A piece of the text; not terminated. */
struct piece {
	const char *text;
	size_t length;
};

static bool parse_number(struct piece piece, uint32_t *number)
{
	uint32_t value = 0;

	if (piece.length == 0 || piece.length > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < piece.length; i++) {
		if (!isdigit((unsigned char)piece.text[i]))
			return false;
		value = value * 10 + (uint32_t)(piece.text[i] - '0');
	}
	*number = value;
	return true;
}

static bool parse_letter(struct piece piece, uint32_t *number)
{
	const char *at =
	    piece.length == 1 && isalpha((unsigned char)piece.text[0])
		? strchr(letters, piece.text[0])
		: NULL;

	if (at == NULL)
		return false;
	*number = (uint32_t)(at - letters);
	return true;
}

/* Cuts off what stands before the separator. False when there is no more. */
static bool next_piece(struct piece *rest, char separator, struct piece *piece)
{
	const char *end;

	if (rest->text == NULL)
		return false;
	end = memchr(rest->text, separator, rest->length);
	*piece = *rest;
	if (end == NULL) {
		rest->text = NULL;
		return true;
	}
	piece->length = (size_t)(end - rest->text);
	rest->length -= piece->length + 1;
	rest->text = end + 1;
	return true;
}

static bool bad_bracket(struct err *err, enum range_style style)
{
	return err_set(err, ERR_INPUT,
	               style == RANGE_DASH
	                   ? "in brackets stand numbers, as in [1-20] and "
	                     "[01-20,30]"
	                   : "in brackets stands one range, as in [1:20], "
	                     "[01:20:2] and [a:f]");
}

/* Why pieces of a bracket are none. */
static bool bad_numbers(const struct piece *pieces, size_t count,
                        enum range_style style, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t digits = 0;

		while (digits < pieces[i].length &&
		       isdigit((unsigned char)pieces[i].text[digits]))
			digits++;
		if (digits > DIGITS_MAX && digits == pieces[i].length)
			return err_set(err, ERR_INPUT,
			               "a number in brackets is too large "
			               "(over %d digits)",
			               DIGITS_MAX);
	}
	return bad_bracket(err, style);
}

static unsigned char padding_of(struct piece number)
{
	return number.length > 1 && number.text[0] == '0'
	           ? (unsigned char)number.length
	           : 0;
}

static bool check_order(const struct range_item *item, struct err *err)
{
	if (item->first > item->last)
		return err_set(err, ERR_INPUT,
		               "a range that counts down in brackets");
	return true;
}

/* N or N-N */
static bool parse_dash(struct range_item *item, struct piece text,
                       struct err *err)
{
	struct piece first = { NULL, 0 }, last;

	next_piece(&text, '-', &first);
	if (!next_piece(&text, '-', &last))
		last = first;
	if (text.text != NULL || !parse_number(first, &item->first) ||
	    !parse_number(last, &item->last))
		return bad_numbers((struct piece[]){ first, last }, 2,
		                   RANGE_DASH, err);
	item->step = 1;
	item->width = padding_of(first);
	return check_order(item, err);
}

/* [N]:N[:N], or letters */
static bool parse_colon(struct range_item *item, struct piece text,
                        struct err *err)
{
	static const struct piece one = { "1", 1 }, zero = { "0", 1 };
	struct piece first = { NULL, 0 }, last, step;

	next_piece(&text, ':', &first);
	if (!next_piece(&text, ':', &last))
		return bad_bracket(err, RANGE_COLON);
	if (!next_piece(&text, ':', &step))
		step = one;
	if (first.length == 0)
		first = zero;
	item->letters = parse_letter(first, &item->first) &&
	                parse_letter(last, &item->last);
	if (text.text != NULL || !parse_number(step, &item->step) ||
	    item->step == 0 ||
	    (!item->letters && (!parse_number(first, &item->first) ||
	                        !parse_number(last, &item->last))))
		return bad_numbers((struct piece[]){ first, last, step }, 3,
		                   RANGE_COLON, err);
	item->width = padding_of(first);
	if (item->width > 0 && first.length != last.length)
		return err_set(err, ERR_INPUT,
		               "a padded range has ends of one length, as in "
		               "[01:20]");
	return check_order(item, err);
}

static uint64_t count_of(const struct range_item *item)
{
	return (item->last - item->first) / item->step + 1;
}

static bool add_item(struct range *range, const struct range_item *item,
                     struct err *err)
{
	size_t count = range->item_count;
	struct range_item *items = range->items;

	/* A power of two: full. */
	if ((count & (count - 1)) == 0) {
		size_t room = count > 0 ? 2 * count : 1;

		items = reallocarray(items, room, sizeof(*items));
		if (items == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		range->items = items;
	}
	items[range->item_count++] = *item;
	return true;
}

static bool parse_items(struct range *range, struct range_bracket *bracket,
                        struct piece text, enum range_style style,
                        struct err *err)
{
	struct piece piece;

	bracket->first_item = range->item_count;
	while (next_piece(&text, style == RANGE_DASH ? ',' : '\0', &piece)) {
		struct range_item item = { .step = 1 };
		bool ok = style == RANGE_DASH ? parse_dash(&item, piece, err)
		                              : parse_colon(&item, piece, err);

		if (!ok || !add_item(range, &item, err))
			return false;
		bracket->count += count_of(&item);
	}
	bracket->item_count = range->item_count - bracket->first_item;
	return true;
}

/* The literal in front of a bracket, the bracket, and where it ends. */
static bool parse_bracket(struct range *range, struct piece text,
                          enum range_style style, size_t *taken,
                          struct err *err)
{
	const char *close = memchr(text.text, ']', text.length);
	struct range_bracket *bracket = &range->brackets[range->bracket_count];
	struct piece inside;

	if (close == NULL)
		return err_set(err, ERR_INPUT, "'[' without ']'");
	if (range->bracket_count == RANGE_BRACKETS_MAX)
		return err_set(err, ERR_INPUT, "more than %d brackets",
		               RANGE_BRACKETS_MAX);
	inside.text = text.text + 1;
	inside.length = (size_t)(close - inside.text);
	*taken = inside.length + 2;
	bracket->literal = range->tail;
	if (!parse_items(range, bracket, inside, style, err))
		return false;
	range->bracket_count++;
	range->count *= bracket->count;
	/* Each is below 2^32 times the items, so it did not wrap. */
	if (bracket->count > RANGE_COUNT_MAX || range->count > RANGE_COUNT_MAX)
		return err_set(err, ERR_INPUT, "more than %llu hosts",
		               (unsigned long long)RANGE_COUNT_MAX);
	return true;
}

static bool parse(struct range *range, struct piece text,
                  enum range_style style, struct err *err)
{
	size_t used = 0;

	for (size_t i = 0; i < text.length;) {
		struct piece rest = { text.text + i, text.length - i };
		size_t taken = 1;

		if (rest.text[0] == ']')
			return err_set(err, ERR_INPUT, "']' without '['");
		if (rest.text[0] == '[') {
			if (!parse_bracket(range, rest, style, &taken, err))
				return false;
			range->text[used++] = '\0';
			range->tail = used;
		} else {
			range->text[used++] = rest.text[0];
		}
		i += taken;
	}
	range->text[used] = '\0';
	return true;
}

bool range_parse(struct range *range, const char *text, size_t length,
                 enum range_style style, struct err *err)
{
	struct piece whole = { text, length };

	memset(range, 0, sizeof(*range));
	range->count = 1;
	range->text = malloc(length + 1);
	if (range->text == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (parse(range, whole, style, err))
		return true;
	range_release(range);
	return false;
}

void range_release(struct range *range)
{
	free(range->text);
	free(range->items);
	memset(range, 0, sizeof(*range));
}

static size_t write_digits(uint32_t value, size_t width,
                           char to[DIGITS_MAX + 1])
{
	size_t length = 1;

	for (uint32_t rest = value / 10; rest > 0; rest /= 10)
		length++;
	if (length < width)
		length = width;
	to[length] = '\0';
	for (size_t i = length; i > 0; value /= 10)
		to[--i] = (char)('0' + value % 10);
	return length;
}

/* Writes number n of the bracket. */
static size_t write_number(const struct range *range,
                           const struct range_bracket *bracket, uint64_t n,
                           char to[DIGITS_MAX + 1])
{
	const struct range_item *item = range->items + bracket->first_item;
	uint32_t value;

	for (; n >= count_of(item); item++)
		n -= count_of(item);
	value = item->first + (uint32_t)n * item->step;
	if (!item->letters)
		return write_digits(value, item->width, to);
	to[0] = letters[value];
	to[1] = '\0';
	return 1;
}

static size_t append(char *to, size_t size, size_t used, const char *text,
                     size_t length)
{
	if (used < size) {
		size_t room = size - used - 1;

		memcpy(to + used, text, length < room ? length : room);
		to[used + (length < room ? length : room)] = '\0';
	}
	return used + length;
}

size_t range_name(const struct range *range, uint64_t n, char *to, size_t size)
{
	uint64_t below = range->count; /* names that one step here stands for */
	size_t used = 0;

	for (size_t i = 0; i < range->bracket_count; i++) {
		const struct range_bracket *bracket = &range->brackets[i];
		const char *literal = range->text + bracket->literal;
		char number[DIGITS_MAX + 1];
		size_t length;

		below /= bracket->count;
		length = write_number(range, bracket,
		                      n / below % bracket->count, number);
		used = append(to, size, used, literal, strlen(literal));
		used = append(to, size, used, number, length);
	}
	return append(to, size, used, range->text + range->tail,
	              strlen(range->text + range->tail));
}

/* Whether the item writes a number in just these letters. */
static bool item_has(const struct range_item *item, struct piece text)
{
	char again[DIGITS_MAX + 1];
	uint32_t value;
	bool known = item->letters ? parse_letter(text, &value)
	                           : parse_number(text, &value);

	if (!known || value < item->first || value > item->last ||
	    (value - item->first) % item->step != 0)
		return false;
	if (item->letters)
		return true;
	return write_digits(value, item->width, again) == text.length &&
	       memcmp(again, text.text, text.length) == 0;
}

static bool bracket_has(const struct range *range,
                        const struct range_bracket *bracket, struct piece text)
{
	for (size_t i = 0; i < bracket->item_count; i++) {
		if (item_has(&range->items[bracket->first_item + i], text))
			return true;
	}
	return false;
}

/* What follows from bracket i on, tried with each length of its number. */
static bool rest_has(const struct range *range, size_t i, const char *name)
{
	bool last = i == range->bracket_count;
	const struct range_bracket *bracket = &range->brackets[i];
	const char *literal =
	    range->text + (last ? range->tail : bracket->literal);
	size_t length = strlen(literal);

	if (last)
		return strcmp(name, literal) == 0;
	if (strncmp(name, literal, length) != 0)
		return false;
	name += length;
	for (length = 1; length <= DIGITS_MAX && name[length - 1] != '\0';
	     length++) {
		struct piece number = { name, length };

		if (bracket_has(range, bracket, number) &&
		    rest_has(range, i + 1, name + length))
			return true;
	}
	return false;
}

bool range_has(const struct range *range, const char *name)
{
	return rest_has(range, 0, name);
}
