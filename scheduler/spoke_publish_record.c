/*
 * spoke_publish_record.c: what is remembered of a publication that was done: the file that lies
 * there now, what went to preserved/, the end of the intent; and the hook that is told. See
 * spoke_publish.h.
 */
#include "scheduler/spoke_publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_notice.h"

bool publishing_is_recorded(const struct publishing *x)
{
	return x->has_row && x->look.present && x->row.sure && !x->row.gone &&
	       identity_equal(&x->row.identity, &x->look.identity);
}

static int record_file(struct publishing *x, const char *path, const struct hash *root)
{
	struct spoke_file f = {.root = *root,
			       .identity = x->now,
			       .mode = x->attr.mode & 0777,
			       .seq = x->g->seq + 1,
			       .sure = true,
			       .was_published = true,
			       .published = *root};
	int r;

	/* What was brought back from preserved/ is not what the hub put there. */
	if (x->local.done) {
		f.local = x->local.stays ? LOCAL_RESTORED : LOCAL_NOT;
		f.was_published = x->has_row && x->row.was_published;
		f.published = x->row.published;
	}
	snprintf(f.path, sizeof(f.path), "%s", path);
	r = spoke_db_put(x->g->db, &f);
	if (r == 0)
		x->g->seq++;
	return r;
}

static int record_gone(struct publishing *x, const char *path)
{
	int r = spoke_db_gone(x->g->db, path, x->g->seq + 1);

	if (r == 0 && db_changes(x->g->db) > 0)
		x->g->seq++;
	return r;
}

static const char *kept_why(const struct publishing *x)
{
	return x->local.done				 ? x->local.why
	       : x->results[x->i].drift			 ? "drift"
	       : publishing_op(x)->kind == WIRE_DELETE	 ? "deleted"
	       : x->has_row && x->row.local != LOCAL_NOT ? wire_local_word(x->row.local)
							 : "replaced";
}

static int record_kept(struct publishing *x)
{
	struct spoke_preserved p = {.name = x->keep,
				    .path = publishing_op(x)->path,
				    .why = kept_why(x),
				    .root = x->row.root,
				    .sure = publishing_is_recorded(x),
				    .identity = x->old,
				    .bytes = x->look.bytes,
				    .at = (int64_t)time(NULL)};

	if (!x->keep[0] || !x->look.present || x->old.ino == 0)
		return 0;
	x->results[x->i].preserved = p.sure;
	return spoke_db_preserve(x->g->db, &p);
}

int publishing_record(struct publishing *x)
{
	const struct wire_op *op = publishing_op(x);
	int r = record_kept(x);
	unsigned i;

	if (r < 0)
		return r;
	switch (op->kind) {
	case WIRE_KEEP:
		break;
	case WIRE_DELETE:
		r = record_gone(x, op->path);
		break;
	case WIRE_META:
		r = publishing_is_recorded(x) ? record_file(x, op->path, &x->row.root) : 0;
		break;
	case WIRE_RENAME:
		r = record_gone(x, op->from);
		if (r == 0)
			r = record_file(x, op->path, &op->root);
		break;
	default:
		r = record_file(x, op->path, &op->root);
	}
	for (i = 0; i < x->n_changes && r == 0; i++)
		r = spoke_db_identity(x->g->db, &x->changes[i]);
	if (r == 0 && x->intent)
		r = spoke_db_intent_done(x->g->db, x->intent);
	return r;
}

void publishing_notice(struct publishing *x)
{
	static const char *const words[] = {"put", "rename", "copy", "meta", "delete", "keep"};
	const struct wire_op *op = publishing_op(x);

	/* A set takes away what must not be seen in between: nobody is told of that. */
	if (op->kind == WIRE_DELETE && wire_publish_again(&x->ops, x->i))
		return;
	spoke_notice(x->g, words[op->kind], op->path, &op->root, op->size);
}
