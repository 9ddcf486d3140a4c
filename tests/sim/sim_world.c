/*
 * sim_world.c: what people and time do to the fleet: files change, commands come, the configuration
 * is edited, clocks are set, the hub dies. What goes wrong out there is sim_fault.c.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One in eight is a copy of another: the same content under several names. */
static void fill_content(struct sim *s, struct version *v, unsigned group)
{
	uint64_t content = sim_chance(s, 12) ? 1 + sim_below(s, 3) : 0;

	/* Twins that wait for their set serve each other: test_core_sets.c has them. */
	content = sim_in_sets(s, group) ? 0 : content;

	v->size = content ? content << 22 : (uint64_t)1 << (10 + sim_below(s, 19));
	v->nonzero = v->size;
	memcpy(v->root, content ? &content : &v->id, sizeof(v->id));
	v->root[31] = content ? 2 : 1;
}

void sim_new_version(struct sim *s, unsigned group, unsigned file)
{
	char g[8] = {'g', (char)('0' + group), 0}, path[8] = {(char)('a' + file), 0};
	struct version *v = version_new(g, path), *old = s->latest[group][file];

	v->id = ++s->versions;
	fill_content(s, v, group);
	v->deleted = old && !old->deleted && sim_chance(s, 8);
	s->count[COUNT_DELETED] += v->deleted;
	v->indexed = v->deleted || v->id % 11 == 0 || s->n_indexing == ARRAY_LEN(s->indexing) ||
		     sim_chance(s, 30);
	if (!v->indexed) {
		s->indexing[s->n_indexing] = version_ref(v);
		s->indexed_at[s->n_indexing++] = sim_within(s, 300);
	}
	sim_say(s, "version %llu of %s/%s, %llu bytes%s", (unsigned long long)v->id, g, path,
		(unsigned long long)v->size, v->deleted ? ", deleted" : "");
	version_unref(old);
	s->latest[group][file] = v;
	sim_sets_version(s, group, file);
	for (unsigned i = 0; i < s->n_spokes; i++)
		sim_want(s, i, group, file);
}

void sim_world_new(struct sim *s)
{
	struct config *cfg;

	for (unsigned i = 0; i < s->n_spokes; i++) {
		struct sim_spoke *p = &s->spokes[i];

		snprintf(p->name, sizeof(p->name), "s%u", i);
		p->reachable = !sim_chance(s, 20);
		p->base = p->link = (double)((uint64_t)50000 << sim_below(s, 9));
		p->slow_until = p->flap_at = p->greet_at = SIM_NEVER;
		p->greeted = -SIM_NEVER;
		p->answered = s->now.mono.us;
		p->excused = true;
		sim_place(s, p);
		for (unsigned g = 0; g < SIM_GROUPS; g++)
			s->closed_at[i][g] = -SIM_NEVER;
	}
	cfg = sim_config(s);
	s->core = core_new(cfg, sim_random(s));
	config_unref(cfg);
	sim_forget(s);
	sim_sets_new(s);
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		for (unsigned f = 0; f < SIM_FILES; f++)
			sim_new_version(s, g, f);
	s->event_at = s->now.mono.us;
	s->fault_at = SIM_NEVER;
}

/* Spokes that are closed may be spoken to at once when a person or the configuration says so. */
static void excuse(struct sim *s)
{
	for (unsigned i = 0; i < s->n_spokes; i++)
		s->spokes[i].excused = true;
}

static void command(struct sim *s)
{
	struct override o = {.kind = sim_chance(s, 60) ? OVERRIDE_SYNC_NOW : OVERRIDE_PAUSE,
			     .rate = sim_chance(s, 50) ? RATE_UNLIMITED : 1000000,
			     .since = s->now.wall};
	int64_t seconds = 1 + (int64_t)sim_below(s, 4 * 3600);

	if (sim_chance(s, 70))
		o.spoke = xstrdup(s->spokes[sim_below(s, s->n_spokes)].name);
	if (sim_chance(s, 40)) {
		char g[8] = {'g', (char)('0' + sim_below(s, SIM_GROUPS)), 0};

		o.group = xstrdup(g);
	}
	excuse(s);
	if (sim_chance(s, 30)) {
		bool meets = sim_chance(s, 50);

		sim_say(s, "%s of %s:%s", meets ? "stop-now" : "resume", o.spoke ? o.spoke : "*",
			o.group ? o.group : "*");
		s->count[COUNT_OVERRIDES_ENDED] +=
			core_override_end(s->core, o.kind, o.spoke, o.group, meets);
		free(o.spoke);
		free(o.group);
		return;
	}
	/* By either clock, or by both; never by none. */
	if (!sim_chance(s, 20))
		o.until.s = s->now.wall.s + seconds;
	if (!o.until.s || !sim_chance(s, 20))
		o.until_mono.us = s->now.mono.us + seconds * SECOND_US;
	if (o.kind == OVERRIDE_SYNC_NOW && sim_chance(s, 30))
		o.until_sync_seq = s->versions;
	sim_say(s, "%s of %s:%s for %lld s", o.kind == OVERRIDE_PAUSE ? "pause" : "sync-now",
		o.spoke ? o.spoke : "*", o.group ? o.group : "*", (long long)seconds);
	s->count[COUNT_OVERRIDES]++;
	core_override_add(s->core, &o);
}

static void person(struct sim *s)
{
	struct job *j, *next;
	unsigned n = 0;

	s->count[COUNT_PERSONS]++;
	if (s->n_live && sim_chance(s, 50)) {
		struct sim_job *k = s->live[sim_below(s, s->n_live)];

		sim_say(s, "cancel job %llu", (unsigned long long)k->id);
		k->cancelled = true;
		core_job_cancel(s->core, k->job, "sim", s->now);
		return;
	}
	excuse(s);
	sim_say(s, "retry what has failed");
	for (j = TAILQ_FIRST(core_ended(s->core)); j && n < 5; j = next, n++) {
		next = TAILQ_NEXT(j, by_spoke);
		s->jobs[j->id]->cancelled = false;
		core_job_retry(s->core, j, s->now);
	}
	if (s->n_live) {
		struct sim_job *k = s->live[sim_below(s, s->n_live)];

		k->cancelled = false;
		core_job_retry(s->core, k->job, s->now);
	}
}

/* Peers that are gone answer no more; of those that come back the core may know something still. */
static void follow(struct sim *s, struct sim_spoke *p, bool was)
{
	const struct spoke_state *state = core_spoke(s->core, p->name);

	if (!state) {
		p->greet_at = SIM_NEVER;
		p->told = p->told == TOLD_UP ? TOLD_DOWN : p->told;
		return;
	}
	if (was)
		return;
	p->answered = s->now.mono.us;
	p->told = state->key_refused ? TOLD_KEY : TOLD_DOWN;
	if (!state->zone)
		p->zone = NULL;
}

static void reload(struct sim *s)
{
	struct config *cfg = sim_config(s);
	bool was[SIM_SPOKES];

	sim_say(s, "reload");
	for (unsigned i = 0; i < s->n_spokes; i++)
		was[i] = s->spokes[i].cfg;
	core_set_config(s->core, cfg);
	config_unref(cfg);
	sim_forget(s);
	for (unsigned i = 0; i < s->n_spokes; i++)
		follow(s, &s->spokes[i], was[i]);
	excuse(s);
	s->count[COUNT_RELOADS]++;
	sim_want_all(s);
}

static void set_clock(struct sim *s)
{
	/* By hours, mostly; now and then a machine that slept for days. */
	int64_t hours = sim_chance(s, 80) ? 3 : 70;
	int64_t by = ((int64_t)sim_below(s, 2 * (uint64_t)hours * 3600) - hours * 3600) * SECOND_US;

	sim_say(s, "the clock is set by %lld s", (long long)(by / SECOND_US));
	s->wall_us += by;
	s->now.wall.s = s->wall_us / SECOND_US;
	s->now.wall_us = (uint32_t)(s->wall_us % SECOND_US);
	s->jumped = true;
	s->jumped_at = s->now.mono.us;
	s->instant++;
	s->count[COUNT_FAULT_CLOCK]++;
}

static void forgot(void *arg, struct job *j)
{
	struct sim *s = arg;

	s->jobs[j->id]->job = NULL;
}

void sim_world_event(struct sim *s)
{
	uint64_t dice = sim_below(s, 1000);

	s->event_at = sim_within(s, 1200);
	if (s->kill) {
		s->kill = false;
		sim_restart(s);
	} else if (dice < 350)
		sim_new_version(s, (unsigned)sim_below(s, SIM_GROUPS),
				(unsigned)sim_below(s, SIM_FILES));
	else if (dice < 680)
		sim_fault(s);
	else if (dice < 800)
		command(s);
	else if (dice < 890)
		person(s);
	else if (dice < 920)
		reload(s);
	else if (dice < 940)
		set_clock(s);
	else if (dice < 960)
		sim_restart(s);
	else if (dice < 980)
		core_forget_ended(s->core, sim_below(s, 50), forgot, s);
	else
		core_deadlines(s->core, s->now);
}

/* From now on all goes well, and everything is open: everything must become in sync. */
void sim_make_calm(struct sim *s)
{
	struct override o = {.kind = OVERRIDE_SYNC_NOW, .rate = RATE_UNLIMITED};
	struct job *j;
	size_t n;

	s->calm = true;
	s->event_at = SIM_NEVER;
	sim_mend(s);
	excuse(s);
	for (core_overrides(s->core, &n); n; core_overrides(s->core, &n)) {
		const struct override *all = core_overrides(s->core, &n);

		core_override_end(s->core, all->kind, all->spoke, all->group, false);
	}
	core_override_add(s->core, &o);
	for (size_t i = 0; i < s->n_live; i++)
		if (s->live[i]->push && !s->live[i]->stopping)
			s->live[i]->fate =
				(struct sim_fate){OUTCOME_STAGED, s->live[i]->version->size};
	TAILQ_FOREACH (j, core_ended(s->core), by_spoke) {
		s->jobs[j->id]->cancelled = false;
		core_job_retry(s->core, j, s->now);
	}
}
