#pragma once

/* What the jump host of late_host.c makes of a target is said by its port; of
 * the first request in a connection for that port, where it says so. */
enum {
	LATE_ACCEPTED = 1, /* at once */
	LATE_NEVER,        /* no answer */
	LATE_WELL,         /* the first: accepted when another one comes */
	LATE_ALONE,        /* refused, as all channels for commands from now */
	LATE_NOT = 100,    /* and others: the first is refused when another one
	                    * comes, the next at once */
	LATE_NOT_COUNT = 10,
	LATE_PORTS = LATE_NOT + LATE_NOT_COUNT
};
