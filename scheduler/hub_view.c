/*
 * hub_view.c: what the commands may see of the hub: figures, the catalog, inventories. Reads only.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/catalog.h"
#include "scheduler/hub_descent.h"
#include "scheduler/survey.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/indexing.h"
#include "scheduler/inventory.h"
#include "scheduler/notices.h"
#include "scheduler/trust.h"

struct http *hub_http(struct hub *h)
{
	return h->http;
}

unsigned hub_untold(struct hub *h, const char **ret_problem)
{
	return notices_waiting(h->d->notices, ret_problem);
}

struct db *hub_database(struct hub *h)
{
	return h->db;
}

bool hub_spoke_room(struct hub *h, const char *spoke, const char *group, uint64_t *ret)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	const struct inventory *inv = s ? inventory_get(s, group) : NULL;

	if (!inv || !inv->epoch[0])
		return false;
	*ret = inv->free_bytes;
	return true;
}

struct core *hub_core(struct hub *h)
{
	return h->core;
}

void hub_job_stats(struct hub *h, const struct job *j, struct hub_job_stats *ret)
{
	const struct hub_job *x = hub_job_of(j);
	struct job_counters c;

	(void)h;
	memset(ret, 0, sizeof(*ret));
	ret->proof = "changed";
	ret->push.size = j->version->size;
	if (!x)
		return;
	if (x->push)
		push_stats(x->push, &ret->push);
	hub_job_counters(x, &c);
	if (c.read_again)
		ret->proof = "full";
	ret->push.wire_out = c.wire_out;
	ret->push.wire_in = c.wire_in;
	ret->push.literal = c.literal;
	ret->push.resent = c.resent;
	ret->push.peak_rate = c.peak;
	ret->push.throttled_us = c.throttled_us;
	ret->push.proven = c.proven;
	ret->push.bundles = c.bundles;
	ret->push.resumes = c.resumes;
	ret->push.repairs = c.repairs;
	ret->push.n_bases = c.bases;
	ret->push.planning |= x->prepare != NULL;
	if (!x->push) {
		ret->push.acked = j->done_bytes;
		ret->push.estimate = j->total_bytes;
	}
	ret->rate = x->push ? x->speed : 0;
	hub_descent_words(x, ret->asking, sizeof(ret->asking));
}

void hub_group_stats(struct hub *h, const char *group, struct hub_group_stats *ret)
{
	const struct hub_group *g = hub_group(h, group);

	memset(ret, 0, sizeof(*ret));
	ret->how = "copy";
	if (!g)
		return;
	ret->files = g->n_files;
	ret->bytes = g->n_bytes;
	ret->unsettled = g->n_unsettled;
	ret->skipped = g->n_skipped;
	ret->scanning = g->survey != NULL;
	ret->problem = g->problem[0] ? g->problem : NULL;
	ret->how = g->no_reflink ? "copy" : "reflink";
	ret->distrust = g->no_reflink || g->dirfd < 0 ? NULL : trust_refused(g);
}

struct telling {
	hub_path_fn *fn;
	void *arg;
	bool skipped;
};

static void tell_file(void *arg, void *value)
{
	const struct telling *t = arg;
	const struct hub_file *f = value;
	char words[400];

	if ((f->state == FILE_SKIPPED) != t->skipped)
		return;
	switch (f->state) {
	case FILE_SKIPPED:
		t->fn(t->arg, f->path, f->words ? f->words : "");
		break;
	case FILE_SETTLING:
		snprintf(words, sizeof(words), "%s%s%s",
			 f->words ? f->words : settle_words(&f->settle),
			 f->settle.held && f->lock ? ": " : "",
			 f->settle.held && f->lock ? f->lock : "");
		t->fn(t->arg, f->path, words);
		break;
	case FILE_READY:
		t->fn(t->arg, f->path, "settled; waits to be indexed");
		break;
	case FILE_INDEXING:
		snprintf(words, sizeof(words), "being indexed, %u %%",
			 f->indexing && f->indexing->identity.size
				 ? (unsigned)(indexing_progress(f->indexing) * 100 /
					      f->indexing->identity.size)
				 : 0);
		t->fn(t->arg, f->path, words);
		break;
	case FILE_CURRENT:
		break;
	}
}

static void tell(struct hub *h, const char *group, struct telling *t)
{
	struct hub_group *g = hub_group(h, group);

	if (g)
		strmap_each(&g->files, tell_file, t);
}

void hub_unsettled(struct hub *h, const char *group, hub_path_fn *fn, void *arg)
{
	tell(h, group, &(struct telling){.fn = fn, .arg = arg});
}

const struct guard *hub_guard(struct hub *h, const char *group, const char *path)
{
	struct hub_group *g = hub_group(h, group);
	const struct hub_file *f = g ? catalog_get(g, path) : NULL;

	return f && f->state == FILE_SETTLING ? f->settle.held : NULL;
}

void hub_skipped(struct hub *h, const char *group, hub_path_fn *fn, void *arg)
{
	tell(h, group, &(struct telling){.fn = fn, .arg = arg, .skipped = true});
}

int hub_index_dir(const struct hub *h)
{
	return fcntl(h->index_dirfd, F_DUPFD_CLOEXEC, 0);
}

uint64_t hub_last_version(struct hub *h)
{
	return h->last_version;
}

bool hub_spoke_has(struct hub *h, const char *spoke, const struct version *v)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct inventory *inv = s ? inventory_get(s, v->group) : NULL;

	return inv && inv->epoch[0] && inventory_has(inv, v);
}

enum hub_holding hub_spoke_holds(struct hub *h, const char *spoke, const struct version *v,
				 uint64_t *ret_version)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct inventory *inv = s ? inventory_get(s, v->group) : NULL;
	const struct inventory_item *item = inv ? inventory_item(inv, v->path) : NULL;

	*ret_version = item ? item->told : 0;
	if (!item || !inv->epoch[0])
		return HOLDS_NOTHING;
	if (inventory_has(inv, v))
		return HOLDS_ALL;
	if (inventory_has_content(inv, v))
		return HOLDS_CONTENT;
	return item->told || index_exists(h->index_dirfd, &item->root) ? HOLDS_OTHER
								       : HOLDS_FOREIGN;
}

bool hub_spoke_copy(struct hub *h, const char *spoke, const struct version *v, char *buf,
		    size_t size)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct inventory *inv = s ? inventory_get(s, v->group) : NULL;
	const struct inventory_item *item = inv ? inventory_item(inv, v->path) : NULL;
	struct index *x;

	if (!item || !memcmp(item->root.b, v->root, HASH_SIZE))
		return false;
	if (index_exists(h->index_dirfd, &item->root)) {
		snprintf(buf, size, "%s has another content there, which is known here", spoke);
	} else if (index_open_any(h->index_dirfd, &item->root, &x, NULL) == 0) {
		index_unref(x);
		snprintf(buf, size, "%s has another content there, which is known here in part",
			 spoke);
	} else {
		snprintf(buf, size,
			 "%s has another content there, which is not known here: it is asked what "
			 "equals the new one",
			 spoke);
	}
	return true;
}

struct versions {
	hub_version_fn *fn;
	void *arg;
};

static void tell_version(void *arg, void *value)
{
	const struct versions *t = arg;
	const struct hub_file *f = value;

	if (f->current && !f->current->v->deleted)
		t->fn(t->arg, f->current->v);
}

void hub_versions(struct hub *h, const char *group, hub_version_fn *fn, void *arg)
{
	struct versions t = {.fn = fn, .arg = arg};
	struct hub_group *g = hub_group(h, group);

	if (g)
		strmap_each(&g->files, tell_version, &t);
}

void hub_rescan(struct hub *h, const char *group)
{
	struct hub_group *g;

	TAILQ_FOREACH (g, &h->groups, entry) {
		if (group && strcmp(g->name, group))
			continue;
		g->scan_wanted = g->scan_begun + 1;
		survey_now(g);
	}
}

bool hub_scanned(struct hub *h, const char *group)
{
	struct hub_group *g;

	TAILQ_FOREACH (g, &h->groups, entry)
		if ((!group || !strcmp(g->name, group)) && g->scan_ended < g->scan_wanted)
			return false;
	return true;
}
