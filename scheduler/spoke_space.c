/*
 * spoke_space.c: room that transfers were promised. Offers are decided on worker threads, several
 * at a time, so the look at what is left and the promise are one step under a lock; and what a
 * transfer has written already is on the disk's account, no longer on that of the promises: counted
 * twice, it would keep others out for nothing. The quota counts all that a transfer was promised
 * until it is published or dropped, but for its spool, which ends when it is staged: those that
 * wait for the rest of their set would else keep that very rest out.
 */
#include "scheduler/spoke_state.h"

static void set(struct spoke_transfer *t, uint64_t need, uint64_t left)
{
	struct spoke_group *g = t->group;

	g->promised = g->promised - t->need + need;
	g->promised_left = g->promised_left - t->left + left;
	t->need = need;
	t->left = left;
}

/* Beside what others were promised: all and left of it. */
static bool fits(const struct spoke_need *need, const struct spoke_room *room, uint64_t all,
		 uint64_t left, struct spoke_room *ret)
{
	ret->disk = room->disk - MIN(room->disk, left);
	ret->quota = room->quota == UINT64_MAX ? UINT64_MAX : room->quota - MIN(room->quota, all);
	return need->disk <= ret->disk && need->quota <= ret->quota;
}

bool spoke_space_take(struct spoke_transfer *t, const struct spoke_need *need,
		      const struct spoke_room *room, struct spoke_room *ret)
{
	struct spoke_group *g = t->group;
	bool ok;

	pthread_mutex_lock(&g->space_lock);
	ok = fits(need, room, g->promised - t->need, g->promised_left - t->left, ret);
	set(t, ok ? need->quota : need->quota - MIN(need->quota, need->disk), ok ? need->disk : 0);
	t->spool = ok ? MIN(need->disk, SPOKE_SPOOL_ROOM) : 0;
	pthread_mutex_unlock(&g->space_lock);
	return ok;
}

static bool look(struct spoke_group *g, const struct spoke_need *need, uint64_t quota, bool promise,
		 struct spoke_room *ret)
{
	struct spoke_room room = {.quota = quota};
	bool ok;

	pthread_mutex_lock(&g->space_lock);
	if (store_free_bytes(g->store, &room.disk) < 0)
		room.disk = 0;
	ok = fits(need, &room, g->promised, g->promised_left, ret);
	if (ok && promise) {
		g->promised += need->quota;
		g->promised_left += need->disk;
	}
	pthread_mutex_unlock(&g->space_lock);
	return ok;
}

bool spoke_space_fits(struct spoke_group *g, const struct spoke_need *need)
{
	struct spoke_room left;

	return look(g, need, g->cfg->staging_quota, false, &left);
}

bool spoke_space_copy(struct spoke_group *g, const struct spoke_need *need, uint64_t quota,
		      struct spoke_room *ret)
{
	return look(g, need, quota, true, ret);
}

void spoke_space_written(struct spoke_group *g, uint64_t bytes)
{
	pthread_mutex_lock(&g->space_lock);
	g->promised_left -= bytes;
	pthread_mutex_unlock(&g->space_lock);
}

void spoke_space_progress(struct spoke_transfer *t, uint64_t part, uint64_t whole)
{
	pthread_mutex_lock(&t->group->space_lock);
	if (whole > 0)
		set(t, t->need,
		    (uint64_t)((unsigned __int128)t->need * (whole - MIN(part, whole)) / whole));
	pthread_mutex_unlock(&t->group->space_lock);
}

void spoke_space_staged(struct spoke_transfer *t)
{
	pthread_mutex_lock(&t->group->space_lock);
	set(t, t->need - MIN(t->need, t->spool), 0);
	t->spool = 0;
	pthread_mutex_unlock(&t->group->space_lock);
}

void spoke_space_release(struct spoke_transfer *t)
{
	pthread_mutex_lock(&t->group->space_lock);
	set(t, 0, 0);
	pthread_mutex_unlock(&t->group->space_lock);
}

uint64_t spoke_space_rest(struct spoke_transfer *t)
{
	uint64_t held;

	pthread_mutex_lock(&t->group->space_lock);
	held = t->need - MIN(t->need, t->left);
	set(t, 0, 0);
	pthread_mutex_unlock(&t->group->space_lock);
	return held;
}

void spoke_space_charge(struct spoke_transfer *t, uint64_t bytes)
{
	pthread_mutex_lock(&t->group->space_lock);
	if (!t->need)
		set(t, bytes, 0);
	pthread_mutex_unlock(&t->group->space_lock);
}

void spoke_space_hold(struct spoke_group *g, int64_t more)
{
	pthread_mutex_lock(&g->space_lock);
	g->promised += (uint64_t)more;
	pthread_mutex_unlock(&g->space_lock);
}

uint64_t spoke_space_used(struct spoke_group *g)
{
	uint64_t used;

	pthread_mutex_lock(&g->space_lock);
	used = g->promised;
	pthread_mutex_unlock(&g->space_lock);
	return used;
}

uint64_t spoke_space_promised(struct spoke_group *g)
{
	uint64_t left;

	pthread_mutex_lock(&g->space_lock);
	left = g->promised_left;
	pthread_mutex_unlock(&g->space_lock);
	return left;
}
