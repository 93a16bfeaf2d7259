#pragma once

struct call;

/*
 * What a host says to an exec request. A well host answers as its system
 * would:
 *
 *   exec /bin/sh -c '…echo MARK-begin; hostname…; echo MARK-end…'
 *                   the two marks and its name between them, without starting
 *                   a shell: a fleet of 10,000 asks for nothing else
 *   hostname        its name
 *   exec /bin/sh    a real /bin/sh runs the script from standard input
 *   anything else   a real /bin/sh runs it
 *
 * In a real shell, `hostname` is a function that tells the host's name.
 */
void answer_well(struct call *call);
void answer_motd(struct call *call);
void answer_csh(struct call *call);
void answer_device(struct call *call);
void answer_nothing(struct call *call);
void answer_no_eof(struct call *call);
void answer_big_output(struct call *call);
void answer_endless_stderr(struct call *call);
void answer_banner_flood(struct call *call);
void answer_exit_1(struct call *call);
void answer_empty(struct call *call);
void answer_long(struct call *call);
void answer_signal(struct call *call);
void answer_expired(struct call *call);
void answer_hasty(struct call *call);
void answer_drop(struct call *call);
