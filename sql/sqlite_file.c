#include "sql/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/vfs.h>
#include <unistd.h>

bool sqlite_file_is_remote(const char *path)
{
	static const unsigned long types[] = {
		0x6969,     /* NFS */
		0x517B,     /* SMB */
		0xFF534D42, /* CIFS */
		0xFE534D42, /* SMB2 */
		0x65735546, /* FUSE */
		0x01021997, /* 9P */
		0x00C36400, /* Ceph */
		0x0BD00BD0, /* Lustre */
		0x47504653, /* GPFS */
		0x7461636F, /* OCFS2 */
		0x01161970, /* GFS2 */
		0x5346414F, /* AFS */
		0x73757245, /* Coda */
		0x19830326, /* BeeGFS */
	};
	struct statfs fs;

	if (statfs(path, &fs) != 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (((unsigned long)fs.f_type & 0xFFFFFFFF) == types[i])
			return true;
	}
	return false;
}

bool sqlite_file_make(const char *path, struct err *err)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	int fd = open(path, flags | O_EXCL, 0600);

	/* A link to a file that is yet to be made. */
	if (fd < 0 && errno == EEXIST && access(path, F_OK) != 0)
		fd = open(path, flags, 0600);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == EEXIST)
		return true;
	return err_errno(err, ERR_STORE, errno, "cannot create the file");
}
