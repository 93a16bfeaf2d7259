#include "inventory/sshconfig_inside.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool sshconfig_next_line(FILE *file, struct sshconfig_place *place, char *line,
                         bool *ok, struct err *err)
{
	size_t length = 0;
	int c = getc(file);

	*ok = true;
	if (c == EOF)
		return false;
	place->line++;
	for (; c != EOF && c != '\n'; c = getc(file)) {
		if (c == '\0' || length + 1 == SSHCONFIG_LINE_MAX) {
			*ok = sshconfig_bad(place, err,
			                    c == '\0' ? "a NUL"
			                              : "the line is too long");
			return false;
		}
		line[length++] = (char)c;
	}
	line[length] = '\0';
	return true;
}

/* Debian's accounts have a group of their own and a umask to go with it. */
static bool is_own_group(gid_t gid)
{
	char account[4096], group[4096];
	struct passwd user, *found_user = NULL;
	struct group entry, *found = NULL;

	if (getpwuid_r(getuid(), &user, account, sizeof(account),
	               &found_user) != 0 ||
	    found_user == NULL || user.pw_gid != gid ||
	    getgrgid_r(gid, &entry, group, sizeof(group), &found) != 0 ||
	    found == NULL || strcmp(entry.gr_name, user.pw_name) != 0)
		return false;
	return entry.gr_mem[0] == NULL ||
	       (strcmp(entry.gr_mem[0], user.pw_name) == 0 &&
	        entry.gr_mem[1] == NULL);
}

bool sshconfig_check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_INPUT, errno, "cannot read %s", path);
	if ((st.st_uid != 0 && st.st_uid != getuid()) ||
	    (st.st_mode & S_IWOTH) != 0 ||
	    ((st.st_mode & S_IWGRP) != 0 && !is_own_group(st.st_gid)))
		return err_set(err, ERR_INPUT,
		               "bad owner or permissions on %s: others than "
		               "you and root can write it",
		               path);
	return true;
}
