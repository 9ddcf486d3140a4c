/*
 * watch.c: see watch.h. Writes are not watched one by one (a guest makes thousands a second):
 * the end of a writer, new names, gone names and changed attributes are what matters, and a file
 * that is looked at is compared with stat anyway.
 */
#include "scheduler/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <ev.h>

#include "scheduler/strmap.h"

#define WATCH_MASK                                                                          \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define WATCH_BUF 65536u

struct watch_dir {
	int wd;
	char *path; /* below the top; "" = the top */
};

struct watch {
	struct ev_loop *loop;
	ev_io io;
	int fd;
	char *top;
	struct watch_events ev;
	struct strmap dirs; /* path -> struct watch_dir */
	struct watch_dir **by_wd;
	size_t n_by_wd;
	char buf[WATCH_BUF] __attribute__((aligned(__alignof__(struct inotify_event))));
};

static struct watch_dir *watch_dir(const struct watch *w, int wd)
{
	return wd >= 0 && (size_t)wd < w->n_by_wd ? w->by_wd[wd] : NULL;
}

static void watch_dir_free(struct watch *w, struct watch_dir *d)
{
	if (strmap_get(&w->dirs, d->path) == d)
		strmap_remove(&w->dirs, d->path);
	if (watch_dir(w, d->wd) == d)
		w->by_wd[d->wd] = NULL;
	free(d->path);
	free(d);
}

/* A directory left its place: its watches would tell wrong paths. The scan adds them anew. */
static void watch_drop_tree(struct watch *w, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < w->n_by_wd; i++) {
		struct watch_dir *d = w->by_wd[i];
		if (!d || strncmp(d->path, path, len) || (d->path[len] && d->path[len] != '/'))
			continue;
		inotify_rm_watch(w->fd, d->wd);
		watch_dir_free(w, d);
	}
}

static void watch_event(struct watch *w, const struct inotify_event *event)
{
	struct watch_dir *d;
	char *path;

	if (event->mask & IN_Q_OVERFLOW) {
		w->ev.scan(w->ev.arg);
		return;
	}
	d = watch_dir(w, event->wd);
	if (!d)
		return;
	if (event->mask & IN_IGNORED) {
		watch_dir_free(w, d);
		return;
	}
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
		w->ev.scan(w->ev.arg);
		return;
	}
	if (!event->len || (!*d->path && !strcmp(event->name, ".spokesync")))
		return;
	path = *d->path ? xasprintf("%s/%s", d->path, event->name) : xstrdup(event->name);
	if (event->mask & IN_ISDIR) {
		if (event->mask & IN_MOVED_FROM)
			watch_drop_tree(w, path);
		if (!(event->mask & (IN_ATTRIB | IN_CLOSE_WRITE)))
			w->ev.scan(w->ev.arg);
	} else {
		w->ev.touched(w->ev.arg, path);
	}
	free(path);
}

/* One buffer a wake-up: a storm of events does not keep the loop from its other work. */
static void watch_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch *w = io->data;
	ssize_t n = read(w->fd, w->buf, sizeof(w->buf));

	(void)loop;
	(void)revents;
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			w->ev.scan(w->ev.arg);
		return;
	}
	for (char *p = w->buf; p < w->buf + n;) {
		const struct inotify_event *event = (const struct inotify_event *)p;
		p += sizeof(*event) + event->len;
		watch_event(w, event);
	}
}

struct watch *watch_new(struct ev_loop *loop, const char *top, const struct watch_events *ev,
			struct err *e)
{
	struct watch *w;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0) {
		err_set(e, -errno, "inotify: %s", strerror(errno));
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->fd = fd;
	w->top = xstrdup(top);
	w->ev = *ev;
	ev_io_init(&w->io, watch_readable, fd, EV_READ);
	w->io.data = w;
	ev_io_start(loop, &w->io);
	return w;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	ev_io_stop(w->loop, &w->io);
	close(w->fd);
	for (size_t i = 0; i < w->n_by_wd; i++)
		if (w->by_wd[i])
			watch_dir_free(w, w->by_wd[i]);
	strmap_done(&w->dirs);
	free(w->by_wd);
	free(w->top);
	free(w);
	return NULL;
}

/* wd numbers grow and are not used again, so the table may have old holes; they are pointers. */
static void watch_room(struct watch *w, int wd)
{
	size_t n = MAX(w->n_by_wd * 2, (size_t)wd + 1);

	if ((size_t)wd < w->n_by_wd)
		return;
	w->by_wd = xrealloc(w->by_wd, n * sizeof(*w->by_wd));
	memset(w->by_wd + w->n_by_wd, 0, (n - w->n_by_wd) * sizeof(*w->by_wd));
	w->n_by_wd = n;
}

int watch_add(struct watch *w, const char *dir)
{
	struct watch_dir *d;
	char *path;
	int wd;

	if (strmap_get(&w->dirs, dir))
		return 0;
	path = xasprintf("%s/%s", w->top, dir);
	wd = inotify_add_watch(w->fd, path, WATCH_MASK);
	free(path);
	if (wd < 0)
		return -errno;
	/* The same directory under a new name: the kernel gives the same number. */
	d = watch_dir(w, wd);
	if (d)
		watch_dir_free(w, d);
	d = xcalloc(1, sizeof(*d));
	d->wd = wd;
	d->path = xstrdup(dir);
	watch_room(w, wd);
	w->by_wd[wd] = d;
	strmap_put(&w->dirs, d->path, d);
	return 1;
}
