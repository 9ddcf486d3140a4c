/*
 * spoke_changes.c: GET changes: the hub is told when there is room again, or a lock file is gone,
 * for what was refused here. What was refused is remembered until then; it is looked at while a hub
 * waits to be told, each second for room, and for lock files when the kernel hints at one. So
 * nobody tries what cannot work yet, and nobody waits for longer than that.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/guard.h"
#include "scheduler/spoke_state.h"
#include "transfer/key.h"

#define LOOK_S	   1.0
#define LOCK_TICKS 10u /* where no hint comes: a directory that cannot be watched */
#define WAIT_S	   60u /* where the hub does not say */
#define WAITS_MAX  8u
#define ROOM_MAX   16u /* of a group; the hub asks for the others by itself, now and then */
#define LOCKED_MAX 64u

struct change_wait {
	struct spoke_changes *c;
	struct sreq *r;
	uint64_t left; /* looks */
	TAILQ_ENTRY(change_wait) entry;
};

struct spoke_changes {
	struct spoke *spoke;
	uint64_t seq; /* random at first: another one for another run */
	TAILQ_HEAD(, change_wait) waits;
	unsigned n_waits, ticks;
	ev_timer timer;
};

struct spoke_awaited {
	struct spoke_need room[ROOM_MAX];
	unsigned n_room;
	char *locked[LOCKED_MAX];
	unsigned n_locked;
};

static struct spoke_awaited *awaited(struct spoke_group *g)
{
	if (!g->awaited)
		g->awaited = xcalloc(1, sizeof(*g->awaited));
	return g->awaited;
}

void spoke_changes_room(struct spoke_group *g, const struct spoke_need *need)
{
	struct spoke_awaited *a = awaited(g);

	for (unsigned i = 0; i < a->n_room; i++)
		if (a->room[i].disk == need->disk && a->room[i].quota == need->quota)
			return;
	if (a->n_room < ROOM_MAX)
		a->room[a->n_room++] = *need;
}

void spoke_changes_lock(struct spoke_group *g, const char *path)
{
	struct spoke_awaited *a = awaited(g);

	for (unsigned i = 0; i < a->n_locked; i++)
		if (!strcmp(a->locked[i], path))
			return;
	if (a->n_locked < LOCKED_MAX)
		a->locked[a->n_locked++] = xstrdup(path);
}

bool spoke_changes_wants_room(const struct spoke_group *g)
{
	return g->awaited && g->awaited->n_room > 0;
}

void spoke_changes_forget(struct spoke_group *g)
{
	if (!g->awaited)
		return;
	while (g->awaited->n_locked)
		free(g->awaited->locked[--g->awaited->n_locked]);
	free(g->awaited);
	g->awaited = NULL;
}

/* Each is told once: whoever is refused again is remembered again. */
static bool room_came(struct spoke_group *g)
{
	struct spoke_awaited *a = g->awaited;
	bool came = false;

	for (unsigned i = 0; i < a->n_room && !came; i++)
		came = spoke_space_fits(g, &a->room[i]);
	if (came)
		a->n_room = 0;
	return came;
}

static bool lock_went(struct spoke_group *g)
{
	struct spoke_awaited *a = g->awaited;
	char lock[NAME_MAX + 1];
	bool went = false;

	for (unsigned i = 0; i < a->n_locked;) {
		if (guard_locked(g->store->root_fd, a->locked[i], &g->cfg->lock, lock)) {
			i++;
			continue;
		}
		free(a->locked[i]);
		a->locked[i] = a->locked[--a->n_locked];
		went = true;
	}
	return went;
}

/* The hub left. */
static void left(void *arg)
{
	struct change_wait *w = arg;
	struct spoke_changes *c = w->c;

	TAILQ_REMOVE(&c->waits, w, entry);
	c->n_waits--;
	free(w);
	if (TAILQ_EMPTY(&c->waits))
		ev_timer_stop(c->spoke->d->loop, &c->timer);
}

static void answer(struct change_wait *w)
{
	char *json = wire_changes_encode(w->c->seq);
	struct sreq *r = w->r;

	left(w);
	sreq_on_over(r, NULL, NULL);
	sreq_reply_json(r, 200, json);
	free(json);
}

static void look(struct spoke_changes *c, bool locks)
{
	struct spoke_group *g;
	bool came = false;

	TAILQ_FOREACH (g, &c->spoke->groups, entry) {
		if (!g->awaited || g->kept || !g->db)
			continue;
		came |= room_came(g);
		came |= locks && lock_went(g);
	}
	if (!came)
		return;
	c->seq++;
	while (!TAILQ_EMPTY(&c->waits))
		answer(TAILQ_FIRST(&c->waits));
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct spoke_changes *c = t->data;
	struct change_wait *w, *next;

	(void)loop;
	(void)revents;
	look(c, ++c->ticks % LOCK_TICKS == 0);
	for (w = TAILQ_FIRST(&c->waits); w; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->left-- == 0)
			answer(w);
	}
}

struct spoke_changes *spoke_changes_new(struct spoke *s)
{
	struct spoke_changes *c = xcalloc(1, sizeof(*c));

	c->spoke = s;
	key_random((uint8_t *)&c->seq, sizeof(c->seq));
	c->seq = (c->seq & INT32_MAX) + 1;
	TAILQ_INIT(&c->waits);
	ev_timer_init(&c->timer, on_timer, LOOK_S, LOOK_S);
	c->timer.data = c;
	return c;
}

struct spoke_changes *spoke_changes_free(struct spoke_changes *c)
{
	if (c)
		ev_timer_stop(c->spoke->d->loop, &c->timer);
	free(c);
	return NULL;
}

void spoke_changes_hint(struct spoke *s)
{
	if (s->changes && s->changes->n_waits)
		look(s->changes, true);
}

void spoke_changes_request(struct spoke *s, struct sreq *r)
{
	struct spoke_changes *c = s->changes;
	uint64_t since = 0, wait = WAIT_S;
	struct change_wait *w;

	if (sreq_number(r, "since", &since) == -EINVAL ||
	    sreq_number(r, "wait", &wait) == -EINVAL) {
		sreq_problem(r, 400, "since= and wait= are numbers");
		return;
	}
	if (c->n_waits == WAITS_MAX)
		answer(TAILQ_FIRST(&c->waits));
	w = xcalloc(1, sizeof(*w));
	w->c = c;
	w->r = r;
	w->left = MIN(wait, (uint64_t)WIRE_CHANGES_WAIT);
	TAILQ_INSERT_TAIL(&c->waits, w, entry);
	c->n_waits++;
	sreq_on_over(r, left, w);
	if (since && since != c->seq) {
		answer(w);
		return;
	}
	ev_timer_again(s->d->loop, &c->timer);
	look(c, true); /* what came while nobody waited */
}
