/*
 * greetings.c: see greetings.h. Counts and queues only: who greets is peers.c.
 */
#include "scheduler/greetings.h"

void greetings_init(struct greetings *g)
{
	*g = (struct greetings){0};
	TAILQ_INIT(&g->waiting);
	TAILQ_INIT(&g->waiting_silent);
}

void greetings_ask(struct greetings *g, struct greet_turn *t, bool silent)
{
	if (t->state != TURN_NONE)
		return;
	t->state = TURN_WAITS;
	t->silent = silent;
	TAILQ_INSERT_TAIL(silent ? &g->waiting_silent : &g->waiting, t, entry);
}

static void leave_queue(struct greetings *g, struct greet_turn *t)
{
	TAILQ_REMOVE(t->silent ? &g->waiting_silent : &g->waiting, t, entry);
}

struct greet_turn *greetings_next(struct greetings *g)
{
	struct greet_turn *t = TAILQ_FIRST(&g->waiting);

	if (!t && g->silent < GREETINGS_SILENT)
		t = TAILQ_FIRST(&g->waiting_silent);
	if (!t || g->running >= GREETINGS_MAX)
		return NULL;
	leave_queue(g, t);
	t->state = TURN_RUNS;
	g->running++;
	g->silent += t->silent;
	return t;
}

void greetings_end(struct greetings *g, struct greet_turn *t)
{
	if (t->state == TURN_WAITS)
		leave_queue(g, t);
	if (t->state == TURN_RUNS) {
		g->running--;
		g->silent -= t->silent;
	}
	t->state = TURN_NONE;
}
