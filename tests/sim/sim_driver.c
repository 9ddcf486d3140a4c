/*
 * sim_driver.c: the hub of the simulation: performs what the core wants, moves bytes in straight
 * segments, answers, and keeps what a database would keep.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

static unsigned spoke_index(const struct sim *s, const char *name)
{
	for (unsigned i = 0; i < s->n_spokes; i++)
		if (!strcmp(s->spokes[i].name, name))
			return i;
	sim_fail(s, "a spoke %s that nobody has", name);
}

static struct sim_job *job_of(struct sim *s, const struct job *j)
{
	struct sim_job *k = j->id < s->n_jobs ? s->jobs[j->id] : NULL;

	if (!k || k->job != j)
		sim_fail(s, "an action for job %llu, which is not known",
			 (unsigned long long)j->id);
	if (k->over)
		sim_fail(s, "an action for job %llu, which is over", (unsigned long long)j->id);
	return k;
}

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
			      .answer_at = SIM_NEVER,
			      .start_until = SIM_NEVER};
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
				if (j && (j->state == JOB_FAILED || j->state == JOB_CANCELLED) &&
				    j->version == s->latest[g][f] && !s->calm)
					continue;
				sim_want(s, i, g, f);
			}
}

static void look_up_rates(struct sim *s, struct sim_job *k)
{
	struct rate_chain chain;
	const struct group_cfg *g = config_group(core_config(s->core), k->version->group);

	core_rates(s->core, k->job->spoke, g, s->now, &chain);
	k->hub = chain.hub;
	k->spoke_rate = chain.spoke;
	k->policy = chain.policy;
}

static struct sim_fate any_fate(struct sim *s, const struct sim_job *k)
{
	static const enum job_outcome bad[] = {OUTCOME_RETRY,  OUTCOME_RETRY,	 OUTCOME_RETRY,
					       OUTCOME_AGAIN,  OUTCOME_SPACE,	 OUTCOME_KEY,
					       OUTCOME_FAILED, OUTCOME_PEER_DOWN};
	uint64_t left = k->version->size - k->done;

	if (s->calm || !sim_chance(s, 25))
		return (struct sim_fate){OUTCOME_STAGED, k->version->size};
	return (struct sim_fate){bad[sim_below(s, ARRAY_LEN(bad))],
				 k->done + (left ? sim_below(s, left) : 0)};
}

bool sim_large(const struct sim_job *k)
{
	return k->version->size - MIN(k->done, k->version->size) > SIM_SMALL;
}

static void start(struct sim *s, struct sim_job *k)
{
	if (k->push || k->publishing || k->kind != JOB_PUT)
		sim_fail(s, "job %llu was started and cannot be", (unsigned long long)k->id);
	k->push = true;
	k->large = sim_large(k);
	k->stopping = false;
	k->fate = any_fate(s, k);
	look_up_rates(s, k);
	k->answer_at = SIM_NEVER;
	if (!s->spokes[k->spoke].reachable) {
		k->answer_at = s->now.mono.us + (int64_t)sim_below(s, 60 * SECOND_US);
		k->answer = OUTCOME_PEER_DOWN;
	}
	s->starts++;
}

static void stop(struct sim *s, struct sim_job *k)
{
	if (!k->push || k->stopping)
		sim_fail(s, "job %llu was stopped and does not run", (unsigned long long)k->id);
	k->stopping = true;
	k->answer_at = s->now.mono.us + (int64_t)sim_below(s, SECOND_US);
	/* Its own end may cross the order. */
	k->answer = sim_chance(s, 10) ? OUTCOME_RETRY : OUTCOME_STOPPED;
	s->stops++;
}

static void publish(struct sim *s, struct sim_job *k)
{
	if (k->push || k->publishing ||
	    (k->kind == JOB_PUT && k->last != OUTCOME_STAGED && k->job->state != JOB_STAGED))
		sim_fail(s, "job %llu is to be published and cannot be", (unsigned long long)k->id);
	k->publishing = true;
	k->answer_at = s->now.mono.us + 50000 + (int64_t)sim_below(s, 3 * SECOND_US);
	k->answer = OUTCOME_PUBLISHED;
	if (!s->spokes[k->spoke].reachable)
		k->answer = OUTCOME_PEER_DOWN;
	else if (!s->calm && sim_chance(s, 10))
		k->answer = sim_chance(s, 50) ? OUTCOME_IN_USE : OUTCOME_RETRY;
}

static void answer_greeting(struct sim *s, struct sim_spoke *p)
{
	struct spoke_state *state = core_spoke(s->core, p->name);

	p->greet_at = SIM_NEVER;
	if (!state)
		return; /* taken out of the configuration meanwhile */
	if (p->reachable) {
		core_fact_spoke_up(s->core, state, p->zone, s->now);
		if (s->calm || sim_chance(s, 20))
			core_fact_spoke_changed(s->core, state);
	} else {
		core_fact_spoke_down(s->core, state, false, "no answer", s->now);
	}
}

static void greet(struct sim *s, struct sim_spoke *p)
{
	if (p->greet_at != SIM_NEVER)
		sim_fail(s, "%s is greeted while it is being greeted", p->name);
	p->greeted = s->now.mono.us;
	s->greets++;
	/* Most are answered, or refused, within the instant; the others on whole seconds. */
	if (sim_chance(s, 80)) {
		answer_greeting(s, p);
		return;
	}
	p->greet_at = s->now.mono.us / SECOND_US * SECOND_US;
	p->greet_at += (p->reachable ? 1 + (int64_t)sim_below(s, 2) : 20) * SECOND_US;
}

static void drop_live(struct sim *s, struct sim_job *k)
{
	for (size_t i = 0; i < s->n_live; i++)
		if (s->live[i] == k) {
			s->live[i] = s->live[--s->n_live];
			return;
		}
}

static void changed(struct sim *s, struct sim_job *k, const struct action *a)
{
	char waits[200];

	sim_say(s, "job %llu %s:%s/%s %s -> %s (%s) %s", (unsigned long long)k->id,
		s->spokes[k->spoke].name, k->version->group, k->version->path,
		job_state_word(a->old_state), job_state_word(a->job->state),
		wait_words(a->job->waits, waits, sizeof(waits)), a->job->reason);
	if (!(a->job->waits & WAIT_START))
		k->start_until = SIM_NEVER;
	else if (k->start_until == SIM_NEVER)
		k->start_until = s->now.mono.us + core_config(s->core)->start_jitter_us;
	if (!job_over(a->job))
		return;
	if (k->push || k->publishing)
		sim_fail(s, "job %llu is over and still runs", (unsigned long long)k->id);
	k->over = true;
	drop_live(s, k);
}

static void tell_rates(struct sim *s, const struct action *a)
{
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_job *k = s->live[i];

		if (k->push && k->job->spoke == a->spoke &&
		    !strcmp(k->version->group, a->group->name))
			look_up_rates(s, k);
	}
}

void sim_perform(void *arg, const struct action *a)
{
	struct sim *s = arg;

	s->actions++;
	switch (a->kind) {
	case ACTION_GREET:
		greet(s, &s->spokes[spoke_index(s, a->spoke->name)]);
		break;
	case ACTION_START:
		start(s, job_of(s, a->job));
		break;
	case ACTION_STOP:
		stop(s, job_of(s, a->job));
		break;
	case ACTION_PUBLISH:
		publish(s, job_of(s, a->job));
		break;
	case ACTION_RATES:
		tell_rates(s, a);
		break;
	case ACTION_CHANGED:
		/* One that is brought back by a person. */
		if (s->jobs[a->job->id] && s->jobs[a->job->id]->over && !job_over(a->job)) {
			s->jobs[a->job->id]->over = false;
			s->live = xrealloc(s->live, (s->n_live + 1) * sizeof(struct sim_job *));
			s->live[s->n_live++] = s->jobs[a->job->id];
		}
		changed(s, job_of(s, a->job), a);
		break;
	case ACTION_LATE:
		s->late++;
		break;
	case ACTION_OVERRIDE_ENDED:
		sim_say(s, "override %llu ended", (unsigned long long)a->override.id);
		break;
	}
}

static double share(uint64_t rate, unsigned n)
{
	return rate == RATE_UNLIMITED ? 1e12 : (double)rate / n;
}

/* Rates of this moment; when is the next push where its fate wants it? */
static int64_t set_rates(struct sim *s)
{
	unsigned all = 0, on[SIM_SPOKES] = {0}, lane[SIM_SPOKES][SIM_GROUPS] = {{0}};
	int64_t next = SIM_NEVER;

	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *k = s->live[i];

		if (!k->push || k->stopping)
			continue;
		all++;
		on[k->spoke]++;
		lane[k->spoke][k->group]++;
	}
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_job *k = s->live[i];
		int64_t us;

		k->rate = 0;
		if (!k->push || k->stopping || k->answer_at != SIM_NEVER)
			continue;
		k->rate = MIN(share(k->hub, all), share(k->spoke_rate, on[k->spoke]));
		k->rate = MIN(k->rate, share(k->policy, lane[k->spoke][k->group]));
		k->rate = MIN(k->rate, s->spokes[k->spoke].link / on[k->spoke]);
		us = 1 + (int64_t)((double)(k->fate.at - k->done) / k->rate * SECOND_US);
		next = MIN(next, s->now.mono.us + us);
	}
	return next;
}

int64_t sim_next_segment(struct sim *s)
{
	int64_t next = set_rates(s);

	for (size_t i = 0; i < s->n_live; i++)
		next = MIN(next, s->live[i]->answer_at);
	for (unsigned i = 0; i < s->n_spokes; i++)
		next = MIN(next, s->spokes[i].greet_at);
	for (unsigned i = 0; i < s->n_indexing; i++)
		next = MIN(next, s->indexed_at[i]);
	return next;
}

void sim_segment(struct sim *s, int64_t us)
{
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_job *k = s->live[i];
		uint64_t moved = (uint64_t)(k->rate * (double)us / SECOND_US + 0.5);

		if (!k->push || k->stopping || k->rate <= 0)
			continue;
		moved = MIN(moved, k->fate.at - k->done);
		k->done += moved;
		s->bytes += moved;
		if (moved)
			core_fact_progress(s->core, k->job, k->done, k->version->size, s->now);
	}
}

static void end(struct sim *s, struct sim_job *k, enum job_outcome o)
{
	k->push = k->stopping = k->publishing = false;
	k->answer_at = SIM_NEVER;
	k->last = o;
	k->last_at = s->now.mono.us;
	if (o == OUTCOME_PUBLISHED) {
		uint64_t *have = &s->spokes[k->spoke].have[k->group][k->file];

		if (*have >= k->version->id)
			sim_fail(s, "%s: version %llu published over %llu",
				 s->spokes[k->spoke].name, (unsigned long long)k->version->id,
				 (unsigned long long)*have);
		*have = k->version->id;
		s->published++;
	}
	core_fact_ended(s->core, k->job, o, NULL, s->now);
}

void sim_answers(struct sim *s)
{
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_job *k = s->live[i];

		if (k->answer_at <= s->now.mono.us)
			end(s, k, k->answer);
		else if (k->push && !k->stopping && k->answer_at == SIM_NEVER &&
			 k->done >= k->fate.at)
			end(s, k, k->fate.outcome);
	}
	for (unsigned i = 0; i < s->n_spokes; i++)
		if (s->spokes[i].greet_at <= s->now.mono.us)
			answer_greeting(s, &s->spokes[i]);
	for (unsigned i = 0; i < s->n_indexing;) {
		if (s->indexed_at[i] > s->now.mono.us) {
			i++;
			continue;
		}
		core_fact_indexed(s->core, s->indexing[i]);
		version_unref(s->indexing[i]);
		s->n_indexing--;
		s->indexing[i] = s->indexing[s->n_indexing];
		s->indexed_at[i] = s->indexed_at[s->n_indexing];
	}
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
	sim_forget(s);
	for (unsigned i = 0; i < s->n_spokes; i++) {
		s->spokes[i].greet_at = SIM_NEVER;
		s->spokes[i].greeted = -SIM_NEVER;
	}
	s->n_live = 0;
	for (size_t i = 0; i < live; i++) {
		struct sim_job *k = s->live[i];

		k->push = k->stopping = k->publishing = false;
		k->answer_at = k->start_until = SIM_NEVER;
		k->last = OUTCOME_STOPPED;
		k->job = core_add_job(s->core, k->id, k->kind, k->version, s->spokes[k->spoke].name,
				      s->now);
		if (!k->job || k->job->id != k->id) {
			k->over = true;
			continue;
		}
		k->job->done_bytes = k->done;
		s->live[s->n_live++] = k;
	}
	s->restarts++;
	sim_want_all(s);
}
