/*
 * spoke_rests.c: which image of a directory rests on another one in it, as the headers of the
 * former say: asked before a person puts another content in the place of the latter.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
	return c.has_parent && strcasecmp(c.parent, base) == 0 &&
	       (c.format != version->format || container_match(&c.ids, &version->ids) != MATCH_YES);
}

void spoke_rests_on(const struct store *s, const char *path, const char *kept,
		    char ret[NAME_MAX + 1])
{
	struct container version;
	struct dirent *entry;
	const char *base;
	DIR *d;
	int dir;

	ret[0] = '\0';
	if (beneath_parent(s->root_fd, path, false, &dir, &base) < 0)
		return;
	look(s->preserved_fd, kept, base, &version);
	d = dir_list(dir);
	while (d && !ret[0] && (entry = readdir(d)))
		if (rests(dir, entry->d_name, base, &version))
			snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
	if (d)
		closedir(d);
	close(dir);
}
