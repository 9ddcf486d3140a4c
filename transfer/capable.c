/*
 * capable.c: see capable.h. An answer is yes only where what was tried also had the right outcome:
 * extents are asked about a block that was changed and one that was not, the digest of the kernel
 * is compared with ours.
 */
#include "transfer/capable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "transfer/bulkio.h"
#include "transfer/durable.h"
#include "transfer/extents.h"
#include "transfer/reflink.h"

#define BLOCKS 64u

static void name_of(int dirfd, char ret[24])
{
	static const struct {
		unsigned long magic;
		const char *name;
	} names[] = {{0x58465342, "xfs"},	 {BTRFS_SUPER_MAGIC, "btrfs"},
		     {EXT4_SUPER_MAGIC, "ext4"}, {TMPFS_MAGIC, "tmpfs"},
		     {NFS_SUPER_MAGIC, "nfs"},	 {F2FS_SUPER_MAGIC, "f2fs"},
		     {0x2fc12fc1, "zfs"},	 {OVERLAYFS_SUPER_MAGIC, "overlay"},
		     {0xfe534d42, "smb"},	 {FUSE_SUPER_MAGIC, "fuse"}};
	struct statfs fs;

	snprintf(ret, 24, "unknown");
	if (fstatfs(dirfd, &fs) < 0)
		return;
	snprintf(ret, 24, "0x%lx", (unsigned long)fs.f_type);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].magic == (unsigned long)fs.f_type)
			snprintf(ret, 24, "%s", names[i].name);
}

static int make_file(int dirfd)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	/* It must have a name for a moment. */
	fd = openat(dirfd, ".tmp-probe", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlinkat(dirfd, ".tmp-probe", 0);
	return fd;
}

static int fill_file(int fd, uint8_t *data)
{
	for (size_t i = 0; i < BLOCKS * BLOCK_SIZE; i++)
		data[i] = (uint8_t)(i * 7 + i / BLOCK_SIZE);
	return durable_pwrite(fd, data, BLOCKS * BLOCK_SIZE, 0);
}

static bool tell_extents(int fd, int base)
{
	struct extents_common c;
	bool ok;

	if (durable_pwrite(fd, "changed", 7, 5 * BLOCK_SIZE) < 0 ||
	    extents_compare(fd, BLOCKS * BLOCK_SIZE, base, BLOCKS * BLOCK_SIZE, NULL, &c) < 0)
		return false;
	ok = !extents_same(c.same, 5) && extents_same(c.same, 4) && c.n_same == BLOCKS - 1;
	extents_done(&c);
	return ok;
}

static void find_reflink(int dirfd, int from, struct capable *ret)
{
	int to = make_file(dirfd);

	ret->reflink = to >= 0 && reflink_file(to, from) == 0;
	ret->extents = ret->reflink && tell_extents(to, from);
	if (to >= 0)
		close(to);
}

static bool read_direct(int fd)
{
	void *buf = bulk_buffer(BLOCK_SIZE);
	char path[40];
	ssize_t n = -1;
	int direct;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (direct >= 0) {
		n = pread(direct, buf, BLOCK_SIZE, BLOCK_SIZE);
		close(direct);
	}
	free(buf);
	return n == (ssize_t)BLOCK_SIZE;
}

/* The root of what the file holds, as fs-verity has it. */
static void our_root(const uint8_t *data, struct hash *ret)
{
	struct hash leaves[BLOCKS], node;

	digest_blocks(data, (size_t)BLOCKS * BLOCK_SIZE, leaves);
	digest_node(leaves, BLOCKS, &node);
	digest_root(BLOCKS * BLOCK_SIZE, &node, &leaves[0], ret);
}

/* The kernel wants the file closed for writing: fd is closed here. */
static bool seal(int fd, const uint8_t *data)
{
	struct fsverity_enable_arg enable = {.version = 1,
					     .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
					     .block_size = BLOCK_SIZE};
	struct {
		struct fsverity_digest head;
		uint8_t digest[64];
	} got = {.head = {.digest_size = sizeof(got.digest)}};
	struct hash root;
	char path[40];
	bool ok;
	int read_only;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	if (read_only < 0)
		return false;
	our_root(data, &root);
	ok = ioctl(read_only, FS_IOC_ENABLE_VERITY, &enable) == 0 &&
	     ioctl(read_only, FS_IOC_MEASURE_VERITY, &got) == 0 &&
	     got.head.digest_size == HASH_SIZE && memcmp(got.digest, root.b, HASH_SIZE) == 0;
	close(read_only);
	return ok;
}

int capable_find(int dirfd, struct capable *ret, struct err *e)
{
	uint8_t *data = xcalloc(BLOCKS, BLOCK_SIZE);
	int r, fd = make_file(dirfd);

	memset(ret, 0, sizeof(*ret));
	name_of(dirfd, ret->filesystem);
	if (fd < 0) {
		r = err_set(e, -errno, "making a file there: %s", strerror(errno));
		free(data);
		return r;
	}
	r = fill_file(fd, data);
	if (r < 0) {
		close(fd);
		free(data);
		return err_set(e, r, "writing a file there: %s", strerror(-r));
	}
	find_reflink(dirfd, fd, ret);
	ret->direct = read_direct(fd);
	ret->verity = seal(fd, data);
	fd = make_file(dirfd);
	ret->holes = fd >= 0 && fill_file(fd, data) == 0 &&
		     fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLOCK_SIZE,
			       BLOCK_SIZE) == 0;
	if (fd >= 0)
		close(fd);
	free(data);
	return 0;
}
