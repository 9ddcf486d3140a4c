/*
 * queue.c: the lists that jobs lie on. Each job is on one list that says what it waits for (its
 * place, core_impl.h), and, while unfinished, on its spoke's list in order of priority and age.
 * Parking a job and releasing it are O(1) but for the ordered lists, where a job nearly always
 * belongs at one of the ends: they are searched from both at once.
 */
#include "scheduler/core_impl.h"

#include "policy/order.h"

bool job_before(const struct job *a, const struct job *b)
{
	if (a->urgent != b->urgent)
		return order_sooner(a->urgent, b->urgent);
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->id < b->id;
}

#define INSERT_ORDERED(list, j, field)                                                       \
	do {                                                                                 \
		struct job *front_ = TAILQ_FIRST(list), *back_ = TAILQ_LAST(list, job_list); \
		for (;;) {                                                                   \
			if (!back_) {                                                        \
				TAILQ_INSERT_HEAD(list, j, field);                           \
				break;                                                       \
			}                                                                    \
			if (job_before(back_, j)) {                                          \
				TAILQ_INSERT_AFTER(list, back_, j, field);                   \
				break;                                                       \
			}                                                                    \
			if (job_before(j, front_)) {                                         \
				TAILQ_INSERT_BEFORE(front_, j, field);                       \
				break;                                                       \
			}                                                                    \
			back_ = TAILQ_PREV(back_, job_list, field);                          \
			front_ = TAILQ_NEXT(front_, field);                                  \
		}                                                                            \
	} while (0)

void queue_enter(struct job *j)
{
	INSERT_ORDERED(&j->spoke->jobs, j, by_spoke);
	j->spoke->n_jobs++;
	j->lane->n_live++;
}

void queue_leave(struct job *j)
{
	TAILQ_REMOVE(&j->spoke->jobs, j, by_spoke);
	j->spoke->n_jobs--;
	j->lane->n_live--;
}

static struct job_list *list_of(struct core *c, const struct job *j, enum place p)
{
	struct spoke *s = spoke_of(j->spoke);

	switch (p) {
	case PLACE_DIRTY:
		return &c->dirty;
	case PLACE_INDEXING:
		return &c->indexing;
	case PLACE_OLDER:
		return &c->older;
	case PLACE_FRESH:
		return &j->lane->fresh[j->small];
	case PLACE_READY:
		return &j->lane->ready[j->small];
	case PLACE_ACTIVE:
		return &s->active;
	case PLACE_WORDS:
		return &s->words;
	case PLACE_HELD:
		return &s->held;
	case PLACE_NONE:
	case PLACE_ENDED:
		break;
	}
	return NULL;
}

void job_place(struct core *c, struct job *j, enum place to)
{
	struct job_list *from = list_of(c, j, j->place), *list = list_of(c, j, to);

	if (j->place == to)
		return;
	c->changes++;
	if (from)
		TAILQ_REMOVE(from, j, by_list);
	if (j->place == PLACE_HELD)
		due_clear(&c->due, &j->due);
	j->place = to;
	if (to == PLACE_FRESH || to == PLACE_READY) {
		j->small = job_left(j) <= CORE_SMALL;
		list = list_of(c, j, to);
		INSERT_ORDERED(list, j, by_list);
	} else if (list) {
		TAILQ_INSERT_TAIL(list, j, by_list);
	}
}

uint64_t job_left(const struct job *j)
{
	return j->total_bytes > j->done_bytes ? j->total_bytes - j->done_bytes : 0;
}

void queue_reorder(struct core *c, struct job *j, int priority, uint32_t urgent)
{
	enum place place = j->place;

	if (j->priority == priority && j->urgent == urgent)
		return;
	queue_leave(j);
	if (place == PLACE_FRESH || place == PLACE_READY)
		job_place(c, j, PLACE_NONE);
	j->priority = (int16_t)priority;
	j->urgent = urgent;
	queue_enter(j);
	job_place(c, j, place);
}
