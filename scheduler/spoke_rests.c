/*
 * spoke_rests.c: which image of a directory rests on another one in it, as the headers of the
 * former say: asked before a person puts another content in the place of the latter.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/spoke_publish.h"
#include "transfer/container.h"

/* as: the name by whose extension it is read. */
static void look(int dir, const char *name, const char *as, struct container *ret)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return;
	container_look(fd, as, ret);
	close(fd);
}

static bool rests(int dir, const char *name, const char *base, const struct container *version)
{
	struct container c;

	if (container_format(name) == CONTAINER_RAW || strcmp(name, base) == 0)
		return false;
	look(dir, name, name, &c);
	if (!c.has_parent || strcasecmp(c.parent, base) != 0)
		return false;
	/* A VHD has the same id whatever was written to it since, a qcow2 none. */
	return c.format != CONTAINER_VHDX || version->format != CONTAINER_VHDX ||
	       container_match(&c.ids, &version->ids) != MATCH_YES;
}

void spoke_rests_on(const struct store *s, const char *path, const char *kept,
		    char ret[NAME_MAX + 1])
{
	struct container version;
	struct dirent *entry;
	const char *base;
	struct stat st;
	DIR *d;
	int dir;

	ret[0] = '\0';
	if (beneath_parent(s->root_fd, path, false, &dir, &base) < 0)
		return;
	/* Where nothing is there, it can only become better. */
	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		close(dir);
		return;
	}
	look(s->preserved_fd, kept, base, &version);
	d = dir_list(dir);
	while (d && !ret[0] && (entry = readdir(d)))
		if (rests(dir, entry->d_name, base, &version))
			snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
	if (d)
		closedir(d);
	close(dir);
}
