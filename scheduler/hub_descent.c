/*
 * hub_descent.c: see hub_descent.h. A job asks about at most two contents: the one at its path, and
 * where bases that are known contain less than half of the new content, one of its size. An answer
 * that makes no sense costs the base and nothing else.
 */
#include "scheduler/hub_descent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/hub_jobs.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_rates.h"
#include "scheduler/hub_start.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/peers.h"
#include "transfer/descent.h"

#define SIZE_LEAST   (256 * KIB) /* below it a question is hardly cheaper than the content */
#define ASKED_MOST   2u
#define CHOICES_MOST 64u
/* Percent of the new content that known bases contain: enough not to ask about what lies at its
 * path; the same where that is known in part already; not to ask about another content. */
#define COVERED_WHOLE 99u
#define COVERED_PART  90u
#define COVERED_HALF  50u

struct hub_descent {
	struct descent *descent; /* or NULL */
	bool running, looked, has_found;
	struct hash found; /* at the path */
	uint64_t found_size;
	struct hash asked[ASKED_MOST];
	unsigned n_asked;
	uint64_t out, in; /* accounted */
	uint64_t base_size;
	char what[WIRE_PATH_MAX + 1]; /* the path that is asked about */
};

static struct hub_descent *descent_of(struct hub_job *x)
{
	if (!x->descent)
		x->descent = xcalloc(1, sizeof(*x->descent));
	return x->descent;
}

const struct hash *hub_descent_found(const struct hub_job *x)
{
	return x->descent && x->descent->has_found ? &x->descent->found : NULL;
}

bool hub_descent_running(const struct hub_job *x)
{
	return x->descent && x->descent->running;
}

void hub_descent_account(struct hub_job *x)
{
	struct hub_descent *d = x->descent;
	struct descent_stats s;

	if (!d || !d->descent)
		return;
	descent_stats(d->descent, &s);
	x->before.wire_out += s.wire_out - d->out;
	x->before.wire_in += s.wire_in - d->in;
	d->out = s.wire_out;
	d->in = s.wire_in;
}

void hub_descent_stop(struct hub_job *x)
{
	if (!hub_descent_running(x))
		return;
	x->descent->running = false;
	descent_stop(x->descent->descent);
	hub_descent_account(x);
}

static void descent_drop(struct hub_job *x)
{
	struct hub_descent *d = x->descent;

	hub_descent_stop(x);
	d->descent = descent_free(d->descent);
	d->out = d->in = 0;
}

void hub_descent_free(struct hub_job *x)
{
	if (!x->descent)
		return;
	descent_drop(x);
	free(x->descent);
	x->descent = NULL;
}

void hub_descent_reparent(struct hub_job *x, struct shaper_node *parent)
{
	if (hub_descent_running(x))
		descent_reparent(x->descent->descent, parent);
}

const char *hub_descent_words(const struct hub_job *x, char *buf, size_t size)
{
	const struct hub_descent *d = x->descent;
	struct descent_stats s;
	unsigned percent;

	buf[0] = '\0';
	if (!hub_descent_running(x))
		return buf;
	descent_stats(d->descent, &s);
	percent = s.waiting && s.to_hash ? (unsigned)(s.hashed * 100 / s.to_hash) : s.learn.percent;
	if (s.waiting)
		snprintf(buf, size, "waiting for %s, which hashes its copy of %s, %u %%",
			 x->job->spoke->name, d->what, MIN(percent, 100u));
	else
		snprintf(buf, size, "asking %s what its copy of %s holds, %u %%",
			 x->job->spoke->name, d->what, percent);
	return buf;
}

/* ---- its end ---- */

static void log_known(struct hub_job *x, const struct descent_stats *s)
{
	char equal[UNITS_TEXT], size[UNITS_TEXT], moved[UNITS_TEXT], why[300];
	struct hub_descent *d = x->descent;

	snprintf(why, sizeof(why), "%s of %s equal, %s elsewhere%s",
		 units_size(s->learn.equal, equal), units_size(d->base_size, size),
		 units_size(s->learn.moved, moved),
		 s->learn.cut ? "; the rest was not worth asking" : "");
	log_info("job %" PRIu64 " %s/%s -> %s: what lies there at %s, not known here: %s",
		 x->job->id, x->job->version->group, x->job->version->path, x->job->spoke->name,
		 d->what, why);
	hub_log_descent(x, d->what, &d->asked[d->n_asked - 1], d->base_size, s, why);
}

static void descent_over(void *arg, const struct descent_result *r)
{
	struct hub_job *x = arg;
	struct hub_descent *d = x->descent;
	struct descent_stats s;

	descent_stats(d->descent, &s);
	hub_descent_account(x);
	d->running = false;
	if (r->end == DESCENT_PEER) { /* it goes on at the next try */
		hub_job_close(x);
		hub_job_ended(x, hub_job_peer_outcome(r->answer.error), r->answer.text);
		return;
	}
	if (r->end == DESCENT_KNOWN)
		log_known(x, &s);
	if (r->end == DESCENT_BAD)
		log_warn("spoke %s: asking what its copy of %s holds: %s", x->job->spoke->name,
			 d->what, r->text);
	if (r->end == DESCENT_FOUND) {
		d->has_found = true;
		d->found = r->root;
		d->found_size = r->size;
	}
	/* What it told of itself is not all of it, or no longer true. */
	if (r->end == DESCENT_FOUND || r->end == DESCENT_GONE)
		peers_greet(x->spoke);
	descent_drop(x);
	hub_start_prepare(x);
}

/* ---- what is worth asking about ---- */

static bool goes_on(struct hub_job *x)
{
	struct hub_descent *d = x->descent;

	if (!d || !d->descent)
		return false;
	d->running = true;
	descent_start(d->descent, hub_rates_attach(x), 1);
	return true;
}

static bool begin(struct hub_job *x, const struct descent_spec *what, const char *path)
{
	struct hub_descent *d = descent_of(x);
	struct descent_spec spec = *what;

	spec.peer = x->spoke->peer;
	spec.pool = x->hub->d->pool;
	spec.index_dirfd = x->hub->index_dirfd;
	spec.group = x->job->version->group;
	memcpy(spec.root.b, x->job->version->root, HASH_SIZE);
	snprintf(d->what, sizeof(d->what), "%s", path);
	d->base_size = spec.base_size;
	d->descent = descent_new(&spec, descent_over, x);
	return goes_on(x);
}

bool hub_descent_look(struct hub_job *x)
{
	const struct version *v = x->job->version;
	struct inventory *inv = inventory_make(x->spoke, v->group);
	struct descent_spec spec = {.path = v->path};

	if (goes_on(x))
		return true;
	if (v->size < SIZE_LEAST || !inv->hashing || inventory_item(inv, v->path) ||
	    (x->descent && x->descent->looked))
		return false;
	descent_of(x)->looked = true;
	return begin(x, &spec, v->path);
}

/* Not known here, of a size that is worth it, and not asked about yet. */
static bool worth_asking(const struct hub_job *x, const struct hash *root, uint64_t size)
{
	const struct hub_descent *d = x->descent;

	if (MIN(size, x->job->version->size) < SIZE_LEAST ||
	    MAX(size, x->job->version->size) > LEARN_SIZE_MAX ||
	    !memcmp(root->b, x->job->version->root, HASH_SIZE))
		return false;
	for (unsigned i = 0; d && i < d->n_asked; i++)
		if (hash_equal(&d->asked[i], root))
			return false;
	return !index_exists(x->hub->index_dirfd, root);
}

struct choice {
	const struct hub_job *x;
	const struct inventory_item *best;
	uint64_t off; /* by how much its size differs */
	unsigned looked_at;
	bool alone;
};

static void choose(void *arg, void *value)
{
	const struct inventory_item *item = value;
	struct choice *c = arg;
	uint64_t size = c->x->job->version->size;
	uint64_t off = MAX(size, item->size) - MIN(size, item->size);

	/* Of one size class, or the only one; the nearest, by name where two are. */
	if (!c->alone && off > size / 4)
		return;
	if (c->best && (off > c->off || (off == c->off && strcmp(item->path, c->best->path) > 0)))
		return;
	/* Each look is a system call, and a spoke may hold many of one size. */
	if (c->looked_at == CHOICES_MOST)
		return;
	c->looked_at++;
	if (!worth_asking(c->x, &item->root, item->size))
		return;
	c->best = item;
	c->off = off;
}

static bool ask_about(struct hub_job *x, const struct hash *root, uint64_t size, const char *path)
{
	struct descent_spec spec = {.base = *root, .base_size = size};
	struct hub_descent *d = descent_of(x);

	d->asked[d->n_asked++] = *root;
	return begin(x, &spec, path);
}

/* What lies at the path, as far as is known. */
static bool at_path(const struct hub_job *x, const struct inventory *inv, struct hash *ret_root,
		    uint64_t *ret_size)
{
	const struct inventory_item *item = inventory_item(inv, x->job->version->path);
	const struct hash *found = hub_descent_found(x);

	if (!item && !found)
		return false;
	*ret_root = item ? item->root : *found;
	*ret_size = item ? item->size : x->descent->found_size;
	return true;
}

static unsigned enough(const struct hub_job *x, const struct hash *root)
{
	struct hash name;

	index_plan_name_of(x->hub->index_dirfd, root, &name);
	return hash_equal(&name, root) ? COVERED_WHOLE : COVERED_PART;
}

bool hub_descent_begin(struct hub_job *x, unsigned covered)
{
	const struct version *v = x->job->version;
	struct inventory *inv = inventory_make(x->spoke, v->group);
	struct choice c = {.x = x, .alone = inv->items.n == 1};
	struct hash root;
	uint64_t size;

	if (x->descent && x->descent->n_asked == ASKED_MOST)
		return false;
	if (at_path(x, inv, &root, &size) && worth_asking(x, &root, size) &&
	    covered < enough(x, &root))
		return ask_about(x, &root, size, v->path);
	if (covered >= COVERED_HALF)
		return false;
	strmap_each(&inv->items, choose, &c);
	return c.best && ask_about(x, &c.best->root, c.best->size, c.best->path);
}
