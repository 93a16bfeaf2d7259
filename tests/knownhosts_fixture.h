#pragma once

#include "inventory/knownhosts.h"

#include <stdio.h>

/*
 * known_hosts files of a test, and the table that is made of them. Failures are
 * failed assertions.
 */
#define ED25519 "ssh-ed25519"
#define ECDSA "ecdsa-sha2-nistp256"

struct known_files {
	char folder[64];
	char user[96], state[96]; /* files that are read; state is added to */
	struct knownhosts *known;
	struct knownhosts_entry entry; /* of the last look */
	struct err err;
};

extern struct known_files f;

/* What was told: how often, and the last one. */
extern size_t warned;
extern char warning[ERR_TEXT_SIZE];

/* Around each test; no file is there yet. */
int set_up(void **state);
int tear_down(void **state);

#define KNOWN_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* "%E1" in a line is an ed25519 key, "%P1" one of nistp256; "%Hname%" is the
 * name hashed. */
void write_line(FILE *out, const char *line);
void write_file(const char *path, const char *const *lines);

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Reads the files anew. */
bool try_open(const char *append_to);
void open_files(void);

/* With these lines in the user's file, none of them bad. */
void open_with(const char *const *lines);

enum knownhosts_verdict look(const char *host, uint16_t port, const char *type,
                             char filler);
enum knownhosts_verdict look_ed(const char *host, char filler);

/* What the last look found. */
void assert_entry(const char *file, size_t line, const char *type, char filler);
