#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Keys made by ssh-keygen, and signatures judged by it, so that what is ours is
 * held against what is not. Everything is for the test's main thread and fails
 * the test when it cannot be had.
 */

#define PASSPHRASE "correct h\xc3\xb6rse"

/* A folder of the group's, with all files in it. */
int keys_start(void **state);
int keys_stop(void **state);

/* "FOLDER/NAME"; good until the eighth call from now. */
const char *key_path(const char *name);

/* Runs a program without a terminal; its exit status. Its output goes to the
 * file "said" of the folder. */
int run_program(const char *const *words);

/* type as in "rsa" or "ecdsa-384", format as ssh-keygen -m has it ("RFC4716" is
 * OpenSSH's own); passphrase "" for none. Made once per name. */
void make_key(const char *name, const char *type, const char *format,
              const char *passphrase);

/* The public key that ssh-keygen wrote beside it; free(). */
unsigned char *public_key(const char *name, size_t *length);

void write_file(const char *name, const void *bytes, size_t length);

/* The bytes of a file with a NUL behind them; free(). */
char *read_file(const char *name, size_t *length);

/*
 * Whether ssh-keygen believes this signature (without the algorithm's name) of
 * what sshsig_data() returns. Its -Y check-novalidate does so; of RSA it takes
 * rsa-sha2 only.
 */
const unsigned char *sshsig_data(size_t *length);
bool sshsig_is_good(const unsigned char *blob, size_t blob_length,
                    const char *algorithm, const unsigned char *signature,
                    size_t signature_length);
