#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing beyond
 * U+10FFFF.
 */

/*
 * Reads one character from the front of text. Returns its length in bytes and
 * sets *code; for a byte that begins no valid character returns 0, and the
 * caller treats that one byte as it sees fit. length is at least 1.
 */
size_t utf8_decode(const char *text, size_t length, uint32_t *code);

/*
 * Copies text into dst with each invalid byte as U+FFFD, cut at a character so
 * that it fits size bytes with a NUL. NUL bytes in text become U+FFFD as well.
 * Returns the length written.
 */
size_t utf8_clean(char *dst, size_t size, const char *text, size_t length);
