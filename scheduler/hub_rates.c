/*
 * hub_rates.c: see hub_rates.h.
 *
 * The root has [daemon] rate. A sync-now stands in place of the hub's own policy too, so that
 * policy's rate is a bucket beside the tree: every (spoke, policy) node draws on it, whatever its
 * spoke, and no (spoke, override) node does. A level of the tree it cannot be: a spoke may have
 * both at a time, and its own limit is for both together.
 */
#include "scheduler/hub_rates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/hub_descent.h"
#include "scheduler/hub_start.h"

/* What shares one limit has one key: an override, or a policy by its name. */
static void rate_key(const struct rate_chain *c, char *buf, size_t size)
{
	if (c->override)
		snprintf(buf, size, "override %" PRIu64, c->override->id);
	else
		snprintf(buf, size, "policy %s", c->governing ? c->governing->name : "always");
}

static struct rate_node *rate_node(struct hub_spoke *s, const char *key, bool planned)
{
	struct rate_node *n;

	TAILQ_FOREACH (n, &s->rates, entry)
		if (!strcmp(n->key, key))
			return n;
	n = xcalloc(1, sizeof(*n) + strlen(key) + 1);
	memcpy(n->key, key, strlen(key) + 1);
	n->node = shaper_node_new(s->node, 1, NULL, NULL);
	if (planned)
		shaper_set_limit(n->node, s->hub->planned);
	TAILQ_INSERT_TAIL(&s->rates, n, entry);
	return n;
}

static bool rate_chain_of(const struct hub_job *x, struct rate_chain *ret)
{
	const struct group_cfg *g = config_group(x->hub->d->config, x->job->version->group);

	if (!g || !x->job->spoke->cfg)
		return false;
	core_rates(x->hub->core, x->job->spoke, g, daemon_now(), ret);
	return true;
}

/* Under the node that governs it now; true where that is another than before. */
static bool rate_place(struct hub_job *x)
{
	struct rate_node *old = x->rate;
	struct rate_chain c;
	char key[128];

	if (!rate_chain_of(x, &c)) {
		/* Its group or spoke is gone: the push is about to be stopped. */
		if (old)
			shaper_set_rate(old->node, RATE_CLOSED);
		return false;
	}
	rate_key(&c, key, sizeof(key));
	if (!old || strcmp(old->key, key)) {
		x->rate = rate_node(x->spoke, key, !c.override);
		x->rate->users++;
		if (old)
			old->users--;
	}
	shaper_set_rate(x->spoke->node, c.spoke);
	shaper_set_rate(x->rate->node, c.open ? c.policy : RATE_CLOSED);
	if (c.open && !c.override)
		shaper_set_rate(x->hub->planned, c.hub_policy ? c.hub : RATE_UNLIMITED);
	return x->rate != old;
}

/* Another rate may allow, or need, another effort; a window that closes ends the push anyway. */
static void rate_effort(struct hub_job *x)
{
	uint64_t rate = x->push && x->rate ? shaper_rate_in_force(x->rate->node) : RATE_CLOSED;
	int effort, effort_short;

	if (rate == RATE_CLOSED)
		return;
	effort = hub_start_effort(rate, &effort_short);
	if (effort == x->effort)
		return;
	x->effort = effort;
	push_set_effort(x->push, effort, effort_short);
}

struct shaper_node *hub_rates_attach(struct hub_job *x)
{
	rate_place(x);
	return x->rate ? x->rate->node : x->spoke->node;
}

void hub_rates_detach(struct hub_job *x)
{
	if (!x->rate)
		return;
	x->rate->users--;
	x->rate = NULL;
}

void hub_rates_changed(struct hub *h, const struct spoke_state *s, const struct group_cfg *g)
{
	struct hub_job *x;

	TAILQ_FOREACH (x, &h->pushing, entry) {
		if ((s && x->job->spoke != s) || (g && strcmp(x->job->version->group, g->name)))
			continue;
		if (!(x->push || hub_descent_running(x)))
			continue;
		if (rate_place(x)) {
			if (x->push)
				push_reparent(x->push, x->rate->node);
			hub_descent_reparent(x, x->rate->node);
		}
	}
	TAILQ_FOREACH (x, &h->pushing, entry)
		rate_effort(x);
}

void hub_rates_sweep(struct hub *h)
{
	struct rate_node *n, *next;
	struct hub_spoke *s;

	TAILQ_FOREACH (s, &h->spokes, entry)
		for (n = TAILQ_FIRST(&s->rates); n; n = next) {
			next = TAILQ_NEXT(n, entry);
			if (n->users)
				continue;
			TAILQ_REMOVE(&s->rates, n, entry);
			shaper_node_free(n->node);
			free(n);
		}
}

void hub_rates_drop(struct hub_spoke *s)
{
	struct rate_node *n;

	while ((n = TAILQ_FIRST(&s->rates))) {
		TAILQ_REMOVE(&s->rates, n, entry);
		shaper_node_free(n->node);
		free(n);
	}
}
