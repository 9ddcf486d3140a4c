/* flat.c: see flat.h. */
#include "transfer/flat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int flat_map(int dirfd, const char *name, size_t least, struct flat *ret)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	void *map = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= least)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -EBADMSG;
	*ret = (struct flat){map, (size_t)st.st_size};
	return 0;
}

void flat_unmap(struct flat *f)
{
	if (f->data != NULL)
		munmap((void *)f->data, f->len);
	*f = (struct flat){NULL, 0};
}
