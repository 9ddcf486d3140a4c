/*
 * share.c: whose turn it is. Knows neither buckets nor time.
 */
#include "transfer/share.h"

#define SHARE_SCALE ((int64_t)1024)
/* An item that once took far more than its turn must not be shut out for long. */
#define DEBT_MAX (2 * (int64_t)SHARE_TURN_MAX * SHARE_SCALE)

void share_init(struct share *s)
{
	TAILQ_INIT(&s->active);
	s->turn = NULL;
}

void share_item_init(struct share_item *i, unsigned weight)
{
	*i = (struct share_item){.weight = MIN(MAX(weight, 1u), SHARE_WEIGHT_MAX)};
}

void share_add(struct share *s, struct share_item *i)
{
	if (i->active)
		return;
	i->active = true;
	TAILQ_INSERT_TAIL(&s->active, i, entry);
}

void share_remove(struct share *s, struct share_item *i)
{
	if (!i->active)
		return;
	i->active = false;
	if (s->turn == i)
		s->turn = NULL;
	TAILQ_REMOVE(&s->active, i, entry);
}

static bool has_turn(const struct share_item *i)
{
	return i->able && i->deficit > 0;
}

struct share_item *share_next(struct share *s, uint64_t turn,
			      bool (*may)(void *arg, struct share_item *i), void *arg)
{
	struct share_item *i = s->turn;
	unsigned heaviest = 0;

	if (i && i->deficit > 0 && may(arg, i))
		return i;
	turn = MIN(MAX(turn, (uint64_t)1), SHARE_TURN_MAX);
	TAILQ_FOREACH (i, &s->active, entry) {
		i->able = may(arg, i);
		if (i->able)
			heaviest = MAX(heaviest, i->weight);
	}
	if (heaviest == 0)
		return NULL;
	/*
	 * A new round begins when all have used up theirs, so it does not matter that items leave
	 * between two pieces and come back at the tail. Ends: the heaviest gains a whole turn a
	 * round.
	 */
	for (;;) {
		TAILQ_FOREACH (i, &s->active, entry)
			if (has_turn(i))
				return s->turn = i;
		TAILQ_FOREACH (i, &s->active, entry)
			if (i->able)
				i->deficit += (int64_t)turn * SHARE_SCALE * i->weight / heaviest;
	}
}

void share_used(struct share_item *i, uint64_t bytes)
{
	int64_t n = (int64_t)MIN(bytes, (uint64_t)DEBT_MAX) * SHARE_SCALE;

	i->deficit = MAX(i->deficit - n, -DEBT_MAX);
}
