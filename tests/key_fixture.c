#include "tests/key_fixture.h"

#include "inventory/wire.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <cmocka.h>

static char folder[] = "/tmp/sshinv-keys.XXXXXX";

int keys_start(void **state)
{
	(void)state;
	return scratch_make(folder) ? 0 : -1;
}

int keys_stop(void **state)
{
	(void)state;
	return scratch_remove(folder) ? 0 : -1;
}

const char *key_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;

	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

#define WORDS_MAX 31

int run_program(const char *const *words)
{
	static char copies[WORDS_MAX][PATH_MAX];

	char *argv[WORDS_MAX + 1] = { NULL };
	posix_spawn_file_actions_t files;
	int status = -1;
	pid_t pid;

	for (size_t i = 0; words[i] != NULL; i++) {
		assert_true(i < WORDS_MAX);
		snprintf(copies[i], PATH_MAX, "%s", words[i]);
		argv[i] = copies[i];
	}
	assert_int_equal(posix_spawn_file_actions_init(&files), 0);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, key_path("said"),
	                                 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	assert_int_equal(
	    posix_spawnp(&pid, argv[0], &files, NULL, argv, environ), 0);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	posix_spawn_file_actions_destroy(&files);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void make_key(const char *name, const char *type, const char *format,
              const char *passphrase)
{
	const char *dash = strchr(type, '-');
	const char *bits = dash != NULL ? dash + 1 : "2048";
	char kind[16];

	if (access(key_path(name), F_OK) == 0)
		return;
	snprintf(kind, sizeof(kind), "%s", type);
	kind[strcspn(kind, "-")] = '\0';
	/* One round: the sanitizers make each a long one. */
	const char *const words[] = {
		"ssh-keygen",   "-q",        "-t",   kind,       "-b",
		bits,           "-m",        format, "-a",       "1",
		"-C",           "a comment", "-N",   passphrase, "-f",
		key_path(name), NULL
	};
	assert_int_equal(run_program(words), 0);
}

char *read_file(const char *name, size_t *length)
{
	FILE *file = fopen(key_path(name), "rbe");
	char *bytes = malloc(100000);

	assert_non_null(file);
	assert_non_null(bytes);
	*length = fread(bytes, 1, 99999, file);
	bytes[*length] = '\0';
	assert_int_equal(fclose(file), 0);
	return bytes;
}

void write_file(const char *name, const void *bytes, size_t length)
{
	FILE *file;

	(void)unlink(key_path(name));
	file = fopen(key_path(name), "wbxe");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(key_path(name), 0600), 0);
}

unsigned char *public_key(const char *name, size_t *length)
{
	char with_end[128];
	unsigned char *blob = NULL;
	char *text, *base64, *end;
	size_t text_length;

	snprintf(with_end, sizeof(with_end), "%s.pub", name);
	text = read_file(with_end, &text_length);
	base64 = strchr(text, ' ');
	assert_non_null(base64);
	end = strchr(++base64, ' ');
	assert_non_null(end);
	assert_true(
	    wire_from_base64(base64, (size_t)(end - base64), &blob, length));
	free(text);
	return blob;
}

/* --- OpenSSH's PROTOCOL.sshsig -------------------------------------------- */

#define MESSAGE "what is to be signed"

static void put_header(struct wire_out *out)
{
	wire_put_bytes(out, "SSHSIG", 6);
}

const unsigned char *sshsig_data(size_t *length)
{
	static unsigned char data[256];

	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_length;
	struct wire_out out = { 0 };

	assert_int_equal(EVP_Digest(MESSAGE, strlen(MESSAGE), digest,
	                            &digest_length, EVP_sha512(), NULL),
	                 1);
	put_header(&out);
	wire_put_text(&out, "sshinv");
	wire_put_text(&out, "");
	wire_put_text(&out, "sha512");
	wire_put_string(&out, digest, digest_length);
	assert_false(out.failed);
	assert_true(out.length <= sizeof(data));
	memcpy(data, out.bytes, out.length);
	*length = out.length;
	wire_out_release(&out);
	return data;
}

static void put_sshsig(struct wire_out *out, const unsigned char *blob,
                       size_t blob_length, const char *algorithm,
                       const unsigned char *signature, size_t signature_length)
{
	struct wire_out inner = { 0 };

	wire_put_text(&inner, algorithm);
	wire_put_string(&inner, signature, signature_length);
	put_header(out);
	wire_put_u32(out, 1);
	wire_put_string(out, blob, blob_length);
	wire_put_text(out, "sshinv");
	wire_put_text(out, "");
	wire_put_text(out, "sha512");
	wire_put_string(out, inner.bytes, inner.length);
	wire_out_release(&inner);
}

bool sshsig_is_good(const unsigned char *blob, size_t blob_length,
                    const char *algorithm, const unsigned char *signature,
                    size_t signature_length)
{
	static const char begin[] = "-----BEGIN SSH SIGNATURE-----\n";
	static const char end[] = "\n-----END SSH SIGNATURE-----\n";

	struct wire_out out = { 0 }, text = { 0 };
	unsigned char *base64;
	char command[PATH_MAX * 3];
	const char *const words[] = { "sh", "-c", command, NULL };

	put_sshsig(&out, blob, blob_length, algorithm, signature,
	           signature_length);
	base64 = malloc(out.length * 2 + 4);
	assert_non_null(base64);
	wire_put_bytes(&text, begin, strlen(begin));
	wire_put_bytes(
	    &text, base64,
	    (size_t)EVP_EncodeBlock(base64, out.bytes, (int)out.length));
	wire_put_bytes(&text, end, strlen(end));
	assert_false(text.failed);
	write_file("signature", text.bytes, text.length);
	write_file("message", MESSAGE, strlen(MESSAGE));
	free(base64);
	wire_out_release(&text);
	wire_out_release(&out);
	snprintf(command, sizeof(command),
	         "ssh-keygen -Y check-novalidate -n sshinv -s %s <%s",
	         key_path("signature"), key_path("message"));
	return run_program(words) == 0;
}
