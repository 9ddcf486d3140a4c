/*
 * plan_lane.c: one lane in the pass: is it open, at what numbers, and until when; what runs in it
 * is stopped when it closes, and what waits in it says why.
 */
#include "scheduler/core_impl.h"

#include "policy/retry.h"

const struct rate_chain *lane_chain(struct core *c, struct lane *l, struct now now)
{
	const struct rate_facts facts = {.spoke_zone = l->spoke->pub.zone,
					 .overrides = c->overrides,
					 .n_overrides = c->n_overrides,
					 .now_only = !c->forward};

	/* A clock that was set back makes it as void as one that went on. */
	if (l->chain_valid && l->chain_gen == c->gen && l->chain_from.s <= now.wall.s &&
	    now.wall.s < l->chain.until.s)
		return &l->chain;
	rate_in_force(c->cfg, &facts, l->spoke->pub.cfg, l->cfg, now, &l->chain);
	/* What changes behind a closed door changes nothing. */
	if (c->forward && !l->chain.open)
		l->chain.until = l->chain.opens;
	l->chain_from = now.wall;
	l->chain_gen = c->gen;
	l->chain_valid = true;
	return &l->chain;
}

static unsigned closed_waits(const struct rate_chain *ch)
{
	if (ch->open)
		return 0;
	switch (ch->reason) {
	case RATE_PAUSED:
		return WAIT_PAUSED;
	case RATE_ZONE:
		return WAIT_ZONE;
	case RATE_OPEN:
	case RATE_WINDOW:
	case RATE_HUB_WINDOW:
		break;
	}
	return WAIT_WINDOW;
}

/* Its first job comes, and it is open. While nothing waited, nobody asked for the spoke when that
 * began: its next greeting is as far off as it was set behind the closed door. */
static void found_open(struct core *c, struct lane *l, bool by_person, struct now now)
{
	struct spoke *s = l->spoke;
	struct mono at = mono_after(s->greeted, c->cfg->retry_min_us);

	if (s->pub.up)
		return;
	if (by_person) {
		s->greet_asked = true;
		return;
	}
	if (!s->greeted_ever || s->greeting || !s->greet.pos)
		return;
	if (at.us <= now.mono.us) {
		s->greet_due = true;
	} else if (s->greet.at.us > at.us) {
		due_set(&c->due, &s->greet, at);
		s->pub.retry_at = at;
	}
}

/* A window that opens is open for many at the same second: each starts a little later, at random. A
 * person's sync-now is obeyed at once. */
static void opened(struct core *c, struct lane *l, bool by_person, struct now now)
{
	struct spoke *s = l->spoke;
	struct mono at = now.mono;

	if (!by_person && c->cfg->start_jitter_us > 0) {
		at = mono_after(at, (int64_t)(core_random(c) % (uint64_t)c->cfg->start_jitter_us));
		due_set(&c->due, &l->start, at);
	}
	if (s->pub.up)
		return;
	/* Nothing can start before the spoke has answered. */
	if (by_person) {
		s->greet_asked = true;
	} else if (!s->greet.pos || s->greet.at.us > at.us) {
		due_set(&c->due, &s->greet, at);
		s->pub.retry_at = at;
	}
}

static void stop_closed(struct core *c, struct lane *l, unsigned closed, struct now now)
{
	struct job *j;

	TAILQ_FOREACH (j, &l->spoke->active, by_list) {
		if (j->lane != l || !j->running)
			continue;
		if (!j->stopping && closed)
			plan_stop(c, j, closed, now);
		else if (j->stopping && j->wish != WISH_CANCEL && !j->superseded)
			/* Open again before its end came: its own old push has the slot. */
			job_set_state(c, j, JOB_PAUSED, closed ? closed : WAIT_SLOT, now);
	}
}

/* What is under one override, or one policy, shares its rate. Where another has come to govern, the
 * same number is another limit: what runs and what starts now must not have it each. */
static uint64_t limit_key(const struct rate_chain *ch)
{
	if (ch->override)
		return ch->override->id;
	return ch->governing ? core_mix(CORE_MIX, ch->governing->name) : 0;
}

void lane_told(struct lane *l)
{
	l->told = true;
	l->told_hub = l->chain.hub;
	l->told_spoke = l->chain.spoke;
	l->told_policy = l->chain.policy;
	l->told_key = limit_key(&l->chain);
}

static void tell_rates(struct core *c, struct lane *l)
{
	const struct rate_chain *ch = &l->chain;
	struct todo t = {.kind = ACTION_RATES};

	if (!l->running) {
		l->told = false;
		return;
	}
	if (!ch->open || (l->told && l->told_hub == ch->hub && l->told_spoke == ch->spoke &&
			  l->told_policy == ch->policy && l->told_key == limit_key(ch)))
		return;
	if (l->told) {
		t.lane = l;
		plan_todo(c, &t);
	}
	/* Not told before: each start looked them up. */
	lane_told(l);
}

void lane_look(struct core *c, struct lane *l, struct now now)
{
	const struct spoke_state *s = &l->spoke->pub;
	const struct rate_chain *ch;
	bool by_person;

	if (!l->n_live || !l->cfg) {
		l->known = l->told = false;
		due_clear(&c->due, &l->start);
		return;
	}
	ch = lane_chain(c, l, now);
	by_person = ch->override && ch->override->kind == OVERRIDE_SYNC_NOW;
	if (ch->open && (!l->known || !l->open)) {
		/* Without a job for a while, and no edge in between: it is the same one. */
		l->openings += l->open_till.s <= now.wall.s;
		l->opened = now.wall;
		if (l->known)
			opened(c, l, by_person, now);
		else
			found_open(c, l, by_person, now);
	}
	if (!ch->open || by_person)
		due_clear(&c->due, &l->start);
	l->known = true;
	l->open = ch->open;
	l->open_till = ch->open ? ch->until : (struct wall){0};
	l->block = closed_waits(ch);
	if (!s->up)
		l->block |= s->key_refused ? WAIT_KEY : WAIT_SPOKE_DOWN;
	if (l->start.pos)
		l->block |= WAIT_START;
	if (l->running)
		stop_closed(c, l, closed_waits(ch), now);
	tell_rates(c, l);
}

static void set_waits(struct core *c, struct job *j, unsigned waits, struct now now)
{
	job_set_state(c, j, job_idle_state(j), waits, now);
}

/* What is left after the starts waits for what blocks the lane, or for a slot. */
void lane_apply_waits(struct core *c, struct lane *l, struct now now)
{
	unsigned waits = l->block ? l->block : WAIT_SLOT;
	struct job *j;

	if (waits != l->waits) {
		for (unsigned i = 0; i < ARRAY_LEN(l->ready); i++)
			TAILQ_FOREACH (j, &l->ready[i], by_list) {
				if (j->waits == waits)
					continue;
				if (!c->budget) {
					c->more = true;
					return;
				}
				c->budget--;
				set_waits(c, j, waits, now);
			}
		l->waits = waits;
	}
	for (unsigned i = 0; i < ARRAY_LEN(l->fresh); i++)
		while ((j = TAILQ_FIRST(&l->fresh[i]))) {
			if (!c->budget) {
				c->more = true;
				return;
			}
			c->budget--;
			set_waits(c, j, waits, now);
			job_place(c, j, PLACE_READY);
		}
}
