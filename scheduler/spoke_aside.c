/*
 * spoke_aside.c: what a daemon that was killed, or a database that was lost, left in preserved/:
 * every file there is listed again, so that it can be restored and counts for the quota, and
 * nothing is listed that is not there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"
#include "scheduler/strmap.h"
#include "transfer/durable.h"

static int list_kept(struct spoke_group *g, struct spoke_preserved *p, const struct stat *st)
{
	identity_of(st, &p->identity);
	p->bytes = (uint64_t)st->st_blocks * 512;
	return spoke_db_preserve(g->db, p);
}

int spoke_aside_list(struct spoke_group *g, const struct spoke_intent *i, const struct stat *st)
{
	struct spoke_preserved p = {.name = i->keep,
				    .path = i->path,
				    .why = i->source[0] ? "replaced" : "deleted",
				    .at = (int64_t)time(NULL)};

	return list_kept(g, &p, st);
}

/* The hub took it away: that is no news of this spoke's. */
static int list_gone(struct spoke_group *g, const struct spoke_intent *i, const struct stat *st,
		     bool gone)
{
	int r = spoke_aside_list(g, i, st);

	if (r < 0 || !gone)
		return r;
	r = spoke_db_gone(g->db, i->path, g->seq + 1);
	if (r == 0 && db_changes(g->db) > 0)
		g->seq++;
	return r;
}

int spoke_aside_intent(struct spoke_group *g, const struct spoke_intent *i)
{
	struct publish_look look;
	struct err e = {""};
	struct stat st;
	int r = publish_look(g->store, i->path, &look, &e);

	if (fstatat(g->store->preserved_fd, i->keep, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* it had not begun */
	if (r < 0 || !look.present || look.identity.ino != st.st_ino) {
		log_info("group %s: %s: what an interrupted change put aside is listed now",
			 g->name, i->path);
		return list_gone(g, i, &st, r == 0 && !look.present && !i->source[0]);
	}
	/* It still lies in its place: the second name goes, as if the change had not begun. */
	if (unlinkat(g->store->preserved_fd, i->keep, 0) < 0)
		return -errno;
	spoke_index_later(g, i->path);
	return durable_dirsync(g->store->preserved_fd);
}

struct kept {
	struct spoke_group *g;
	struct strmap listed; /* name -> itself */
	struct kept_name {
		struct kept_name *next;
		int64_t id;
		char name[];
	} * names;
	unsigned found, gone;
};

static int take_listed(void *arg, const struct spoke_preserved *p)
{
	struct kept *k = arg;
	size_t len = strlen(p->name) + 1;
	struct kept_name *n = xcalloc(1, sizeof(*n) + len);

	memcpy(n->name, p->name, len);
	n->id = p->id;
	n->next = k->names;
	k->names = n;
	strmap_put(&k->listed, n->name, n);
	return 0;
}

/* "TIME.SEQUENCE.COUNTER.NAME", as a publication names what it puts aside: NAME, or NULL. */
static const char *kept_was(const char *name, int64_t *ret_at)
{
	const char *p = name;

	*ret_at = strtoll(name, NULL, 10);
	for (int i = 0; i < 3; i++) {
		size_t digits = strspn(p, "0123456789");

		if (digits == 0 || p[digits] != '.')
			return NULL;
		p += digits + 1;
	}
	return *p ? p : NULL;
}

/* Where it lay below the group's directory nobody knows any more: only its name. */
static int kept_found(struct kept *k, const char *name)
{
	struct spoke_preserved p = {.name = name, .why = "found"};
	struct stat st;

	p.path = kept_was(name, &p.at);
	if (!p.path || strmap_get(&k->listed, name) ||
	    fstatat(k->g->store->preserved_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	k->found++;
	return list_kept(k->g, &p, &st);
}

static int kept_gone(struct kept *k)
{
	struct stat st;
	int r = 0;

	for (const struct kept_name *n = k->names; r == 0 && n; n = n->next) {
		if (fstatat(k->g->store->preserved_fd, n->name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
		    errno != ENOENT)
			continue;
		k->gone++;
		r = spoke_db_preserved_drop(k->g->db, n->id);
	}
	return r;
}

int spoke_aside_sweep(struct spoke_group *g)
{
	DIR *dir = dir_list(g->store->preserved_fd);
	struct kept k = {.g = g};
	struct kept_name *n;
	struct dirent *d;
	int r;

	if (!dir)
		return -errno;
	r = db_begin(g->db);
	if (r == 0)
		r = spoke_db_preserved_each(g->db, take_listed, &k);
	while (r == 0 && (d = readdir(dir)))
		r = kept_found(&k, d->d_name);
	if (r == 0)
		r = kept_gone(&k);
	if (r == 0)
		r = db_commit(g->db);
	if (r < 0)
		db_rollback(g->db);
	else if (k.found || k.gone)
		log_info("group %s: preserved/: %u files were not listed, %u are gone", g->name,
			 k.found, k.gone);
	closedir(dir);
	strmap_done(&k.listed);
	while ((n = k.names)) {
		k.names = n->next;
		free(n);
	}
	return r;
}
