/*
 * spoke_preserve.c: preserved/ kept in order: what must go by age, count or quota goes, and
 * contents that are not known yet are hashed, one at a time, so that they can be restored and serve
 * as bases.
 *
 * Rows go before files: a crash in between leaves a file that is listed again at the next start
 * (spoke_aside.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/preserve.h"
#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "transfer/index.h"

/* The rows, copied: what is decided about them is written after they were read. */
struct kept {
	int64_t id;
	char *name, *path;
};
struct kept_list {
	struct kept *kept;
	struct preserve_entry *entries; /* of the same place */
	size_t n, room;
};

static int add_kept(void *arg, const struct spoke_preserved *p)
{
	struct kept_list *l = arg;
	struct kept *k;

	if (l->n == l->room) {
		l->room = MAX((size_t)64, 2 * l->room);
		l->kept = xrealloc(l->kept, l->room * sizeof(*l->kept));
		l->entries = xrealloc(l->entries, l->room * sizeof(*l->entries));
	}
	k = &l->kept[l->n];
	*k = (struct kept){p->id, xstrdup(p->name), xstrdup(p->path)};
	l->entries[l->n++] =
		(struct preserve_entry){.path = k->path, .bytes = p->bytes, .at = p->at};
	return 0;
}

static void kept_done(struct kept_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->kept[i].name);
		free(l->kept[i].path);
	}
	free(l->kept);
	free(l->entries);
}

static void failed(const struct spoke_group *g)
{
	log_error("group %s: database: %s", g->name, db_error(g->db));
}

/* ---- what must go ---- */

static void drop(struct spoke_group *g, const struct kept *k, enum preserve_verdict why)
{
	if (spoke_db_preserved_drop(g->db, k->id) < 0)
		failed(g);
	else if (unlinkat(g->store->preserved_fd, k->name, 0) < 0 && errno != ENOENT)
		log_warn("group %s: preserved/%s: %s", g->name, k->name, strerror(errno));
	else
		log_info("group %s: preserved/%s is dropped: %s", g->name, k->name,
			 preserve_word(why));
}

void spoke_preserve_trim(struct spoke_group *g)
{
	const struct group_cfg *cfg = g->cfg;
	struct preserve_limits limits = {.quota = cfg->preserve_quota,
					 .high = cfg->preserve_high,
					 .low = cfg->preserve_low,
					 .age_s = cfg->preserve_age_us / SECOND_US,
					 .count = cfg->preserve_count};
	struct kept_list l = {0};

	if (spoke_db_preserved_each(g->db, add_kept, &l) < 0)
		failed(g);
	else if (preserve_choose(l.entries, l.n, &limits, (int64_t)time(NULL)) > 0)
		for (size_t i = l.n; i-- > 0;) /* the oldest first */
			if (l.entries[i].verdict != PRESERVE_KEEP)
				drop(g, &l.kept[i], l.entries[i].verdict);
	kept_done(&l);
}

/* ---- contents that are not known yet ---- */

struct preserve_hash {
	struct work w;
	struct spoke_group *g;
	int64_t id;
	char *name;
	struct hash root;
	struct identity identity;
	int r;
	struct err e;
};

static void hash_run(struct work *w)
{
	struct preserve_hash *x = container_of(w, struct preserve_hash, w);
	const struct store *s = x->g->store;
	struct stat st;
	int fd = openat(s->preserved_fd, x->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		x->r = -errno;
	} else {
		identity_of(&st, &x->identity);
		x->r = index_build(fd, s->index_fd, &x->g->spoke->cancel, NULL, &x->root, &x->e);
	}
	if (fd >= 0)
		close(fd);
}

static void hash_done(struct work *w)
{
	struct preserve_hash *x = container_of(w, struct preserve_hash, w);
	struct spoke_group *g = x->g;
	struct spoke *s = g->spoke;

	g->hashing_preserved = false;
	if (x->r == 0 && spoke_db_preserved_known(g->db, x->id, &x->root, &x->identity) < 0) {
		failed(g);
	} else if (x->r == 0) {
		spoke_preserve_hash(g); /* the next one */
	} else if (x->r != -ECANCELED) {
		log_warn("group %s: preserved/%s cannot be read: %s", g->name, x->name,
			 x->e.text[0] ? x->e.text : strerror(-x->r));
		/* The others do not wait for it. */
		g->unread = xrealloc(g->unread, (g->n_unread + 1) * sizeof(*g->unread));
		g->unread[g->n_unread++] = x->id;
		spoke_preserve_hash(g);
	}
	free(x->name);
	free(x);
	spoke_work_ended(s);
}

bool spoke_preserve_unread(const struct spoke_group *g, int64_t id)
{
	for (size_t i = 0; i < g->n_unread; i++)
		if (g->unread[i] == id)
			return true;
	return false;
}

void spoke_preserve_again(struct spoke_group *g)
{
	g->n_unread = 0;
	spoke_preserve_hash(g);
}

static int find_unknown(void *arg, const struct spoke_preserved *p)
{
	struct preserve_hash *x = arg;

	if (p->sure || spoke_preserve_unread(x->g, p->id))
		return 0;
	x->id = p->id;
	x->name = xstrdup(p->name);
	return 1;
}

void spoke_preserve_hash(struct spoke_group *g)
{
	struct preserve_hash *x;

	if (g->hashing_preserved || g->spoke->stopping || g->kept || !g->db)
		return;
	x = xcalloc(1, sizeof(*x));
	x->g = g;
	if (spoke_db_preserved_each(g->db, find_unknown, x) != 1) {
		free(x);
		return;
	}
	x->w.run = hash_run;
	x->w.done = hash_done;
	g->hashing_preserved = true;
	spoke_work_begun(g->spoke);
	pool_submit(g->spoke->d->pool, NULL, &x->w);
}
