/*
 * sim_driver.c: the hub of the simulation: performs what the core wants, and answers. What it knows
 * of its jobs is in sim_kept.c.
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

/* As the daemon does: when it starts, and when the core says that they changed. */
static void look_up_rates(struct sim *s, struct sim_job *k)
{
	struct rate_chain chain;

	core_rates(s->core, k->job->spoke, s->groups[k->group], s->now, &chain);
	k->told = (struct sim_rates){
		.open = chain.open,
		.by_person = chain.override != NULL,
		.why = chain.reason,
		.hub = chain.hub,
		.spoke = chain.spoke,
		.policy = chain.policy,
		.key = sim_key(chain.override, chain.governing),
	};
}

static struct sim_fate any_fate(struct sim *s, const struct sim_job *k)
{
	static const enum job_outcome bad[] = {OUTCOME_RETRY,  OUTCOME_RETRY,	 OUTCOME_RETRY,
					       OUTCOME_AGAIN,  OUTCOME_AGAIN,	 OUTCOME_SPACE,
					       OUTCOME_FAILED, OUTCOME_PEER_DOWN};
	uint64_t left = k->version->size - k->done;

	if (s->spokes[k->spoke].full)
		return (struct sim_fate){OUTCOME_SPACE, k->done};
	if (s->calm || !sim_chance(s, 25))
		return (struct sim_fate){OUTCOME_STAGED, k->version->size};
	s->count[COUNT_FAULT_PUSH]++;
	/* Bases that change under it again and again, without a byte between. */
	if (sim_chance(s, 5) || (k->again && sim_chance(s, 90)))
		return (struct sim_fate){OUTCOME_AGAIN, k->done};
	return (struct sim_fate){bad[sim_below(s, ARRAY_LEN(bad))],
				 k->done + (left ? sim_below(s, left) : 0)};
}

bool sim_large(const struct sim_job *k)
{
	return k->version->size - MIN(k->done, k->version->size) > SIM_SMALL;
}

static void work(struct sim *s, struct sim_job *k)
{
	s->busy = xrealloc(s->busy, (s->n_busy + 1) * sizeof(struct sim_job *));
	s->busy[s->n_busy++] = k;
}

static void rest(struct sim *s, const struct sim_job *k)
{
	for (size_t i = 0; i < s->n_busy; i++)
		if (s->busy[i] == k) {
			s->busy[i] = s->busy[--s->n_busy];
			return;
		}
}

static void start(struct sim *s, struct sim_job *k)
{
	if (k->push || k->publishing || k->kind != JOB_PUT)
		sim_bad(s, k, "it was started and cannot be");
	sim_check_start(s, k);
	work(s, k);
	k->push = true;
	k->large = sim_large(k);
	k->stopping = false;
	k->fate = any_fate(s, k);
	look_up_rates(s, k);
	k->answer_at = SIM_NEVER;
	if (!s->spokes[k->spoke].reachable) {
		k->answer_at = sim_within(s, 60);
		k->answer = OUTCOME_PEER_DOWN;
	} else if (s->spokes[k->spoke].bad_key) {
		k->answer_at = sim_within(s, 2);
		k->answer = OUTCOME_KEY;
	}
	s->count[COUNT_STARTS]++;
}

static void stop(struct sim *s, struct sim_job *k)
{
	if (!k->push || k->stopping)
		sim_bad(s, k, "it was stopped and does not run");
	sim_check_stop(s, k);
	k->stopping = true;
	k->answer_at = sim_within(s, 1);
	/* Its own end may cross the order. */
	k->answer = sim_chance(s, 10) ? OUTCOME_RETRY : OUTCOME_STOPPED;
	s->count[COUNT_STOPS]++;
}

static void begin_publication(struct sim *s, struct sim_job *k)
{
	if (k->push || k->publishing ||
	    (k->kind == JOB_PUT && k->last != OUTCOME_STAGED && k->job->state != JOB_STAGED))
		sim_bad(s, k, "it is to be published and cannot be");
	work(s, k);
	k->publishing = true;
}

static void publish(struct sim *s, struct sim_job *k)
{
	begin_publication(s, k);
	/* Some wait for a disk that is busy. */
	k->answer_at = sim_within(s, sim_chance(s, 5) ? 120 : 3) + 50000;
	k->answer = OUTCOME_PUBLISHED;
	if (!s->spokes[k->spoke].reachable)
		k->answer = OUTCOME_PEER_DOWN;
	else if (s->spokes[k->spoke].bad_key)
		k->answer = OUTCOME_KEY;
	else if (!s->calm && sim_chance(s, 10))
		k->answer = sim_chance(s, 50) ? OUTCOME_IN_USE : OUTCOME_RETRY;
	else if (!s->calm && !s->kill && sim_below(s, 300) == 0) {
		s->kill = true;
		s->event_at = MIN(s->event_at, k->answer_at - 1);
	}
	for (unsigned f = 0; f < SIM_FILES; f++) {
		struct sim_job *o = sim_set_job(s, k, f);

		if (!o)
			continue;
		begin_publication(s, o);
		o->answer_at = k->answer_at;
		o->answer = k->answer == OUTCOME_IN_USE || k->answer == OUTCOME_RETRY ? OUTCOME_SET
										      : k->answer;
	}
	if (!sim_in_sets(s, k->group))
		return;
	sim_check_set(s, k);
	s->count[COUNT_SETS]++;
}

static void greet(struct sim *s, struct sim_spoke *p)
{
	if (p->greet_at != SIM_NEVER)
		sim_fail(s, "%s is greeted while it is being greeted", p->name);
	sim_check_greeting(s, p);
	p->greeted = s->now.mono.us;
	p->excused = false;
	sim_say(s, "%s is greeted", p->name);
	s->count[COUNT_GREETS]++;
	/* Most are answered, or refused, within the instant; the others on whole seconds. */
	if (sim_chance(s, 80)) {
		sim_answer_greeting(s, p);
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
	if (!job_over(a->job))
		return;
	if (k->push || k->publishing)
		sim_fail(s, "job %llu is over and still runs", (unsigned long long)k->id);
	k->over = true;
	s->count[COUNT_SUPERSEDED] += a->job->state == JOB_SUPERSEDED;
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
	case ACTION_LEFT:
		break;
	case ACTION_OVERRIDE_ENDED:
		sim_say(s, "override %llu ended", (unsigned long long)a->override.id);
		break;
	}
}

static void published(struct sim *s, struct sim_job *k)
{
	uint64_t *have = &s->spokes[k->spoke].have[k->group][k->file];

	/* Every request can be repeated, and this one is, after a hub's death only. */
	if (*have > k->version->id || (*have == k->version->id && !k->unheard))
		sim_bad(s, k, "it is published twice, or over a newer one");
	*have = k->version->id;
	s->count[COUNT_PUBLISHED]++;
}

void sim_end(struct sim *s, struct sim_job *k, enum job_outcome o)
{
	struct sim_spoke *p = &s->spokes[k->spoke];

	sim_say(s, "job %llu ends with %d, %llu bytes there", (unsigned long long)k->id, (int)o,
		(unsigned long long)k->done);
	rest(s, k);
	k->push = k->stopping = k->publishing = false;
	k->answer_at = SIM_NEVER;
	k->rate = 0;
	k->last = o;
	k->last_at = s->now.mono.us;
	k->again += o == OUTCOME_AGAIN;
	if (o == OUTCOME_PUBLISHED)
		published(s, k);
	if ((o == OUTCOME_PEER_DOWN || o == OUTCOME_KEY) && p->told == TOLD_UP) {
		p->told = o == OUTCOME_KEY ? TOLD_KEY : TOLD_DOWN;
		p->answered = s->now.mono.us;
	}
	core_fact_ended(s->core, k->job, o, NULL, s->now);
}
