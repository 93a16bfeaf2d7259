#pragma once

#include "cli/text.h"
#include "inventory/err.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>

/* What became of the hosts and lines of a run. Pure; the run guards it. */
struct tally {
	size_t counts[STATUS_COUNT]; /* of hosts with a record */
	/* Of a run that was taken up again: the hosts it had done. They count
	 * in the exit status, for it is one run. */
	size_t before[STATUS_COUNT];
	size_t excluded;    /* by -x */
	size_t passed_over; /* see struct choice */
	size_t unfinished;  /* of those skipped: interrupted, out of time */
	bool out_of_time;   /* for reading all lines */
	size_t bad_lines, repeats;
	size_t unreadable;   /* the host file, in the middle of it */
	size_t not_stored;   /* hosts whose row the store did not take */
	bool spooled;        /* rows are in the spool, not in the database */
	bool end_not_stored; /* the run's own row */
	size_t failures;     /* that stopped the run or lost a line */
};

size_t tally_hosts(const struct tally *tally);

/* Of the whole run, with those done before. */
size_t tally_count(const struct tally *tally, enum status status);

/*
 * What the process says of the run, the first that applies: 128 + signal_number
 * (0: none), 1 internal error or a host `error`, 6 not stored, 2 bad lines, 3 a
 * timeout, 4 not reached, not logged in to or skipped, 5 `command`, 0.
 */
int tally_exit_status(const struct tally *tally, int signal_number);

/* The same for what failed before the first host: 130 at a ^C, 2 for what the
 * user named wrongly, 1 for this machine, 6 for the database. */
int tally_error_status(const struct err *err);

/* Adds the summary: "60 hosts in 5.21 s (11.5/s): 58 ok, 2 timeout; 1 bad line;
 * …". */
void tally_summary(const struct tally *tally, double seconds,
                   struct text *text);
