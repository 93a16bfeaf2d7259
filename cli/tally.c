#include "cli/tally.h"

size_t tally_hosts(const struct tally *tally)
{
	size_t hosts = 0;

	for (size_t i = 0; i < STATUS_COUNT; i++)
		hosts += tally->counts[i];
	return hosts + tally->not_stored;
}

int tally_exit_status(const struct tally *tally, int signal_number)
{
	const size_t *counts = tally->counts;

	if (signal_number != 0)
		return 128 + signal_number;
	if (tally->failures > 0 || counts[STATUS_ERROR] > 0)
		return 1;
	if (tally->not_stored > 0)
		return 6;
	if (tally->bad_lines > 0 || tally->unreadable > 0)
		return 2;
	if (counts[STATUS_TIMEOUT] > 0)
		return 3;
	if (counts[STATUS_UNRESOLVED] > 0 || counts[STATUS_UNREACHABLE] > 0 ||
	    counts[STATUS_REFUSED] > 0 || counts[STATUS_PROTOCOL] > 0 ||
	    counts[STATUS_HOSTKEY] > 0 || counts[STATUS_AUTH] > 0 ||
	    counts[STATUS_SKIPPED] > 0)
		return 4;
	return counts[STATUS_COMMAND] > 0 ? 5 : 0;
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
	add_count(text, tally->unfinished, "unfinished", "unfinished");
	add_count(text, tally->not_stored, "not stored", "not stored");
	add_count(text, tally->bad_lines, "bad line", "bad lines");
	add_count(text, tally->repeats, "repeated line", "repeated lines");
}
