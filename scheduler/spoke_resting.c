/*
 * spoke_resting.c: transfers in staging/ that nobody works on: after a restart, between two
 * windows, or left there by a hub that no longer wants them. They count for staging_quota, and the
 * oldest are named in the hello, so that the hub has those dropped which no job of it wants: after
 * a day; beyond staging_high percent of the quota at once, until staging_low would be met; and all
 * while somebody waits for room. What is wanted only the hub knows: nothing goes unasked.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/preserve.h"
#include "scheduler/spoke_state.h"

#define IDLE_S (24 * 3600)

struct resting {
	char hex[HASH_HEX + 1];
	uint64_t bytes;
	bool seen;
};

void spoke_resting_put(struct spoke_group *g, const char *hex, uint64_t bytes)
{
	struct resting *r = strmap_get(&g->resting, hex);

	if (!bytes)
		return;
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		memcpy(r->hex, hex, sizeof(r->hex));
		strmap_put(&g->resting, r->hex, r);
	}
	r->bytes += bytes;
	spoke_space_hold(g, (int64_t)bytes);
}

uint64_t spoke_resting_take(struct spoke_group *g, const char *hex)
{
	struct resting *r = strmap_remove(&g->resting, hex);
	uint64_t bytes = r ? r->bytes : 0;

	free(r);
	spoke_space_hold(g, -(int64_t)bytes);
	return bytes;
}

void spoke_resting_free(struct spoke_group *g)
{
	strmap_done_free(&g->resting);
}

/* Somebody may have deleted it by hand. */
static void forget_unseen(void *arg, void *value)
{
	struct resting *r = value;

	if (!r->seen)
		(void)spoke_resting_take(arg, r->hex);
	else
		r->seen = false;
}

void spoke_resting_found(struct spoke_group *g, const struct expiry_transfer *all, size_t n)
{
	struct spoke_transfer *t;
	char hex[HASH_HEX + 1];

	for (size_t i = 0; i < n; i++) {
		t = spoke_transfer_get(g, &all[i].root);
		/* It may have come to its end while it was looked at. */
		if ((t && t->need) || strmap_get(&g->resting, hash_hex(&all[i].root, hex)) ||
		    faccessat(g->store->staging_fd, hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (t)
			spoke_space_charge(t, all[i].bytes);
		else
			spoke_resting_put(g, hex, all[i].bytes);
	}
}

static uint64_t held(const struct spoke_group *g, const struct hash *root)
{
	const struct spoke_transfer *t = spoke_transfer_get(g, root);
	char hex[HASH_HEX + 1];
	const struct resting *r = strmap_get(&g->resting, hash_hex(root, hex));

	return t ? t->need : r ? r->bytes : 0;
}

/* The first so many, the oldest first, that may be named now. */
static size_t choose(struct spoke_group *g, struct expiry_transfer *all, size_t n)
{
	const struct group_cfg *cfg = g->cfg;
	uint64_t used = spoke_space_used(g),
		 low = preserve_mark(cfg->staging_quota, cfg->staging_low);
	bool high = used > preserve_mark(cfg->staging_quota, cfg->staging_high);
	bool room = spoke_changes_wants_room(g);
	int64_t before = (int64_t)time(NULL) - IDLE_S;
	size_t chosen = 0;

	for (size_t i = 0; i < n; i++) {
		const struct spoke_transfer *t = spoke_transfer_get(g, &all[i].root);

		if (t && t->users > 0)
			continue;
		if (all[i].at > before && !room && !(high && used > low))
			break;
		used -= MIN(used, held(g, &all[i].root));
		all[chosen++] = all[i];
	}
	return chosen;
}

unsigned spoke_resting_idle(struct spoke_group *g, struct hash *ret, unsigned max)
{
	struct expiry_transfer *all;
	size_t n = expiry_transfers(g->store, false, &all), first;
	char hex[HASH_HEX + 1];
	unsigned k = 0;

	for (size_t i = 0; i < n; i++) {
		struct resting *r = strmap_get(&g->resting, hash_hex(&all[i].root, hex));

		if (r)
			r->seen = true;
	}
	strmap_each(&g->resting, forget_unseen, g);
	n = choose(g, all, n);
	/* Those that the hub wants are named again and again: the others get their turn, too. */
	first = n > max ? (size_t)g->idle_turn++ * max % n : 0;
	for (size_t i = first; i < n && k < max; i++)
		ret[k++] = all[i].root;
	free(all);
	return k;
}
