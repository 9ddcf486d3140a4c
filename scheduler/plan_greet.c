/*
 * plan_greet.c: words: when to greet a spoke, and what wants a publication only. Words may pass in
 * closed windows, within RULES.md: there a greeting comes at most every ten minutes. A spoke that
 * is up is greeted too, so that its zone, space and inventory stay fresh.
 */
#include "scheduler/core_impl.h"

#include "policy/retry.h"

/* 0: it may go now. */
static unsigned words_wait(struct core *c, struct spoke *s, struct job *j, struct now now)
{
	unsigned waits = set_holds(c, j, now) ? WAIT_SET : 0;

	if (!s->pub.up)
		return waits | (s->pub.key_refused ? WAIT_KEY : WAIT_SPOKE_DOWN);
	return waits || s->publishing < CORE_WORDS_MAX ? waits : WAIT_SLOT;
}

void plan_words(struct core *c, struct spoke *s, struct now now)
{
	struct job *j = TAILQ_FIRST(&s->words), *next;
	unsigned waits;

	for (; j; j = next) {
		waits = words_wait(c, s, j, now);
		next = TAILQ_NEXT(j, by_list);
		if (waits) {
			job_set_state(c, j, job_idle_state(j), waits, now);
			continue;
		}
		set_publish(c, j, now);
		/* Others of its set went with it, perhaps the next one too. */
		next = TAILQ_FIRST(&s->words);
	}
}

/* Open for any of its groups? By the lanes' chains, which are kept until the next edge. */
static bool is_open(struct core *c, struct spoke *s, struct now now)
{
	for (size_t i = 0; i < c->cfg->n_groups; i++) {
		struct lane *l = core_lane(c, s, c->cfg->groups[i].name);

		if (l && lane_chain(c, l, now)->open)
			return true;
	}
	return false;
}

static void arm(struct core *c, struct spoke *s, struct mono at)
{
	due_set(&c->due, &s->greet, at);
	s->pub.retry_at = at;
	s->greet_due = false;
}

/* One is under way: that long is for an answer that is lost, and nothing that anybody waits for. */
static void arm_answer(struct core *c, struct spoke *s)
{
	arm(c, s, mono_after(s->greeted, CORE_GREET_ANSWER));
	s->pub.retry_at = MONO_NEVER;
}

/*
 * Waits double, but none is longer than the outage was so far, and ten seconds: whatever its
 * length, it is over for us before that has passed once more.
 */
static int64_t down_wait(struct core *c, const struct spoke *s, struct now now)
{
	int64_t outage = now.mono.us - s->down_since.us + CORE_GREET_SLACK;

	return retry_delay(s->pub.tries, c->cfg->retry_min_us, MIN(c->cfg->retry_max_us, outage),
			   core_random(c));
}

/* Facts came: when next? */
static void time_next(struct core *c, struct spoke *s, struct now now)
{
	struct mono allowed = mono_after(s->greeted, CORE_GREET_CLOSED);
	int64_t wait;

	s->rearm = false;
	if (s->pub.up) {
		wait = s->pub.n_jobs ? CORE_GREET_BUSY : CORE_GREET_IDLE;
		if (!is_open(c, s, now))
			wait = CORE_GREET_CLOSED;
		/* Spread, so that a fleet that started together does not greet together; and on
		 * full minutes, so that a thousand idle spokes wake the hub once a minute. */
		wait += (int64_t)(core_random(c) % (uint64_t)(wait / 8));
	} else {
		wait = down_wait(c, s, now);
		/* What may not be done then need not be waited for. */
		if (mono_after(now.mono, wait).us < allowed.us && !is_open(c, s, now)) {
			arm(c, s, core_minute(allowed));
			return;
		}
	}
	arm(c, s, s->pub.up ? core_minute(mono_after(now.mono, wait)) : mono_after(now.mono, wait));
}

/* Whether there is cause for a greeting now. What a sync-now asked for may have had to wait for the
 * answer to another one; where all is closed again by then, that cause is gone. */
static bool is_wanted(struct core *c, struct spoke *s, struct now now)
{
	bool asked = s->greet_asked && is_open(c, s, now);

	s->greet_asked = false;
	return s->greet_due || s->greet_force || asked;
}

void plan_greet(struct core *c, struct spoke *s, struct now now)
{
	struct todo t = {.kind = ACTION_GREET, .spoke = s};
	struct mono allowed = mono_after(s->greeted, CORE_GREET_CLOSED);

	if (c->forward)
		return;
	if (s->rearm)
		time_next(c, s, now);
	if (s->greeting && now.mono.us < mono_after(s->greeted, CORE_GREET_ANSWER).us) {
		if (s->greet_due)
			arm_answer(c, s);
		return;
	}
	if (!is_wanted(c, s, now))
		return;
	if (!s->greet_force && s->greeted_ever && now.mono.us < allowed.us && !is_open(c, s, now)) {
		arm(c, s, core_minute(allowed));
		return;
	}
	s->greet_force = false;
	s->greeted_ever = true;
	s->greeting = true;
	s->greeted = now.mono;
	arm_answer(c, s);
	plan_todo(c, &t);
}
