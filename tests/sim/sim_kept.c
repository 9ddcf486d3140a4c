/*
 * sim_kept.c: what the hub of the simulation keeps as in a database: its jobs, as they are wanted,
 * and what is there of them after it died.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct sim *s, struct sim_job *k)
{
	if (k->id >= s->n_jobs) {
		uint64_t n = 2 * k->id + 16;

		s->jobs = xrealloc(s->jobs, n * sizeof(struct sim_job *));
		memset(s->jobs + s->n_jobs, 0, (n - s->n_jobs) * sizeof(struct sim_job *));
		s->n_jobs = n;
	}
	if (s->jobs[k->id])
		sim_fail(s, "job id %llu was given twice", (unsigned long long)k->id);
	s->jobs[k->id] = k;
	s->last_job = MAX(s->last_job, k->id);
	s->live = xrealloc(s->live, (s->n_live + 1) * sizeof(struct sim_job *));
	s->live[s->n_live++] = k;
}

void sim_want(struct sim *s, unsigned spoke, unsigned group, unsigned file)
{
	struct version *v = s->latest[group][file];
	enum job_kind kind = v->deleted ? JOB_DELETE : v->id % 11 == 0 ? JOB_META : JOB_PUT;
	struct sim_job *k;
	struct job *j;

	if (s->spokes[spoke].have[group][file] == v->id)
		return;
	j = core_add_job(s->core, 0, kind, v, s->spokes[spoke].name, s->now);
	if (!j || (j->id < s->n_jobs && s->jobs[j->id]))
		return; /* not of this group; or wanted already */
	k = xcalloc(1, sizeof(*k));
	*k = (struct sim_job){.id = j->id,
			      .kind = kind,
			      .version = version_ref(v),
			      .spoke = spoke,
			      .group = group,
			      .file = file,
			      .job = j,
			      .answer_at = SIM_NEVER};
	keep(s, k);
}

/* What the hub does at start and after a reload: whatever is missing and has no job gets one. */
void sim_want_all(struct sim *s)
{
	for (unsigned i = 0; i < s->n_spokes; i++)
		for (unsigned g = 0; g < SIM_GROUPS; g++)
			for (unsigned f = 0; f < SIM_FILES; f++) {
				char group[8] = {'g', (char)('0' + g), 0},
				     path[8] = {(char)('a' + f), 0};
				struct job *j =
					core_job_of(s->core, s->spokes[i].name, group, path);

				/* Given up by itself or by a person: theirs to bring back. */
				if (j && core_job_given_up(j) && j->version == s->latest[g][f] &&
				    !s->calm)
					continue;
				sim_want(s, i, g, f);
			}
}

/* The spoke has done it, and its answer finds nobody. */
static void die_unheard(struct sim *s, struct sim_job *k)
{
	uint64_t *have = &s->spokes[k->spoke].have[k->group][k->file];

	if (!k->publishing || k->answer != OUTCOME_PUBLISHED || sim_chance(s, 50) ||
	    sim_in_sets(s, k->group))
		return;
	if (*have > k->version->id)
		sim_bad(s, k, "it is published over a newer one");
	*have = k->version->id;
	k->unheard = true;
	s->count[COUNT_FAULT_UNHEARD]++;
}

/* The hub dies and comes back: what a database would have kept is there, and nothing else. */
void sim_restart(struct sim *s)
{
	struct config *cfg = config_ref(core_config(s->core));
	size_t n, live = s->n_live;
	const struct override *o = core_overrides(s->core, &n);
	struct core *fresh = core_new(cfg, sim_random(s));

	config_unref(cfg);
	core_ids_after(fresh, s->last_job, 0);
	for (size_t i = 0; i < n; i++) {
		struct override copy = o[i];

		copy.spoke = o[i].spoke ? xstrdup(o[i].spoke) : NULL;
		copy.group = o[i].group ? xstrdup(o[i].group) : NULL;
		copy.who = copy.why = NULL;
		core_override_add(fresh, &copy);
	}
	core_free(s->core);
	s->core = fresh;
	sim_sets_new(s);
	sim_say(s, "the hub is killed");
	for (unsigned i = 0; i < s->n_spokes; i++) {
		struct sim_spoke *p = &s->spokes[i];
		struct spoke_state *state = core_spoke(fresh, p->name);

		p->greet_at = SIM_NEVER;
		p->greeted = -SIM_NEVER;
		p->answered = s->now.mono.us;
		p->told = TOLD_DOWN;
		p->excused = true;
		/* Of one that is not in the configuration nothing is kept, in the database as here.
		 */
		if (state && p->zone && core_spoke_zone(fresh, state, p->zone_name) < 0)
			sim_fail(s, "the zone %s was known", p->zone_name);
		if (!state)
			p->zone = NULL;
	}
	s->n_live = s->n_busy = 0;
	for (size_t i = 0; i < live; i++) {
		struct sim_job *k = s->live[i];

		die_unheard(s, k);
		k->push = k->stopping = k->publishing = k->cancelled = false;
		k->answer_at = SIM_NEVER;
		k->last = OUTCOME_STOPPED;
		k->again = 0;
		k->rate = 0;
		k->job = core_add_job(s->core, k->id, k->kind, k->version, s->spokes[k->spoke].name,
				      s->now);
		if (!k->job || k->job->id != k->id) {
			k->over = true;
			continue;
		}
		k->job->done_bytes = k->done;
		s->live[s->n_live++] = k;
	}
	s->count[COUNT_FAULT_RESTART]++;
	sim_want_all(s);
}
