#include "cli/tally.h"

#include <signal.h>

size_t tally_hosts(const struct tally *tally)
{
	size_t hosts = 0;

	for (size_t i = 0; i < STATUS_COUNT; i++)
		hosts += tally->counts[i];
	return hosts + tally->not_stored;
}

size_t tally_count(const struct tally *tally, enum status status)
{
	return tally->counts[status] + tally->before[status];
}

static bool any_not_reached(const struct tally *tally)
{
	static const enum status statuses[] = {
		STATUS_UNRESOLVED, STATUS_UNREACHABLE, STATUS_REFUSED,
		STATUS_PROTOCOL,   STATUS_HOSTKEY,     STATUS_AUTH,
		STATUS_SKIPPED,
	};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (tally_count(tally, statuses[i]) > 0)
			return true;
	}
	return false;
}

int tally_exit_status(const struct tally *tally, int signal_number)
{
	if (signal_number != 0)
		return 128 + signal_number;
	if (tally->failures > 0 || tally_count(tally, STATUS_ERROR) > 0)
		return 1;
	if (tally->not_stored > 0 || tally->spooled || tally->end_not_stored)
		return 6;
	if (tally->bad_lines > 0 || tally->unreadable > 0)
		return 2;
	if (tally_count(tally, STATUS_TIMEOUT) > 0)
		return 3;
	if (any_not_reached(tally) || tally->out_of_time)
		return 4;
	return tally_count(tally, STATUS_COMMAND) > 0 ? 5 : 0;
}

int tally_error_status(const struct err *err)
{
	if (err->kind == ERR_CANCELLED) /* at the database's password */
		return 128 + SIGINT;
	if (err->kind == ERR_INPUT)
		return 2;
	return err->kind == ERR_SYSTEM ? 1 : 6;
}

static void add_count(struct text *text, size_t count, const char *one,
                      const char *many)
{
	if (count > 0)
		text_printf(text, "; %zu %s", count, count == 1 ? one : many);
}

void tally_summary(const struct tally *tally, double seconds, struct text *text)
{
	size_t hosts = tally_hosts(tally);
	const char *between = ": ";

	text_printf(text, "%zu %s in %.2f s", hosts,
	            hosts == 1 ? "host" : "hosts", seconds);
	if (seconds > 0 && hosts > 0)
		text_printf(text, " (%.1f/s)", (double)hosts / seconds);
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (tally->counts[i] == 0)
			continue;
		text_printf(text, "%s%zu %s", between, tally->counts[i],
		            status_name((enum status)i));
		between = ", ";
	}
	add_count(text, tally->excluded, "excluded", "excluded");
	add_count(text, tally->passed_over, "passed over", "passed over");
	add_count(text, tally->unfinished, "unfinished", "unfinished");
	if (tally->out_of_time)
		text_puts(text, "; no time to read all lines");
	add_count(text, tally->not_stored, "not stored", "not stored");
	add_count(text, tally->bad_lines, "bad line", "bad lines");
	add_count(text, tally->repeats, "repeated line", "repeated lines");
}
