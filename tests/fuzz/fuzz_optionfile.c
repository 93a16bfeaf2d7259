#include "sql/optionfile.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/same_server.h"

/*
 * The input is an option file. With a NUL in it, a line with a secret password
 * stands there. It may include itself once, as SELF, and no other file.
 */

#define SECRET "tHe-5eCrEt"
#define ROOM 256 /* for what is put in */

/*
 * Each reading of a file takes a buffer of 1 MiB and a byte: costly under a
 * sanitizer. They are kept.
 */
#define BUFFER_SIZE ((size_t)1024 * 1024 + 1)
#define BUFFERS 12 /* files within files */

static struct {
	char *bytes;
	bool used;
} buffers[BUFFERS];

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void __real_free(void *ptr);
void __wrap_free(void *ptr);

void *__wrap_malloc(size_t size)
{
	for (size_t i = 0; size == BUFFER_SIZE && i < BUFFERS; i++) {
		if (buffers[i].used)
			continue;
		if (buffers[i].bytes == NULL)
			buffers[i].bytes = __real_malloc(size);
		buffers[i].used = true;
		return buffers[i].bytes;
	}
	return __real_malloc(size);
}

void __wrap_free(void *ptr)
{
	for (size_t i = 0; ptr != NULL && i < BUFFERS; i++) {
		if (buffers[i].bytes != ptr)
			continue;
		PROMISE(buffers[i].used);
		buffers[i].used = false;
		return;
	}
	__real_free(ptr);
}

/* The file that is read; the same for all inputs. */
static int file = -1;
static char path[32];

static void write_file(const char *bytes, size_t size)
{
	if (file < 0) {
		file = memfd_create("options", MFD_CLOEXEC);
		PROMISE(file >= 0);
		/* A memfd's is 0777: ignored, because everybody can write. */
		PROMISE(fchmod(file, 0600) == 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	PROMISE(ftruncate(file, 0) == 0);
	PROMISE(pwrite(file, bytes, size, 0) == (ssize_t)size);
}

/* Copies from into to, with ROOM bytes more. Returns the size. */
static size_t prepare(char *to, const char *from, size_t size)
{
	static const char include[] = "!include";
	static const char self[] = "!include SELF";
	bool included = false;
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		const char *at = from + i;

		if (!included && size - i >= strlen(self) &&
		    memcmp(at, self, strlen(self)) == 0) {
			used += (size_t)sprintf(to + used, "!include %s", path);
			i += strlen(self) - 1;
			included = true;
		} else if (size - i >= strlen(include) &&
		           memcmp(at, include, strlen(include)) == 0) {
			to[used++] = ';';
		} else {
			to[used++] = *at;
		}
	}
	return used;
}

/* Between NUL and what follows it. */
static size_t put_secret(char *text, size_t size)
{
	static const char line[] = "\npassword = " SECRET;
	size_t length = sizeof(line) - 1;
	char *nul = memchr(text, '\0', size);

	if (nul == NULL)
		return size;
	memmove(nul + length, nul + 1, size - (size_t)(nul + 1 - text));
	memcpy(nul, line, length);
	return size + length - 1;
}

static void check_warning(void *arg, const char *text)
{
	unsigned *count = arg;

	++*count;
	PROMISE(strncmp(text, "option file /proc/self/fd/", 26) == 0);
	PROMISE(strstr(text, SECRET) == NULL);
}

static void check_read(void)
{
	const char *const once[] = { path };
	const char *const twice[] = { path, path };
	struct optionfile options = { 0 }, again = { 0 };
	struct err err = { .kind = ERR_NONE };
	unsigned warnings = 0, more = 0;

	if (!optionfile_read(&options, once, 1, check_warning, &warnings,
	                     &err)) {
		PROMISE(err.kind == ERR_INPUT);
		PROMISE(strncmp(err.text, path, strlen(path)) == 0);
		PROMISE(err.text[strlen(path)] == ':');
		PROMISE(strstr(err.text, SECRET) == NULL);
	} else {
		/* A later value wins, and they are the same. */
		PROMISE(optionfile_read(&again, twice, 2, check_warning, &more,
		                        &err));
		PROMISE(same_server(&options.server, &again.server));
		PROMISE(options.names_server == again.names_server);
		PROMISE(more == 2 * warnings);
		PROMISE(!options.server.port_in_dsn);
	}
	server_forget_password(&options.server);
	server_forget_password(&again.server);
	PROMISE(options.server.password[0] == '\0');
}

/* For a value in double quotes. */
static char *escape(char *to, const char *text, size_t length)
{
	static const char plain[] = "\b\t\n\r\\\"";
	static const char letters[] = "btnr\\\"";

	for (size_t i = 0; i < length; i++) {
		const char *at =
		    text[i] != '\0' ? strchr(plain, text[i]) : NULL;

		if (at != NULL)
			*to++ = '\\';
		*to++ = text[i];
		if (at != NULL)
			to[-1] = letters[at - plain];
	}
	return to;
}

/* A name and a value that are written by the book are read as they were. */
static void check_again(const struct option_text *text)
{
	size_t size = text->name_length + 2 * text->value_length + 8;
	char *line = malloc(size);
	struct option_text again;
	char *end;

	PROMISE(line != NULL);
	memcpy(line, text->name, text->name_length);
	end = stpcpy(line + text->name_length, " = \"");
	end = escape(end, text->value, text->value_length);
	*end++ = '"';
	PROMISE(optionfile_line(&again, line, (size_t)(end - line)) ==
	        OPTION_VALUE);
	PROMISE(again.name_length == text->name_length);
	PROMISE(memcmp(again.name, text->name, text->name_length) == 0);
	PROMISE(again.value_length == text->value_length);
	PROMISE(memcmp(again.value, text->value, text->value_length) == 0);
	free(line);
}

static bool is_inside(const char *line, size_t length, const char *part,
                      size_t part_length)
{
	return part >= line && part + part_length <= line + length;
}

static bool has_any(const struct option_text *text, const char *of)
{
	for (size_t i = 0; i < text->name_length; i++) {
		if (text->name[i] != '\0' && strchr(of, text->name[i]) != NULL)
			return true;
	}
	return false;
}

static void check_line(const char *bytes, size_t length)
{
	char *line = malloc(length + 1);
	struct option_text text;

	PROMISE(line != NULL);
	memcpy(line, bytes, length);
	switch (optionfile_line(&text, line, length)) {
	case OPTION_VALUE:
		PROMISE(text.name_length > 0 && !has_any(&text, "="));
		PROMISE(is_inside(line, length, text.name, text.name_length));
		PROMISE(is_inside(line, length, text.value, text.value_length));
		/* A quote in a name is its own; so is what follows. */
		if (!has_any(&text, "'\"\\"))
			check_again(&text);
		break;
	case OPTION_GROUP:
		PROMISE(is_inside(line, length, text.name, text.name_length));
		break;
	case OPTION_INCLUDE:
	case OPTION_INCLUDEDIR:
		PROMISE(text.value_length > 0);
		PROMISE(is_inside(line, length, text.value, text.value_length));
		break;
	case OPTION_NOTHING:
	case OPTION_BAD:
		break;
	}
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	char *text;
	size_t used;

	if (memmem(bytes, size, SECRET, strlen(SECRET)) != NULL)
		return 0;
	for (size_t begin = 0; begin < size;) {
		const char *end = memchr(bytes + begin, '\n', size - begin);
		size_t length =
		    end != NULL ? (size_t)(end - bytes) - begin : size - begin;

		check_line(bytes + begin, length);
		begin += length + 1;
	}
	write_file("", 0);
	text = malloc(size + ROOM);
	PROMISE(text != NULL);
	used = prepare(text, bytes, size);
	write_file(text, put_secret(text, used));
	check_read();
	free(text);
	return 0;
}
