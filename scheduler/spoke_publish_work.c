/*
 * spoke_publish_work.c: what workers do of an operation of a publication: they look at what lies
 * there, make ready what shall, change the directory, and undo what did not work out.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/guard.h"
#include "scheduler/spoke_publish.h"

/*
 * Worker: whoever has the image open may not lose it: what a lock file lies beside is neither
 * replaced nor taken away. Asked before the work and right before the change. -ETXTBSY.
 */
int publishing_in_use(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);
	const char *path = op->kind == WIRE_RENAME ? op->from : op->path;
	char lock[NAME_MAX + 1];

	if (op->kind == WIRE_META || op->kind == WIRE_KEEP || x->in_place)
		return 0;
	x->locked = op->path;
	if (x->look.present && guard_locked(x->g->store->root_fd, op->path, &x->lock, lock))
		return err_set(&x->e, -ETXTBSY, "%s lies beside it here", lock);
	x->locked = path;
	if (op->kind == WIRE_RENAME && guard_locked(x->g->store->root_fd, path, &x->lock, lock))
		return err_set(&x->e, -ETXTBSY, "%s lies beside %s here", lock, path);
	return 0;
}

/* Worker: is what is to be renamed the content that was proven, untouched since? */
static int rename_ready(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);
	struct publish_look from;
	int r;

	if (publishing_is_recorded(x) && hash_equal(&x->row.root, &op->root)) {
		x->in_place = true; /* a repetition */
		return 0;
	}
	r = publish_look(x->g->store, op->from, &from, &x->e);
	if (r < 0)
		return r;
	if (!from.present || !x->has_source || !x->source.sure || x->source.gone ||
	    !identity_equal(&x->source.identity, &from.identity) ||
	    !hash_equal(&x->source.root, &op->root))
		return err_set(&x->e, -ESTALE, "%s does not hold this content any more", op->from);
	return 0;
}

/* Worker: does it hold what the rest of the set stands on? */
static int keep_ready(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);

	if (x->has_row && x->look.present && !x->row.sure && !x->row.gone)
		return err_set(&x->e, -EAGAIN, "%s is being read again", op->path);
	if (publishing_is_recorded(x) && hash_equal(&x->row.root, &op->root))
		return 0;
	return err_set(&x->e, -ESTALE, "%s does not hold what its set stands on", op->path);
}

/* Worker: what a copy of it takes: its data, and their leaves. Nothing where it cannot be looked
 * at: the copy will say so. */
static struct spoke_need copy_need(int dir, const char *from)
{
	struct spoke_need need = {0};
	struct stat st;
	int fd;

	if (beneath_open(dir, from, O_PATH | O_NOFOLLOW, 0, &fd) < 0)
		return need;
	if (fstat(fd, &st) == 0) {
		need.disk = (uint64_t)st.st_blocks * 512;
		need.disk += nodes_of(need.disk) * BLOCK_SIZE;
		need.quota = need.disk;
	}
	close(fd);
	return need;
}

/* Worker: is promised its room, or refused like a transfer; those of its set that were copied
 * before it go then as well, and will have to be made with it. */
static int copy_room(struct publishing *x, const struct spoke_need *need)
{
	uint64_t before = publication_copied(x);
	struct spoke_room left;
	char text[200];

	if (spoke_space_copy(x->g, need, x->quota, &left)) {
		x->copied = need->quota;
		return 0;
	}
	x->need = (struct spoke_need){need->disk + before, need->quota + before};
	left.disk += before;
	left.quota += MIN(before, UINT64_MAX - left.quota);
	x->refused = spoke_refusal_room(&x->need, &left, x->quota, &x->never, text);
	return err_set(&x->e, x->refused == REFUSED_NO_SPACE ? -ENOSPC : -EDQUOT, "%s", text);
}

/* Worker: once more what lies here, or what is staged and was taken by another of the set. */
static int copy(struct publishing *x, bool staged)
{
	const struct spoke_file *f = &x->source;
	struct store *s = x->g->store;
	char from[sizeof(x->staged)];
	struct spoke_need need = {0};
	int r = 0;

	if (staged)
		snprintf(from, sizeof(from), "%s/image", x->t->hex);
	/* What an attempt left is written over. */
	(void)unlinkat(s->staging_fd, x->staged, 0);
	if (!s->reflink) {
		need = staged ? copy_need(s->staging_fd, from)
			      : copy_need(f->in_preserved ? s->preserved_fd : s->root_fd, f->path);
		r = copy_room(x, &need);
	}
	if (r < 0)
		return r;
	if (staged)
		r = publish_copy_staged(s, from, x->staged, &x->g->spoke->cancel, &x->e);
	else
		r = publish_copy(s, f->path, f->in_preserved, &f->identity, &publishing_op(x)->root,
				 x->staged, &x->g->spoke->cancel, &x->e);
	spoke_space_written(x->g, need.disk);
	return r;
}

/* Worker: what lies there, and for put and copy-of the file that shall. */
static void make_ready(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);
	struct spoke_group *g = x->g;
	bool staged = false;
	char hex[HASH_HEX + 1];
	int r;

	x->error = spoke_store_mend(g, &x->e);
	if (x->error == 0)
		x->error = publish_look(g->store, op->path, &x->look, &x->e);
	/* No file can be there: it went already, and something else has taken its place. */
	x->absent = x->error == -ENOTDIR || (x->error == 0 && x->look.directory);
	if (op->kind == WIRE_DELETE && x->absent)
		x->error = 0;
	if (x->error == 0 && op->kind == WIRE_RENAME)
		x->error = rename_ready(x);
	if (x->error == 0 && op->kind == WIRE_KEEP)
		x->error = keep_ready(x);
	if (publication_withdraws(x)) {
		memset(&x->look, 0, sizeof(x->look));
		x->absent = false;
	}
	if (x->error == 0 && (op->kind == WIRE_PUT || op->kind == WIRE_COPY_OF))
		/* a repetition */
		x->in_place = publishing_is_recorded(x) && hash_equal(&x->row.root, &op->root);
	if (x->error == 0)
		x->error = publishing_in_use(x);
	if (x->error < 0 || x->in_place || (op->kind != WIRE_PUT && op->kind != WIRE_COPY_OF))
		return;
	if (x->t) {
		r = spoke_transfer_open(x->t, &x->e);
		staged = r == 0 && staging_is_staged(x->t->st);
	}
	snprintf(x->staged, sizeof(x->staged), SPOKE_COPY "%s.%zu", hash_hex(&op->root, hex), x->i);
	if (staged && publication_takes(x)) {
		r = copy(x, true);
	} else if (staged) {
		snprintf(x->staged, sizeof(x->staged), "%s/image", x->t->hex);
		r = staging_keep_leaves(x->t->st);
	} else if (x->has_source) {
		r = copy(x, false);
	} else if (x->hashing) {
		/* It may be just this: where a crash interrupted what brought it. */
		r = err_set(&x->e, -EAGAIN, "what lies there is being read");
	} else {
		r = err_set(&x->e, -ESTALE, "this content is neither staged nor held here");
	}
	if (r == 0)
		r = publish_prepare(g->store, x->staged, op->path, &x->attr, &x->made, &x->e);
	if (r == 0 && x->look.present)
		x->look.bytes = publish_differs(g->store, op->path, x->staged, x->look.bytes,
						&g->spoke->cancel);
	x->error = r;
	x->ready = r == 0;
}

void publishing_ready_run(struct work *w)
{
	make_ready(container_of(w, struct publishing, w));
}

/*
 * Worker: it failed. Where the name is still what it was, its second name in preserved/ goes (its
 * ctime is recorded) and so does the intent: a later start must not publish what nobody wants any
 * more. Where it is not known how far it came, the intent stays.
 */
static void undo(struct publishing *x)
{
	struct store *s = x->g->store;
	struct publish_look now;
	struct err e;

	if (publish_look(s, publishing_op(x)->path, &now, &e) < 0 ||
	    (now.present && now.identity.ino == x->made.ino))
		return;
	if (x->look.present && (!now.present || now.identity.ino != x->look.identity.ino))
		return;
	if (x->look.present && x->keep[0]) {
		if (unlinkat(s->preserved_fd, x->keep, 0) < 0 && errno != ENOENT)
			return;
		if (publish_look(s, publishing_op(x)->path, &now, &e) < 0 || !now.present)
			return;
	}
	x->changes[0] = (struct identity_change){x->look.identity, now.identity};
	x->undone = true;
}

void publishing_change_run(struct work *w)
{
	struct publishing *x = container_of(w, struct publishing, w);
	const struct wire_op *op = publishing_op(x);
	struct store *s = x->g->store;
	const char *keep = x->keep[0] && x->look.present ? x->keep : NULL;

	x->error = x->set ? publication_in_use(x) : publishing_in_use(x);
	if (x->error < 0)
		; /* somebody came meanwhile */
	else if (x->in_place || op->kind == WIRE_META)
		x->error = publish_attr(s, op->path, &x->attr, &x->now, &x->e);
	else if (op->kind == WIRE_DELETE && x->absent)
		x->error = 0;
	else if (op->kind == WIRE_DELETE)
		x->error = publish_remove(s, op->path, keep, &x->old, &x->e);
	else if (op->kind == WIRE_RENAME)
		x->error = publish_rename(s, op->from, op->path, keep, &x->now, &x->old, &x->e);
	else
		x->error = publish_commit(s, x->staged, op->path, keep, &x->now, &x->old, &x->e);
	if (x->error == 0 && op->kind == WIRE_RENAME && !x->in_place)
		x->error = publish_attr(s, op->path, &x->attr, &x->now, &x->e);
	/* Also where it was not needed: the content came here in another way meanwhile. */
	if (x->error == 0 && x->t && (x->ready || x->in_place))
		x->n_changes = spoke_transfer_destroy(x->t, x->changes);
	if (x->error < 0 && x->intent)
		undo(x);
}
