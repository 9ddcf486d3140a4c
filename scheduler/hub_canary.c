/*
 * hub_canary.c: see hub_canary.h.
 */
#include "scheduler/hub_canary.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "scheduler/canary.h"
#include "scheduler/catalog.h"
#include "scheduler/intake.h"
#include "scheduler/log.h"

/* Some bytes, written by one call: nobody sees half of it, and it takes no time. */
int hub_canary_put(struct hub *h, const char *group, const char *name, const char *text,
		   struct err *e)
{
	struct hub_group *g = hub_group(h, group);
	size_t len = strlen(text);
	int fd, r = 0;

	if (!g || g->dirfd < 0 || g->problem[0])
		return err_set(e, -ENODEV, "group %s stands still: %s", group,
			       g ? g->problem : "it is not there");
	fd = openat(g->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(e, -errno, "%s/%s: %s", g->path, name, strerror(errno));
	if (write(fd, text, len) != (ssize_t)len)
		r = err_set(e, -EIO, "%s/%s: it cannot be written", g->path, name);
	close(fd);
	if (r < 0)
		unlinkat(g->dirfd, name, 0);
	else
		intake_touch(g, name);
	hub_kick(h);
	return r;
}

struct version *hub_canary_version(struct hub *h, const char *group, const char *name)
{
	struct hub_group *g = hub_group(h, group);
	struct hub_file *f = g ? catalog_get(g, name) : NULL;

	if (!f || !f->current || f->current->v->deleted)
		return NULL;
	return version_ref(f->current->v);
}

void hub_canary_drop(struct hub *h, const char *group, const char *name)
{
	struct hub_group *g = hub_group(h, group);

	if (!g || g->dirfd < 0)
		return;
	if (unlinkat(g->dirfd, name, 0) < 0 && errno != ENOENT)
		log_warn("group %s: %s cannot be removed: %s", group, name, strerror(errno));
	intake_touch(g, name);
	hub_kick(h);
}

void hub_canary_sweep(struct hub_group *g, const struct scan_entry *e)
{
	if (e->skip || !canary_is(e->path) || e->identity.mtime.tv_sec >= g->hub->d->started.s)
		return;
	log_info("group %s: %s is left of a probe that was cut off: removed", g->name, e->path);
	unlinkat(g->dirfd, e->path, 0);
}
