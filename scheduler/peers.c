/*
 * peers.c: see peers.h.
 *
 * A spoke counts as up only when its inventories were read: before that nobody knows what it
 * needs. An epoch that differs, or a sequence that went back (a database restored there), means
 * that what was told before is void, and the inventory is read from the beginning.
 */
#include "scheduler/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/drift.h"
#include "scheduler/hub_changes.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_notices.h"
#include "scheduler/hub_publish.h"
#include "scheduler/hub_rates.h"
#include "scheduler/hub_start.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/reconcile.h"

struct greeting {
	struct hub_spoke *spoke;
	struct wire_group *groups; /* those that both sides have */
	size_t n_groups, at;
	char zone[64], software[160];
	size_t restarts; /* epochs that changed meanwhile */
	uint64_t asked;	 /* the sequence that the page under way was asked from */
	bool changed;
	uint64_t version; /* the newest when it began */
};

static void greetings_begin(struct hub *h);

static void greeting_end(struct hub_spoke *s)
{
	if (s->greeting)
		free(s->greeting->groups);
	free(s->greeting);
	s->greeting = NULL;
	greetings_end(&s->hub->greetings, &s->turn);
	greetings_begin(s->hub);
}

static void greeting_failed(struct greeting *g, const struct peer_answer *a)
{
	struct hub_spoke *s = g->spoke;
	struct hub *h = s->hub;
	struct now now = daemon_now();
	bool key = a->error == PEER_UNKNOWN_KEY || a->error == PEER_WRONG_KEY;

	if (!s->told_down || strcmp(s->state->text, a->text))
		hub_log_spoke(s, EVENT_SPOKE_DOWN, a->text);
	s->told_down = true;
	if (key && !s->told_key)
		hub_notice_refused(s, a->text);
	s->told_key = s->told_key || key;
	core_fact_spoke_down(h->core, s->state, key, a->text, now);
	hub_tx(h);
	hub_recorded(
		h,
		db_spokes_away(h->db, s->name, core_spoke_away_us(s->state, now.mono) / SECOND_US),
		"a spoke");
	hub_changes_end(s);
	greeting_end(s);
	hub_kick(h);
}

static void greeting_broken(struct greeting *g, const char *text)
{
	struct peer_answer a = {.error = PEER_PROTOCOL};

	snprintf(a.text, sizeof(a.text), "%s", text);
	greeting_failed(g, &a);
}

/* A zone that only the spoke's database has: what was known before stays in force. */
static void follow_zone(struct hub_spoke *s, const char *zone)
{
	bool known = !strcmp(s->state->zone_name, zone);

	if (!known && !s->told_zone)
		log_warn("spoke %s: its time zone %s is not known here: %s%s", s->name, zone,
			 s->state->zone ? "policies in its own zone go on by "
					: "policies in its own zone are closed",
			 s->state->zone_name);
	s->told_zone = !known;
}

/*
 * What nobody went on with, because a word of ours was lost: it is dropped there. Not while files
 * are still being looked at: who would want it may be among them.
 */
static void drop_idle(const struct hub_spoke *s, const struct wire_group *w)
{
	const struct hub_group *group = hub_group(s->hub, w->name);
	char hex[HASH_HEX + 1];

	if (!group || group->survey || group->n_unsettled || group->n_indexing)
		return;
	for (unsigned i = 0; i < w->n_idle; i++) {
		if (hub_start_wants(s, w->name, &w->idle[i], NULL))
			continue;
		log_info("spoke %s: group %s: the transfer of %s is dropped: no job wants it",
			 s->name, w->name, hash_hex(&w->idle[i], hex));
		peer_forget_transfer(s->peer, w->name, &w->idle[i]);
	}
}

static void greeting_done(struct greeting *g)
{
	struct hub_spoke *s = g->spoke;
	struct hub *h = s->hub;
	struct spoke_row row = {.name = s->name};
	struct now now = daemon_now();
	struct inventory *inv;
	bool was = s->state->up;

	TAILQ_FOREACH (inv, &s->inventories, entry) {
		inv->foreign_told = inv->drift_told = 0;
		drift_sweep(inv);
		reconcile_inventory(inv);
	}
	core_fact_spoke_up(h->core, s->state, g->zone, now);
	follow_zone(s, g->zone);
	row.zone = s->state->zone ? s->state->zone_name : g->zone;
	if (g->changed && s->changes_mute) /* else it says so when it is time */
		core_fact_spoke_changed(h->core, s->state);
	row.last_seen = now.wall;
	hub_tx(h);
	hub_recorded(h, db_spokes_put(h->db, &row), "a spoke");
	if (!was || s->told_down)
		hub_log_spoke(s, EVENT_SPOKE_UP, g->software);
	s->told_down = s->told_key = false;
	s->greeted_version = g->version;
	for (size_t i = 0; i < g->n_groups; i++)
		drop_idle(s, &g->groups[i]);
	hub_changes_ask(s);
	greeting_end(s);
	hub_kick(h);
}

static void greeting_next(struct greeting *g);
static void greeting_page(void *arg, const struct peer_answer *a, const struct wire_inventory *i);

/* The next page of the group at hand. */
static void greeting_ask(struct greeting *g)
{
	const char *group = g->groups[g->at].name;

	g->asked = inventory_make(g->spoke, group)->seq;
	peer_inventory(g->spoke->peer, group, g->asked, greeting_page, g);
}

static void greeting_page(void *arg, const struct peer_answer *a, const struct wire_inventory *i)
{
	struct greeting *g = arg;
	struct inventory *inv = inventory_make(g->spoke, g->groups[g->at].name);

	if (a->error != PEER_OK) {
		greeting_failed(g, a);
		return;
	}
	if (strcmp(i->epoch, inv->epoch)) {
		/* It began anew after its hello. One more of that in a greeting is too much. */
		if (g->restarts++ > g->n_groups) {
			greeting_broken(g, "the epoch of its inventory changes all the time");
			return;
		}
		inventory_clear(inv);
		inventory_position(inv, i->epoch, 0);
		if (g->asked) {
			greeting_ask(g);
			return;
		}
	}
	if (i->seq < inv->seq || (i->more && i->seq == inv->seq)) {
		greeting_broken(g, "its inventory does not move forward");
		return;
	}
	for (size_t n = 0; n < i->n_entries; n++) {
		drift_told(inv, &i->entries[n]);
		inventory_put(inv, &i->entries[n], 0);
	}
	if (inventory_too_large(
		    inv)) { /* the next greeting asks for all of it, if it is less then */
		inventory_clear(inv);
		inventory_position(inv, inv->epoch, 0);
		greeting_broken(
			g, "it lists more files in a group than are remembered of one (32 MiB of "
			   "names and facts)");
		return;
	}
	inventory_position(inv, inv->epoch, i->seq);
	g->changed = true;
	if (i->more) {
		greeting_ask(g);
		return;
	}
	inventory_preserved(inv, i->preserved, i->n_preserved);
	g->at++;
	greeting_next(g);
}

/* The next group of which something is not known. It is compared with the hello once: while pages
 * come in, the inventory may well grow beyond what the hello said. */
static void greeting_next(struct greeting *g)
{
	for (; g->at < g->n_groups; g->at++) {
		const struct wire_group *w = &g->groups[g->at];
		struct inventory *inv = inventory_make(g->spoke, w->name);

		if (inv->free_bytes != w->free_bytes)
			g->changed = true;
		inv->free_bytes = w->free_bytes;
		inv->hashing = w->hashing;
		if (!strcmp(inv->epoch, w->epoch) && inv->seq == w->seq &&
		    inventory_preserved_told(inv, w))
			continue;
		if (strcmp(inv->epoch, w->epoch) || inv->seq > w->seq) {
			inventory_clear(inv);
			inventory_position(inv, w->epoch, 0);
			if (!w->seq && inventory_preserved_told(inv, w))
				continue; /* an empty one */
		}
		greeting_ask(g);
		return;
	}
	greeting_done(g);
}

static bool greeting_wants(const struct hub_spoke *s, const char *group)
{
	const struct group_cfg *cfg = config_group(s->hub->d->config, group);

	return cfg && group_has_spoke(cfg, s->name);
}

/* A group that the spoke does not have is said once a greeting, by name. */
static void greeting_missing(const struct greeting *g)
{
	const struct config *c = g->spoke->hub->d->config;

	for (size_t i = 0; i < c->n_groups; i++) {
		bool there = !group_has_spoke(&c->groups[i], g->spoke->name);
		for (size_t n = 0; n < g->n_groups && !there; n++)
			there = !strcmp(g->groups[n].name, c->groups[i].name);
		if (!there)
			log_warn("spoke %s: has no [group %s] in its configuration", g->spoke->name,
				 c->groups[i].name);
	}
}

static void greeting_hello(void *arg, const struct peer_answer *a, const struct wire_hello *hello)
{
	struct greeting *g = arg;

	if (a->error != PEER_OK) {
		greeting_failed(g, a);
		return;
	}
	snprintf(g->zone, sizeof(g->zone), "%s", hello->zone);
	snprintf(g->software, sizeof(g->software), "%s", hello->software);
	if (hello->version != wire_version())
		snprintf(g->software, sizeof(g->software),
			 "%s, version %u of the protocol (ours is %u)", hello->software,
			 hello->version, wire_version());
	g->groups = xcalloc(hello->n_groups + 1, sizeof(*g->groups));
	for (size_t i = 0; i < hello->n_groups; i++)
		if (greeting_wants(g->spoke, hello->groups[i].name))
			g->groups[g->n_groups++] = hello->groups[i];
	greeting_missing(g);
	greeting_next(g);
}

/* Those for which there are places. */
static void greetings_begin(struct hub *h)
{
	struct greet_turn *t;

	while ((t = greetings_next(&h->greetings))) {
		struct hub_spoke *s = container_of(t, struct hub_spoke, turn);

		s->greeting = xcalloc(1, sizeof(*s->greeting));
		s->greeting->spoke = s;
		s->greeting->version = h->last_version;
		peer_hello(s->peer, greeting_hello, s->greeting);
	}
}

void peers_greet(struct hub_spoke *s)
{
	if (!s->peer)
		return;
	greetings_ask(&s->hub->greetings, &s->turn, s->told_down);
	greetings_begin(s->hub);
}

static void peer_make(struct hub *h, const struct spoke_cfg *cfg)
{
	struct hub_spoke *s = xcalloc(1, sizeof(*s));

	s->hub = h;
	s->name = xstrdup(cfg->name);
	TAILQ_INIT(&s->rates);
	TAILQ_INIT(&s->publishing);
	TAILQ_INIT(&s->inventories);
	s->node = shaper_node_new(shaper_root(h->shaper), cfg->weight, NULL, NULL);
	s->words = shaper_node_new(s->node, 1, NULL, NULL);
	shaper_set_limit(s->words, h->planned);
	s->peer = peer_new(h->http, cfg->url, cfg->pins, cfg->n_pins, h->d->key, s->words);
	TAILQ_INSERT_TAIL(&h->spokes, s, entry);
}

void peers_update(struct hub *h)
{
	const struct config *c = h->d->config;
	struct hub_spoke *s;

	for (size_t i = 0; i < c->n_spokes; i++) {
		const struct spoke_cfg *cfg = &c->spokes[i];

		s = hub_spoke(h, cfg->name);
		if (!s) {
			peer_make(h, cfg);
			s = hub_spoke(h, cfg->name);
		} else {
			peer_update(s->peer, cfg->url, cfg->pins, cfg->n_pins);
		}
		s->state = core_spoke(h->core, cfg->name);
		s->state->user = s;
		peer_set_stall(s->peer, c->stall_us);
		shaper_set_weight(s->node, cfg->weight);
		shaper_set_rate(s->node, cfg->rate);
	}
}

static void peer_drop(struct hub_spoke *s)
{
	struct inventory *inv;

	/* First the peer: it ends its requests, and no answer finds a greeting that is gone. */
	s->peer = peer_free(s->peer);
	greeting_end(s);
	hub_publish_drop(s);
	hub_rates_drop(s);
	while ((inv = TAILQ_FIRST(&s->inventories)))
		inventory_free(inv);
	TAILQ_REMOVE(&s->hub->spokes, s, entry);
	shaper_node_free(s->words);
	shaper_node_free(s->node);
	free(s->name);
	free(s);
}

void peers_sweep(struct hub *h)
{
	struct hub_spoke *s, *next;

	for (s = TAILQ_FIRST(&h->spokes); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->n_jobs || core_spoke(h->core, s->name))
			continue;
		hub_tx(h);
		hub_recorded(h, db_spokes_drop(h->db, s->name), "a spoke that was taken out");
		log_info("spoke %s: taken out of the configuration", s->name);
		peer_drop(s);
	}
}

void peers_free(struct hub *h)
{
	struct hub_spoke *s;

	TAILQ_FOREACH (s, &h->spokes, entry)
		greetings_end(&h->greetings, &s->turn);
	while (!TAILQ_EMPTY(&h->spokes))
		peer_drop(TAILQ_FIRST(&h->spokes));
}
