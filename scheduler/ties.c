/* ties.c: see ties.h. */
#include "scheduler/ties.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sets.h"
#include "transfer/manifest.h"

int ties_read(int fd, const char *path, struct ties *ret)
{
	struct container c;
	int r = 0;

	*ret = (struct ties){0};
	if (sets_rank(path) == SET_MANIFEST)
		r = manifest_names(fd, sets_listed, &ret->names);
	if (!ret->names)
		ret->names = xstrdup("");
	container_look(fd, path, &c);
	ret->parent = xstrdup(c.has_parent ? c.parent : c.untold ? TIES_UNTOLD : "");
	ret->ids = c.ids;
	/* Which of two identifiers counts then, only whoever merges can tell. */
	if (c.fault == CONTAINER_MERGE)
		ret->ids.has_parent = false;
	return r;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void ties_copy(struct ties *to, const struct ties *from)
{
	*to = (struct ties){copy(from->parent), copy(from->names), from->ids};
}

void ties_done(struct ties *t)
{
	free(t->parent);
	free(t->names);
	*t = (struct ties){0};
}

bool ties_known(const struct ties *t)
{
	return t->parent && t->names;
}

/* Not known and none bind the same: nothing. */
static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool ties_same(const struct ties *a, const struct ties *b)
{
	return same(a->parent, b->parent) && same(a->names, b->names);
}

const char *ties_error(int error)
{
	return error == -EFBIG	   ? "it is longer than 1 MiB"
	       : error == -E2BIG   ? "it lists more than 1024 names"
	       : error == -EBADMSG ? "it is no well-formed XML, and read up to the mistake"
				   : strerror(-error);
}
