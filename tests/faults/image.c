#include "tests/faults/image.h"

#include "tests/faults/needles.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)

struct hit {
	FILE *report;
	const char *mapping;
	uint64_t address; /* of the block's begin */
};

bool image_open(struct image *image, pid_t pid)
{
	char path[64];

	image_close(image);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	image->maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	image->memory = open(path, O_RDONLY | O_CLOEXEC);
	if (image->maps != NULL && image->memory >= 0)
		return true;
	perror(path);
	image_close(image);
	return false;
}

void image_close(struct image *image)
{
	if (image->maps != NULL)
		fclose(image->maps);
	if (image->memory >= 0)
		close(image->memory);
	*image = IMAGE_INIT;
}

static void found(void *arg, size_t line, size_t offset)
{
	const struct hit *hit = arg;

	fprintf(hit->report, "%zu %s %" PRIx64 "\n", line, hit->mapping,
	        hit->address + offset);
}

/* Blocks overlap, so that a piece across two of them is found. Returns how
 * much could be read: the kernel's own pages cannot. */
static uint64_t search_mapping(const struct image *image,
                               const struct needles *needles, uint64_t begin,
                               uint64_t end, struct hit *hit)
{
	static char block[BLOCK + PIECE];
	uint64_t at = begin;

	while (at < end) {
		size_t want = BLOCK;
		ssize_t got;

		if (want > end - at)
			want = (size_t)(end - at);
		got = pread(image->memory, block, want, (off_t)at);
		if (got <= 0)
			break;
		hit->address = at;
		needles_search(needles, block, (size_t)got, found, hit);
		at += (uint64_t)got;
		if (at < end && got > PIECE)
			at -= PIECE - 1;
	}
	return at - begin;
}

/* Takes one line of /proc/PID/maps: "begin-end mode offset device inode name",
 * hexadecimal. False: nothing of it can be read. */
static bool parse_mapping(char *line, uint64_t *begin, uint64_t *end,
                          const char **name)
{
	char *at = line, *path = strchr(line, '/'), *special;

	line[strcspn(line, "\n")] = '\0';
	*begin = strtoull(at, &at, 16);
	if (*at != '-')
		return false;
	*end = strtoull(at + 1, &at, 16);
	special = strchr(at, '[');
	*name = path != NULL ? path : special != NULL ? special : "anon";
	/* vvar and vsyscall are the kernel's. */
	return *at == ' ' && at[1] == 'r' && strncmp(*name, "[v", 2) != 0;
}

bool image_search(const struct image *image, const struct needles *needles,
                  FILE *report)
{
	char line[4352];
	uint64_t read = 0;

	rewind(image->maps);
	while (fgets(line, sizeof(line), image->maps) != NULL) {
		uint64_t begin, end;
		struct hit hit = { .report = report };

		if (parse_mapping(line, &begin, &end, &hit.mapping))
			read +=
			    search_mapping(image, needles, begin, end, &hit);
	}
	fprintf(report, "searched %" PRIu64 " KiB\n", read / 1024);
	return read > 0;
}
