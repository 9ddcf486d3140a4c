/*
 * cmd_probe.c: probe: a small file is written into each group and goes the way of every other, to
 * every spoke; how long until each has published it and said so is the answer. Then it is removed,
 * whatever came of it.
 *
 * It looks fifty times a second, as long as somebody waits for it.
 */
#include "scheduler/handler.h"

#include <stdio.h>
#include <stdlib.h>

#include "scheduler/canary.h"
#include "scheduler/facts.h"
#include "scheduler/hub_canary.h"
#include "scheduler/joblog.h"
#include "transfer/key.h"
#include "transfer/server.h"

#define LOOK_S	   0.02
#define TIMEOUT_US (60 * SECOND_US)
#define PROBES_MAX 4u

struct target {
	char *spoke;
	bool opened;		    /* by an exception of ours */
	struct mono started, there; /* {0}: not yet */
};

struct canary {
	char *group;
	char name[64];
	bool put;
	struct err e; /* why not */
	struct version *version;
	struct mono written, seen;
	struct target *targets;
	size_t n_targets;
};

struct probe {
	struct daemon *daemon;
	struct sreq *request;
	struct canary *canaries;
	size_t n;
	struct mono until;
	bool answered;
	ev_timer timer;
};

static struct mono mono_now(void)
{
	return daemon_now().mono;
}

/* The exceptions end, the file goes: by whatever end. */
static void canary_end(struct probe *p, struct canary *y)
{
	struct hub *h = p->daemon->hub;
	bool opened = false;

	for (size_t i = 0; i < y->n_targets; i++) {
		struct target *t = &y->targets[i];

		if (t->opened)
			core_override_end(hub_core(h), OVERRIDE_SYNC_NOW, t->spoke, y->group,
					  false);
		opened |= t->opened;
		t->opened = false;
	}
	if (opened)
		hub_overrides_changed(h);
	if (y->put)
		hub_canary_drop(h, y->group, y->name);
	y->put = false;
}

/* The request is over: answered, or the client left. */
static void probe_over(void *arg)
{
	struct probe *p = arg;

	p->daemon->probes--;
	ev_timer_stop(p->daemon->loop, &p->timer);
	for (size_t i = 0; i < p->n; i++) {
		struct canary *y = &p->canaries[i];

		canary_end(p, y);
		version_unref(y->version);
		for (size_t k = 0; k < y->n_targets; k++)
			free(y->targets[k].spoke);
		free(y->targets);
		free(y->group);
	}
	free(p->canaries);
	free(p);
}

static json_t *seconds(struct mono from, struct mono to)
{
	return from.us && to.us ? json_real((double)MAX(to.us - from.us, 0) / SECOND_US)
				: json_null();
}

/* Why it is not there, from its job. */
static void add_why(struct probe *p, json_t *o, const struct canary *y, const struct target *t)
{
	struct core *core = hub_core(p->daemon->hub);
	const struct job *j =
		y->version ? core_job_of(core, t->spoke, y->group, y->version->path) : NULL;
	const struct group_cfg *g = config_group(core_config(core), y->group);
	struct spoke_state *s = core_spoke(core, t->spoke);
	struct rate_chain chain = {.open = true};
	char words[300];

	if (y->e.text[0])
		snprintf(words, sizeof(words), "%.290s", y->e.text);
	else if (!j)
		snprintf(words, sizeof(words), "the hub has not seen it yet");
	else
		snprintf(words, sizeof(words), "%s%s", job_state_word(j->state),
			 j->waits ? ": " : "");
	if (j)
		wait_words(j->waits, words + strlen(words), sizeof(words) - strlen(words));
	json_object_set_new(o, "why", facts_text(words));
	if (g && s)
		core_rates(core, s, g, daemon_now(), &chain);
	json_object_set_new(o, "opens", chain.open ? json_null() : facts_time(chain.opens));
}

static json_t *target_json(struct probe *p, const struct canary *y, const struct target *t)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "group", y->group, "spoke",
			      t->spoke, "there", t->there.us != 0, "seen_s",
			      seconds(y->written, y->seen), "queued_s",
			      seconds(y->seen, t->started), "sent_s", seconds(t->started, t->there),
			      "total_s", seconds(y->written, t->there));

	if (!t->there.us)
		add_why(p, o, y, t);
	joblog_event(p->daemon->joblog, EVENT_PROBE, json_incref(o));
	return o;
}

static void answer(struct probe *p, bool all)
{
	json_t *list = json_array(), *o;
	char *text;

	for (size_t i = 0; i < p->n; i++) {
		struct canary *y = &p->canaries[i];

		for (size_t k = 0; k < y->n_targets; k++)
			json_array_append_new(list, target_json(p, y, &y->targets[k]));
		canary_end(p, y);
	}
	o = json_pack("{s:b, s:o}", "all", all, "probes", list);
	text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	p->answered = true;
	ev_timer_stop(p->daemon->loop, &p->timer);
	sreq_reply_json(p->request, 200, text ? text : "{}");
	free(text);
}

/* True while it is not there. */
static bool look_at(struct probe *p, struct canary *y, struct target *t)
{
	struct hub *h = p->daemon->hub;
	const struct job *j;

	if (t->there.us)
		return false;
	j = core_job_of(hub_core(h), t->spoke, y->group, y->version->path);
	if (!t->started.us && j && j->version == y->version && j->started.s)
		t->started = mono_now();
	if (hub_spoke_has(h, t->spoke, y->version)) {
		t->there = mono_now();
		if (!t->started.us)
			t->started = t->there;
		return false;
	}
	return true;
}

static void look(struct probe *p)
{
	bool missing = false, refused = false;

	for (size_t i = 0; i < p->n; i++) {
		struct canary *y = &p->canaries[i];

		refused |= !y->put;
		if (y->put && !y->version) {
			y->version = hub_canary_version(p->daemon->hub, y->group, y->name);
			y->seen = y->version ? mono_now() : y->seen;
		}
		missing |= y->put && !y->version;
		for (size_t k = 0; y->version && k < y->n_targets; k++)
			missing |= look_at(p, y, &y->targets[k]);
	}
	if (!missing || mono_now().us >= p->until.us)
		answer(p, !missing && !refused);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct probe *p = container_of(t, struct probe, timer);

	(void)loop, (void)revents;
	if (!p->answered)
		look(p);
}

/* Opens this group to this spoke, where it is closed now, until the probe is over. */
static void open_window(struct call *c, struct canary *y, struct target *t, int64_t span_us)
{
	struct core *core = hub_core(c->daemon->hub);
	const struct group_cfg *g = config_group(core_config(core), y->group);
	struct spoke_state *s = core_spoke(core, t->spoke);
	struct override o = {.kind = OVERRIDE_SYNC_NOW, .rate = RATE_UNLIMITED};
	struct rate_chain chain;

	if (!g || !s)
		return;
	core_rates(core, s, g, c->now, &chain);
	if (chain.open)
		return;
	o.spoke = xstrdup(t->spoke);
	o.group = xstrdup(y->group);
	o.since = c->now.wall;
	o.until.s = c->now.wall.s + (span_us + SECOND_US - 1) / SECOND_US;
	o.until_mono.us = c->now.mono.us + span_us;
	o.who = xstrdup(c->who);
	o.why = xstrdup("probe");
	core_override_add(core, &o);
	t->opened = true;
}

static void add_targets(struct canary *y, const struct group_cfg *g, const char *spoke)
{
	y->group = xstrdup(g->name);
	y->targets = xcalloc(MAX(g->n_spokes, 1), sizeof(*y->targets));
	for (size_t i = 0; i < g->n_spokes; i++)
		if (!spoke || !strcmp(spoke, g->spokes[i]))
			y->targets[y->n_targets++].spoke = xstrdup(g->spokes[i]);
}

/* A content that lies nowhere yet, so that nothing but itself can stand in for it. */
static void put(struct call *c, struct canary *y)
{
	uint8_t random[16];
	char hex[33], text[128];

	key_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(hex + 2 * i, 3, "%02x", random[i]);
	snprintf(y->name, sizeof(y->name), CANARY_PREFIX "%.12s", hex);
	snprintf(text, sizeof(text), "spokesync probe %s\n", hex);
	y->written = mono_now();
	y->put = hub_canary_put(c->daemon->hub, y->group, y->name, text, &y->e) == 0;
}

static struct probe *probe_new(struct call *c, const char *spoke, const char *group)
{
	const struct config *cfg = core_config(hub_core(c->daemon->hub));
	struct probe *p = xcalloc(1, sizeof(*p));

	p->daemon = c->daemon;
	p->request = c->request;
	p->canaries = xcalloc(MAX(cfg->n_groups, 1), sizeof(*p->canaries));
	for (size_t i = 0; i < cfg->n_groups; i++) {
		const struct group_cfg *g = &cfg->groups[i];

		if ((!group || !strcmp(group, g->name)) && (!spoke || group_has_spoke(g, spoke)))
			add_targets(&p->canaries[p->n++], g, spoke);
	}
	return p;
}

enum handled cmd_probe(struct call *c)
{
	const char *spoke = args_text(c->args, "spoke"), *group = args_text(c->args, "group");
	int64_t span_us = args_duration(c->args, "timeout", TIMEOUT_US);
	bool opened = false;
	struct probe *p;

	if (!call_scope_known(c, spoke, group))
		return HANDLED;
	if (c->daemon->probes >= PROBES_MAX)
		return call_fail(c, 409, "%u probes run already", c->daemon->probes);
	p = probe_new(c, spoke, group);
	p->until.us = c->now.mono.us + span_us;
	c->daemon->probes++;
	sreq_on_over(c->request, probe_over, p);
	call_audit(c,
		   json_pack("{s:o, s:o}", "spoke", facts_text(spoke), "group", facts_text(group)));
	for (size_t i = 0; i < p->n; i++) {
		struct canary *y = &p->canaries[i];

		for (size_t k = 0; args_flag(c->args, "now") && k < y->n_targets; k++) {
			open_window(c, y, &y->targets[k], span_us);
			opened |= y->targets[k].opened;
		}
		put(c, y);
	}
	if (opened)
		hub_overrides_changed(c->daemon->hub);
	ev_timer_init(&p->timer, on_timer, LOOK_S, LOOK_S);
	ev_timer_start(c->daemon->loop, &p->timer);
	return HANDLED_LATER;
}
