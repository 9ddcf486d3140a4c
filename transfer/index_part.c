/*
 * index_part.c: indexes of contents that are known in part, and the choice between an index and
 * such a part. The file is an index file with a magic of its own: its header holds the root that
 * the content is said to have, and the root that its records make.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transfer/index_private.h"

#define ONES 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

const struct hash hash_unknown_block = {{ONES, ONES, ONES, ONES}};

static const char *part_name(const struct hash *root, char name[INDEX_NAME_MAX])
{
	char hex[HASH_HEX + 1];

	snprintf(name, INDEX_NAME_MAX, "%s%s", hash_hex(root, hex), INDEX_PART);
	return name;
}

bool index_exists(int dirfd, const struct hash *root)
{
	char hex[HASH_HEX + 1];

	return faccessat(dirfd, hash_hex(root, hex), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int index_open_any(int dirfd, const struct hash *root, struct index **ret, struct err *e)
{
	char hex[HASH_HEX + 1], name[INDEX_NAME_MAX];
	int r = index_open(dirfd, hash_hex(root, hex), ret, e), part;

	if (r == 0)
		return 0;
	part = index_open_kind(dirfd, part_name(root, name), true, ret, NULL);
	if (part < 0)
		return r;
	if (hash_equal(index_root(*ret), root))
		return 0;
	*ret = index_unref(*ret);
	return r;
}

void index_plan_name_of(int dirfd, const struct hash *root, struct hash *ret)
{
	char name[INDEX_NAME_MAX];
	struct index_header h;
	int fd;

	*ret = *root;
	if (index_exists(dirfd, root))
		return;
	fd = openat(dirfd, part_name(root, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, &h, sizeof(h), 0) == sizeof(h) && index_check_header(&h, true, NULL) == 0)
		*ret = h.sum;
	close(fd);
}
