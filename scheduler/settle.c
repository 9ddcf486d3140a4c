/*
 * settle.c: see settle.h. No clock, no file: the tests never sleep.
 */
#include "scheduler/settle.h"

bool settle_due(const struct settle *s, int64_t settle_us, struct mono now)
{
	return s->any && now.us - s->since.us >= settle_us;
}

void settle_restart(struct settle *s, struct mono now)
{
	s->since = now;
	s->held = NULL;
	s->times = 0;
}

static bool settle_same(const struct settle *s, const struct settle_look *look)
{
	if (!s->any || s->gone != look->gone)
		return false;
	return look->gone || identity_equal(&s->seen, &look->identity);
}

/* So that `settle = 0` does not make a busy loop of what is in use. */
static int64_t settle_least(int64_t settle_us)
{
	return MAX(settle_us, SECOND_US);
}

static enum settle_verdict settle_hold(struct settle *s, const struct guard *guard,
				       int64_t settle_us, struct mono now, struct mono *ret_due)
{
	int64_t wait = settle_least(settle_us);

	for (unsigned i = 0; i < s->times && wait < SETTLE_RELOOK; i++)
		wait *= 2;
	if (wait > settle_us)
		wait = MAX(MIN(wait, SETTLE_RELOOK), settle_us);
	s->since = now;
	s->held = guard;
	s->times++;
	ret_due->us = now.us + wait;
	return SETTLE_HELD;
}

enum settle_verdict settle_look(struct settle *s, const struct settle_look *look, int64_t settle_us,
				struct mono now, struct mono *ret_due)
{
	if (!settle_same(s, look)) {
		s->any = true;
		s->gone = look->gone;
		s->seen = look->identity;
		settle_restart(s, now);
		if (settle_us > 0) {
			ret_due->us = now.us + settle_us;
			return SETTLE_CHANGING;
		}
	}
	if (!settle_due(s, settle_us, now) || (!look->asked && !look->gone)) {
		ret_due->us = s->since.us + (s->held ? settle_least(settle_us) : settle_us);
		return SETTLE_WAITING;
	}
	if (look->guard)
		return settle_hold(s, look->guard, settle_us, now, ret_due);
	s->held = NULL;
	*ret_due = now;
	return SETTLE_DONE;
}

const char *settle_words(const struct settle *s)
{
	if (s->held)
		return guard_says(s->held);
	if (s->gone)
		return "gone; its deletion settles";
	return "changed a moment ago; it settles";
}
