/*
 * staging_replay.c: the journal of a transfer, read back into its object. A record that makes no
 * sense ends it with -EBADMSG: then the transfer starts anew.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int replay_head(struct staging *st, struct unpack *u)
{
	struct hash root;
	uint64_t format = unpack_u64(u);

	unpack_bytes(u, root.b, HASH_SIZE);
	st->size = unpack_u64(u);
	if (u->bad || format != STAGING_FORMAT || st->size > FILE_SIZE_MAX ||
	    !hash_equal(&root, &st->root) || st->nodes.state)
		return -EBADMSG;
	nodes_init(&st->nodes, nodes_of(st->size));
	return 0;
}

static int replay_pin(struct staging *st, struct unpack *u)
{
	struct pin *p = &st->pins[st->n_pins];
	struct identity *id;

	if (st->n_pins == STAGING_PINS_MAX)
		return -EBADMSG;
	p->fd = -1;
	p->link = unpack_u64(u) != 0;
	unpack_bytes(u, p->root.b, HASH_SIZE);
	id = &p->identity;
	id->dev = unpack_u64(u);
	id->ino = unpack_u64(u);
	id->size = unpack_u64(u);
	id->mtime.tv_sec = (time_t)unpack_u64(u);
	id->mtime.tv_nsec = (long)unpack_u64(u);
	id->ctime.tv_sec = (time_t)unpack_u64(u);
	id->ctime.tv_nsec = (long)unpack_u64(u);
	if (u->bad)
		return -EBADMSG;
	st->n_pins++;
	return 0;
}

struct each_pin {
	int (*fn)(void *arg, const struct hash *base);
	void *arg;
};

static int pin_record(void *arg, uint32_t type, const uint8_t *data, size_t len)
{
	struct each_pin *x = arg;
	struct unpack u = {data, len, false};
	struct hash root;

	if (type != J_PIN)
		return 0;
	(void)unpack_u64(&u); /* link? */
	unpack_bytes(&u, root.b, HASH_SIZE);
	return u.bad ? -EBADMSG : x->fn(x->arg, &root);
}

int staging_each_pin(const struct store *s, const struct hash *root,
		     int (*fn)(void *arg, const struct hash *base), void *arg)
{
	struct each_pin x = {fn, arg};
	char hex[HASH_HEX + 1];
	int r, dir = openat(s->staging_fd, hash_hex(root, hex),
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	r = journal_read(dir, STAGING_JOURNAL, pin_record, &x);
	close(dir);
	return r;
}

static void drop_header(struct staging *st)
{
	if (st->has_header)
		bundle_header_done(&st->header);
	st->has_header = false;
}

static int replay_bundle(struct staging *st, struct unpack *u)
{
	drop_header(st);
	unpack_bytes(u, st->bundle.b, HASH_SIZE);
	st->has_bundle = true;
	st->base_bad = false;
	st->pos = (struct spool_pos){0, 0, 0};
	return u->bad ? -EBADMSG : 0;
}

static int replay_header(struct staging *st, struct unpack *u)
{
	size_t used;
	int r;

	drop_header(st);
	r = staging_load_header(st, u->data, u->len, &used, NULL);
	if (r < 0)
		return -EBADMSG;
	/* It is whole here, so it was taken, even where the commit after it did not come to be. */
	st->pos = (struct spool_pos){used, 0, 0};
	return 0;
}

static int replay_commit(struct staging *st, struct unpack *u)
{
	uint64_t first, n, state;

	st->pos.consumed = unpack_u64(u);
	st->pos.len = unpack_u64(u);
	st->pos.frames = unpack_u64(u);
	st->leaves.end = unpack_u64(u);
	while (u->len && !u->bad) {
		state = unpack_u64(u);
		first = unpack_u64(u);
		n = unpack_u64(u);
		if (u->bad || first > st->nodes.n || n > st->nodes.n - first || state > UINT8_MAX)
			return -EBADMSG;
		if ((state & (NODE_BASE | NODE_FILL)) && NODE_PIN(state) >= st->n_pins)
			return -EBADMSG;
		nodes_set(&st->nodes, first, n, (uint8_t)state);
	}
	nodes_changes_done(&st->nodes);
	return u->bad ? -EBADMSG : 0;
}

static int replay_pin_number(struct staging *st, struct unpack *u, uint32_t type)
{
	uint64_t k = unpack_u64(u);

	if (u->bad || k >= st->n_pins)
		return -EBADMSG;
	if (type == J_BASIS) {
		st->basis = (int)k;
	} else {
		st->pins[k].bad = true;
		/* An older journal has no number here. */
		st->pins[k].lost = unpack_u64(u) == 1;
		st->base_bad = true;
	}
	return 0;
}

int staging_replay(void *arg, uint32_t type, const uint8_t *data, size_t len)
{
	struct staging *st = arg;
	struct unpack u = {data, len, false};

	if ((type == J_HEAD) == (st->nodes.state != NULL))
		return -EBADMSG; /* the head comes first, and once */
	switch (type) {
	case J_HEAD:
		return replay_head(st, &u);
	case J_PIN:
		return replay_pin(st, &u);
	case J_BASIS:
	case J_BAD_PIN:
		return replay_pin_number(st, &u, type);
	case J_BUNDLE:
		return replay_bundle(st, &u);
	case J_HEADER:
		return replay_header(st, &u);
	case J_COMMIT:
		return replay_commit(st, &u);
	case J_STAGED:
		st->staged = true;
		/* An older journal has no number here: then it was not read again. */
		st->read_again = unpack_u64(&u) == 1;
		return 0;
	case J_GIVEN_UP:
		drop_header(st);
		st->has_bundle = false;
		st->pos = (struct spool_pos){0, 0, 0};
		return 0;
	default:
		return -EBADMSG;
	}
}
