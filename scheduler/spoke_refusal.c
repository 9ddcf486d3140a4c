/*
 * spoke_refusal.c: what stands against a transfer here, as the hub is to take it: what waits for a
 * change at this spoke, and what is tried again in a while.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/spoke_state.h"

unsigned spoke_refusal_status(enum wire_refusal r)
{
	switch (r) {
	case REFUSED_NOT:
		return 200;
	case REFUSED_NO_SPACE:
	case REFUSED_OVER_QUOTA:
		return 507;
	case REFUSED_BAD_PATH:
		return 403;
	case REFUSED_BAD_GROUP:
		return 404;
	case REFUSED_BUSY:
		return 503;
	case REFUSED_ERROR:
		return 500;
	default:
		return 409;
	}
}

void spoke_refuse(struct wire_position *p, enum wire_refusal why, const char *text)
{
	p->refused = why;
	snprintf(p->text, sizeof(p->text), "%.*s", (int)sizeof(p->text) - 1, text);
}

enum wire_refusal spoke_refusal_room(const struct spoke_need *need, const struct spoke_room *left,
				     uint64_t quota, bool *ret_never, char ret_text[200])
{
	bool disk = need->disk > left->disk;
	char want[UNITS_TEXT], have[UNITS_TEXT], all[UNITS_TEXT];

	*ret_never = !disk && need->quota > quota;
	units_size(disk ? need->disk : need->quota, want);
	units_size(disk ? left->disk : left->quota, have);
	units_size(quota, all);
	if (disk)
		snprintf(ret_text, 200, "disk: needs %s, %s free", want, have);
	else if (*ret_never)
		snprintf(ret_text, 200, "staging quota: needs %s, and all of it is %s", want, all);
	else
		snprintf(ret_text, 200, "staging quota: needs %s, %s free of %s", want, have, all);
	return disk ? REFUSED_NO_SPACE : REFUSED_OVER_QUOTA;
}

enum wire_refusal spoke_refusal_full(const struct spoke_group *g, uint64_t need, uint64_t *ret_free)
{
	if (store_free_bytes(g->store, ret_free) < 0)
		*ret_free = 0;
	return *ret_free < need ? REFUSED_NO_SPACE : REFUSED_ERROR;
}

/* What may be written yet, by the figures. */
static uint64_t need_left(const struct spoke_transfer *t, const struct wire_position *p)
{
	uint64_t left = t->size - MIN(t->size, p->proven_bytes);

	return MIN(t->need, left + SPOKE_SPOOL_ROOM);
}

unsigned spoke_refusal_put(const struct spoke_transfer *t, int error, const char *text,
			   struct wire_position *p)
{
	enum wire_refusal why = REFUSED_ERROR;

	switch (error) {
	case 0:
	case -ECANCELED:
		return p->refused == REFUSED_NOT ? 200 : 409;
	case -ENOENT:
		return 404;
	case -ERANGE:
	case -ESTALE:
		return 409;
	case -ENOSPC:
	case -EDQUOT:
		p->need = need_left(t, p);
		why = spoke_refusal_full(t->group, p->need, &p->available);
	}
	spoke_refuse(p, why, text[0] ? text : strerror(-error));
	return error == -EBADMSG ? 422 : spoke_refusal_status(why);
}
