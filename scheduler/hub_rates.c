/*
 * hub_rates.c: see hub_rates.h.
 *
 * A sync-now stands in place of the hub's own policy too. One root cannot have two rates, so the
 * root gets the largest of those in force, and what is not under an override is held down to the
 * hub's window by its (spoke, policy) node.
 */
#include "scheduler/hub_rates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/hub_descent.h"

/* What shares one limit has one key: an override, or a policy by its name. */
static void rate_key(const struct rate_chain *c, char *buf, size_t size)
{
	if (c->override)
		snprintf(buf, size, "override %" PRIu64, c->override->id);
	else
		snprintf(buf, size, "policy %s", c->governing ? c->governing->name : "always");
}

static uint64_t rate_of_node(const struct rate_chain *c)
{
	if (!c->open)
		return RATE_CLOSED;
	return c->override ? c->policy : MIN(c->policy, c->hub);
}

static struct rate_node *rate_node(struct hub_spoke *s, const char *key)
{
	struct rate_node *n;

	TAILQ_FOREACH (n, &s->rates, entry)
		if (!strcmp(n->key, key))
			return n;
	n = xcalloc(1, sizeof(*n) + strlen(key) + 1);
	memcpy(n->key, key, strlen(key) + 1);
	n->node = shaper_node_new(s->node, 1, NULL, NULL);
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

static void rate_root(struct hub *h)
{
	uint64_t most = 0;
	struct rate_chain c;
	struct hub_job *x;

	TAILQ_FOREACH (x, &h->pushing, entry)
		if (rate_chain_of(x, &c) && c.open)
			most = MAX(most, c.hub);
	/* Where nothing goes: the plain limit, so that words are counted against something. */
	shaper_set_rate(shaper_root(h->shaper), most ? most : h->d->config->rate);
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
		x->rate = rate_node(x->spoke, key);
		x->rate->users++;
		if (old)
			old->users--;
	}
	shaper_set_rate(x->spoke->node, c.spoke);
	shaper_set_rate(x->rate->node, rate_of_node(&c));
	return x->rate != old;
}

struct shaper_node *hub_rates_attach(struct hub_job *x)
{
	rate_place(x);
	rate_root(x->hub);
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
		if (!(x->push || hub_descent_running(x)) || !rate_place(x))
			continue;
		if (x->push)
			push_reparent(x->push, x->rate->node);
		hub_descent_reparent(x, x->rate->node);
	}
	rate_root(h);
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
