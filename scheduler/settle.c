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
}

static bool settle_same(const struct settle *s, const struct settle_look *look)
{
	if (!s->any || s->gone != look->gone)
		return false;
	return look->gone || identity_equal(&s->seen, &look->identity);
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
	if (!settle_due(s, settle_us, now)) {
		ret_due->us = s->since.us + settle_us;
		return SETTLE_WAITING;
	}
	if (look->guard) {
		/* Not every writer changes the file often: an idle guest may hold it for days. At
		 * least a second, so that `settle = 0` does not make a busy loop of it. */
		settle_restart(s, now);
		s->held = look->guard;
		ret_due->us = now.us + MAX(settle_us, SECOND_US);
		return SETTLE_HELD;
	}
	s->held = NULL;
	*ret_due = now;
	return SETTLE_DONE;
}

const char *settle_words(const struct settle *s)
{
	if (s->held)
		return s->held;
	if (s->gone)
		return "gone; its deletion settles";
	return "changed a moment ago; it settles";
}
