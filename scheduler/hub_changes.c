/*
 * hub_changes.c: see hub_changes.h.
 */
#include "scheduler/hub_changes.h"

/* A few questions an hour: words pass in closed windows too, within their 64 KiB. */
#define WAIT_S 300u
#define MANY   10

static void answered(void *arg, const struct peer_answer *a, uint64_t seq)
{
	struct hub_spoke *s = arg;
	struct hub *h = s->hub;

	s->changes = NULL;
	/* It may be of a version that does not tell; else the next greeting asks anew. */
	s->changes_mute = a->error == PEER_REFUSED;
	if (a->error != PEER_OK)
		return;
	if (seq != s->changes_seen) {
		s->changes_seen = seq;
		core_fact_spoke_changed(h->core, s->state);
		hub_kick(h);
	}
	hub_changes_ask(s);
}

/* One a second, after some that follow each other: whatever a spoke answers, it is not asked, and
 * jobs are not tried, without a pause. */
static bool too_often(struct hub_spoke *s)
{
	struct mono now = daemon_now().mono;

	s->changes_next.us = MAX(s->changes_next.us, now.us);
	if (s->changes_next.us - now.us > MANY * SECOND_US)
		return true; /* after the next greeting */
	s->changes_next.us += SECOND_US;
	return false;
}

void hub_changes_ask(struct hub_spoke *s)
{
	if (s->changes || s->changes_mute || s->hub->stopping || !s->state || !s->state->up ||
	    !core_spoke_awaited(s->state) || too_often(s))
		return;
	s->changes = peer_changes(s->peer, s->changes_seen, WAIT_S, answered, s);
}

void hub_changes_end(struct hub_spoke *s)
{
	if (s->changes)
		peer_call_cancel(s->changes);
	s->changes = NULL;
	s->changes_mute = false; /* another version may come back */
}
