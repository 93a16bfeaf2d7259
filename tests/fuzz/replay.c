#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* Runs a fuzz target on every file of the folders that are named: a main() for
 * any compiler. */

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = NULL;
	long size = -1;
	bool ok = false;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
		/* Of exactly this size: a read beyond it is seen. */
		data = malloc(size > 0 ? (size_t)size : 1);
		ok = data != NULL &&
		     fread(data, 1, (size_t)size, file) == (size_t)size;
	}
	if (file != NULL)
		(void)fclose(file);
	if (ok)
		LLVMFuzzerTestOneInput(data, (size_t)size);
	else
		fprintf(stderr, "cannot read %s\n", path);
	free(data);
	return ok;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int count = 0;

	if (dir == NULL) {
		fprintf(stderr, "cannot open %s\n", folder);
		return -1;
	}
	/* One thread, one stream. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(dir)) != NULL) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		/* Flushed: a crash shall name its seed. */
		printf("%s\n", entry->d_name);
		(void)fflush(stdout);
		if (!replay_file(path)) {
			count = -1;
			break;
		}
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int count = replay_folder(argv[i]);

		/* A folder without seeds proves nothing. */
		if (count <= 0)
			return EXIT_FAILURE;
		printf("%d seeds of %s hold\n", count, argv[i]);
	}
	return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
