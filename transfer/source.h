/*
 * source.h: the bytes of one version, held still: a reflink generation where the filesystem
 * can, else the file itself while its identity is unchanged.
 */
#ifndef SPOKESYNC_TRANSFER_SOURCE_H
#define SPOKESYNC_TRANSFER_SOURCE_H

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include "transfer/digest.h"

/* Equal identities = the same bytes, as long as only we and well-behaved writers touch the file. */
struct identity {
	uint64_t dev, ino, size;
	struct timespec mtime, ctime;
};

void identity_of(const struct stat *st, struct identity *ret);
bool identity_equal(const struct identity *a, const struct identity *b);

/*
 * A path is resolved beneath dirfd, never through a symlink (openat2 RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS). 0 and an fd, or -errno (-ELOOP / -EXDEV where it would escape).
 */
int beneath_open(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd) WARN_UNUSED;
/* Opens the directory that holds path's last part. With create, what is missing of it is made, each
 * with owner and mode of the directory that it lands in. */
int beneath_parent(int dirfd, const char *path, bool create, int *ret_fd,
		   const char **ret_name) WARN_UNUSED;

/* The entries of a directory, from its beginning; dirfd stays the caller's. NULL and errno. */
DIR *dir_list(int dirfd) WARN_UNUSED;

/* Clones fd into name (made anew, mode 0400) under dirfd. -EOPNOTSUPP where there is no reflink. */
int source_clone(int fd, int dirfd, const char *name) WARN_UNUSED;
/*
 * -EAGAIN: somebody has it open for writing; 0: nobody. -EACCES: it cannot be told, but it is no
 * QEMU on this machine: the file is another user's and there is no CAP_LEASE, or its filesystem has
 * no leases.
 */
int source_writer_probe(int fd) WARN_UNUSED;
/*
 * Next extent of data at or after *offset (SEEK_DATA / SEEK_HOLE), whole blocks, clipped to size.
 * 0 and [*ret_start, *ret_end), or -ENXIO: only a hole up to the end.
 */
int source_next_data(int fd, uint64_t offset, uint64_t size, uint64_t *ret_start,
		     uint64_t *ret_end) WARN_UNUSED;

#endif
