/*
 * hub_view_drift.c: what the commands may see of drift. Reads only.
 */
#include <string.h>

#include "scheduler/drift.h"
#include "scheduler/inventory.h"

static struct hub_drift view(const struct inventory *inv, const struct drift *d)
{
	return (struct hub_drift){.group = inv->group,
				  .path = d->path,
				  .what = wire_local_word(d->what),
				  .words = drift_words(inv, d),
				  .since = d->since};
}

bool hub_drift_of(struct hub *h, const char *spoke, const char *group, const char *path,
		  struct hub_drift *ret)
{
	struct hub_spoke *s = hub_spoke(h, spoke);
	struct inventory *inv = s ? inventory_get(s, group) : NULL;
	const struct drift *d = inv ? drift_of(inv, path) : NULL;

	if (d)
		*ret = view(inv, d);
	return d != NULL;
}

struct telling {
	struct inventory *inv;
	uint64_t left, n;
	hub_drift_fn *fn;
	void *arg;
};

static void tell_drift(void *arg, void *value)
{
	struct telling *t = arg;
	struct hub_drift v = view(t->inv, value);

	t->n++;
	if (t->left == 0)
		return;
	t->left--;
	t->fn(t->arg, &v);
}

static void tell_foreign(void *arg, const char *path)
{
	struct telling *t = arg;

	t->left--;
	t->fn(t->arg, &(struct hub_drift){.group = t->inv->group,
					  .path = path,
					  .what = "foreign",
					  .words = "it stays as it is"});
}

uint64_t hub_drifts(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg)
{
	struct telling t = {.left = max, .fn = fn, .arg = arg};
	struct hub_spoke *s = hub_spoke(h, spoke);

	if (!s)
		return 0;
	TAILQ_FOREACH (t.inv, &s->inventories, entry)
		strmap_each(&t.inv->drift, tell_drift, &t);
	return t.n;
}

uint64_t hub_foreign(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg)
{
	struct telling t = {.left = max, .fn = fn, .arg = arg};
	struct hub_spoke *s = hub_spoke(h, spoke);

	if (!s)
		return 0;
	TAILQ_FOREACH (t.inv, &s->inventories, entry)
		t.n += drift_foreign(t.inv, t.left, tell_foreign, &t);
	return t.n;
}
