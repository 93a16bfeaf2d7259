#include "tests/sshconfig_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/scratch.h"

char sshconfig_folder[64];
char sshconfig_notes[4096];
struct sshconfig *opened;
struct sshconfig_host found;

int sshconfig_fixture_begin(void **state)
{
	(void)state;
	strcpy(sshconfig_folder, "/tmp/sshinv-config.XXXXXX");
	return scratch_make(sshconfig_folder) ? 0 : -1;
}

int sshconfig_fixture_end(void **state)
{
	(void)state;
	return scratch_remove(sshconfig_folder) ? 0 : -1;
}

const char *sshconfig_path(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", sshconfig_folder, name);
	return path;
}

void sshconfig_write(const char *name, const char *text)
{
	const char *path = sshconfig_path(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void note(const char *sentence)
{
	size_t used = strlen(sshconfig_notes);

	assert_true(used + strlen(sentence) + 2 < sizeof(sshconfig_notes));
	sprintf(sshconfig_notes + used, "%s\n", sentence);
}

bool sshconfig_open_file(struct sshconfig **config, const char *name,
                         struct err *err)
{
	const struct sshconfig_settings settings = {
		.path = sshconfig_path(name),
		.home = sshconfig_folder,
		.note = note,
	};

	sshconfig_notes[0] = '\0';
	return sshconfig_open(config, &settings, err);
}

void open_text(const char *text)
{
	struct err err = { .text = "" };

	sshconfig_close(opened);
	opened = NULL;
	sshconfig_write("config", text);
	if (!sshconfig_open_file(&opened, "config", &err))
		fail_msg("%s", err.text);
}

const struct sshconfig_shared *find(const char *host)
{
	struct err err = { .text = "" };

	if (!sshconfig_find(opened, host, NULL, 0, &found, &err))
		fail_msg("%s", err.text);
	return found.shared;
}
