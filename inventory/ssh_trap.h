#pragma once

#include <setjmp.h>

/*
 * libssh2 asserts on what a server sends: an encrypted packet whose length is
 * no multiple of the cipher's block ends the process (transport.c of 1.10, and
 * of 1.11 with any cipher but AES-GCM), and any host, or whoever flips a bit on
 * the way to it, can send one. So an assertion that fails in there ends the
 * session instead.
 *
 *     jmp_buf back;
 *     if (setjmp(back) != 0)
 *             …the session is good for ssh_close() only
 *     ssh_trap(&back);
 *     …calls into libssh2
 *     ssh_trap(NULL);
 *
 * The trap is the thread's own, and gone once it has caught something. Without
 * one a failed assertion aborts, as ever.
 */
void ssh_trap(jmp_buf *back);
