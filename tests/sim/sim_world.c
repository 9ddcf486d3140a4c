/*
 * sim_world.c: what happens to the fleet: files change, spokes come and go, people command, the
 * configuration is edited, clocks are set, the hub dies.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_new_version(struct sim *s, unsigned group, unsigned file)
{
	char g[8] = {'g', (char)('0' + group), 0}, path[8] = {(char)('a' + file), 0};
	struct version *v = version_new(g, path);

	v->id = ++s->versions;
	v->size = (uint64_t)1 << (10 + sim_below(s, 19));
	v->deleted = s->latest[group][file] && !s->latest[group][file]->deleted && sim_chance(s, 8);
	v->indexed = v->deleted || v->id % 11 == 0 || s->n_indexing == ARRAY_LEN(s->indexing) ||
		     sim_chance(s, 30);
	if (!v->indexed) {
		s->indexing[s->n_indexing] = version_ref(v);
		s->indexed_at[s->n_indexing++] =
			s->now.mono.us + (int64_t)sim_below(s, 300 * SECOND_US);
	}
	version_unref(s->latest[group][file]);
	s->latest[group][file] = v;
	for (unsigned i = 0; i < s->n_spokes; i++)
		sim_want(s, i, group, file);
}

void sim_world_new(struct sim *s)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Chicago",
					    "Australia/Lord_Howe", "Asia/Tokyo"};
	struct config *cfg;

	for (unsigned i = 0; i < s->n_spokes; i++) {
		struct sim_spoke *p = &s->spokes[i];

		snprintf(p->name, sizeof(p->name), "s%u", i);
		snprintf(p->zone, sizeof(p->zone), "%s", zones[sim_below(s, ARRAY_LEN(zones))]);
		p->reachable = !sim_chance(s, 20);
		p->link = (double)((uint64_t)50000 << sim_below(s, 9));
		p->greet_at = SIM_NEVER;
		p->greeted = -SIM_NEVER;
	}
	cfg = sim_config(s);
	s->core = core_new(cfg, sim_random(s));
	config_unref(cfg);
	sim_forget(s);
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		for (unsigned f = 0; f < SIM_FILES; f++)
			sim_new_version(s, g, f);
	s->event_at = s->now.mono.us;
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
	if (sim_chance(s, 30)) {
		core_override_end(s->core, o.kind, o.spoke, o.group, sim_chance(s, 50));
		free(o.spoke);
		free(o.group);
		return;
	}
	o.until.s = s->now.wall.s + seconds;
	o.until_mono.us = s->now.mono.us + seconds * SECOND_US;
	if (o.kind == OVERRIDE_SYNC_NOW && sim_chance(s, 30))
		o.until_sync_seq = s->versions;
	core_override_add(s->core, &o);
}

static void person(struct sim *s)
{
	struct job *j, *next;
	unsigned n = 0;

	if (s->n_live && sim_chance(s, 50)) {
		core_job_cancel(s->core, s->live[sim_below(s, s->n_live)]->job, "sim", s->now);
		return;
	}
	for (j = TAILQ_FIRST(core_ended(s->core)); j && n < 5; j = next, n++) {
		next = TAILQ_NEXT(j, by_spoke);
		core_job_retry(s->core, j, s->now);
	}
	if (s->n_live)
		core_job_retry(s->core, s->live[sim_below(s, s->n_live)]->job, s->now);
}

static void reload(struct sim *s)
{
	struct config *cfg = sim_config(s);

	sim_say(s, "reload");
	core_set_config(s->core, cfg);
	config_unref(cfg);
	sim_forget(s);
	/* Peers that are gone answer no more. */
	for (unsigned i = 0; i < s->n_spokes; i++)
		if (!core_spoke(s->core, s->spokes[i].name))
			s->spokes[i].greet_at = SIM_NEVER;
	s->reloads++;
	sim_want_all(s);
}

static void flap(struct sim *s)
{
	struct sim_spoke *p = &s->spokes[sim_below(s, s->n_spokes)];

	p->reachable = !p->reachable;
	sim_say(s, "%s is %s", p->name, p->reachable ? "back" : "lost");
	if (p->reachable)
		return;
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_job *k = s->live[i];

		if (&s->spokes[k->spoke] != p || !(k->push || k->publishing) || k->stopping)
			continue;
		k->answer_at = s->now.mono.us + (int64_t)sim_below(s, 60 * SECOND_US);
		k->answer = OUTCOME_PEER_DOWN;
	}
}

static void set_clock(struct sim *s)
{
	int64_t by = ((int64_t)sim_below(s, 2 * 3 * 3600) - 3 * 3600) * SECOND_US;

	sim_say(s, "the clock is set by %lld s", (long long)(by / SECOND_US));
	s->wall_us += by;
	s->now.wall.s = s->wall_us / SECOND_US;
	s->now.wall_us = (uint32_t)(s->wall_us % SECOND_US);
	s->jumped = true;
	s->jumped_at = s->now.mono.us;
}

static void forgot(void *arg, struct job *j)
{
	struct sim *s = arg;

	s->jobs[j->id]->job = NULL;
}

void sim_world_event(struct sim *s)
{
	uint64_t dice = sim_below(s, 1000);

	s->event_at = s->now.mono.us + (int64_t)sim_below(s, 1200 * SECOND_US);
	if (dice < 450)
		sim_new_version(s, (unsigned)sim_below(s, SIM_GROUPS),
				(unsigned)sim_below(s, SIM_FILES));
	else if (dice < 700)
		flap(s);
	else if (dice < 820)
		command(s);
	else if (dice < 900)
		person(s);
	else if (dice < 930)
		reload(s);
	else if (dice < 945)
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
	for (unsigned i = 0; i < s->n_spokes; i++) {
		s->spokes[i].reachable = true;
		s->spokes[i].link = 1e8;
	}
	for (core_overrides(s->core, &n); n; core_overrides(s->core, &n)) {
		const struct override *all = core_overrides(s->core, &n);

		core_override_end(s->core, all->kind, all->spoke, all->group, false);
	}
	core_override_add(s->core, &o);
	for (size_t i = 0; i < s->n_live; i++)
		if (s->live[i]->push && !s->live[i]->stopping)
			s->live[i]->fate =
				(struct sim_fate){OUTCOME_STAGED, s->live[i]->version->size};
	TAILQ_FOREACH (j, core_ended(s->core), by_spoke)
		core_job_retry(s->core, j, s->now);
}
