/* flat.c: see flat.h. */
#include "transfer/flat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/mapped.h"

int flat_map(int dirfd, const char *name, size_t least, struct flat *ret)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const void *map;
	struct stat st;
	int r = -EBADMSG;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= least)
		r = mapped_new(fd, (size_t)st.st_size, &map);
	close(fd);
	if (r < 0)
		return -EBADMSG;
	*ret = (struct flat){map, (size_t)st.st_size};
	return 0;
}

void flat_unmap(struct flat *f)
{
	if (f->data != NULL)
		mapped_free(f->data);
	*f = (struct flat){NULL, 0};
}
