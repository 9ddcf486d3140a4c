/*
 * stream_repair.c: nodes that did not prove come again as plain literals: a plan of its own that
 * needs no base, over the same content.
 */
#include "transfer/bundle_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Frames for one run of nodes: zero blocks as ZERO, all others as LIT. */
static void repair_frames(struct plan *p, const struct index *x, struct run run)
{
	uint32_t most = FRAME_LITERALS_MAX / NODE_SIZE;

	for (uint64_t end = run.first + run.n; run.first < end; run.first += most) {
		struct plan_frame *f;
		uint64_t block = run.first * NODE_BLOCKS, stop;

		p->frames = xrealloc(p->frames, (p->n_frames + 1) * sizeof(*p->frames));
		f = &p->frames[p->n_frames++];
		*f = (struct plan_frame){.first_node = (uint32_t)run.first,
					 .n_nodes = (uint32_t)MIN(most, end - run.first)};
		stop = MIN(block + (uint64_t)f->n_nodes * NODE_BLOCKS, blocks_of(p->size));
		f->ops = xcalloc(stop - block, sizeof(*f->ops));
		for (; block < stop; block++) {
			enum op_kind kind = index_block_is_zero(x, block) ? OP_ZERO : OP_LIT;

			if (kind == OP_LIT)
				f->literal_bytes += MIN(BLOCK_SIZE, p->size - block * BLOCK_SIZE);
			if (f->n_ops > 0 && f->ops[f->n_ops - 1].kind == kind)
				f->ops[f->n_ops - 1].n++;
			else
				f->ops[f->n_ops++] = (struct op){.kind = kind, .n = 1};
		}
		p->literal_bytes += f->literal_bytes;
	}
}

static int repair_plan(const struct bundle *b, const struct run *nodes, size_t n, struct plan **ret)
{
	static const char label[] = "spokesync repair";
	size_t len = sizeof(label) + HASH_SIZE + n * sizeof(*nodes);
	uint64_t total = nodes_of(b->plan->size), next = 0;
	struct plan *p;
	char *text;

	for (size_t i = 0; i < n; i++) {
		if (nodes[i].n == 0 || nodes[i].first < next || nodes[i].first >= total ||
		    nodes[i].n > total - nodes[i].first)
			return -EINVAL;
		next = nodes[i].first + nodes[i].n;
	}
	p = xcalloc(1, sizeof(*p));
	p->root = b->plan->root;
	p->size = b->plan->size;
	text = xcalloc(1, len);
	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), b->plan->id.b, HASH_SIZE);
	if (n > 0)
		memcpy(text + sizeof(label) + HASH_SIZE, nodes, n * sizeof(*nodes));
	digest_bytes(text, len, &p->id);
	free(text);
	for (size_t i = 0; i < n; i++)
		repair_frames(p, b->index, nodes[i]);
	*ret = p;
	return 0;
}

int stream_repair(struct bundle *b, const struct run *nodes, size_t n, struct bundle_stream **ret)
{
	struct bundle *repair;
	struct plan *p;
	int r = repair_plan(b, nodes, n, &p);

	if (r < 0)
		return r;
	repair = bundle_new(b->bundler, &b->content, p, index_ref(b->index));
	if (repair == NULL) {
		plan_free(p);
		index_unref(b->index);
		return -EMFILE;
	}
	r = stream_new(repair, REPAIR_EFFORT, NULL, 0, ret);
	bundle_unref(repair);
	return r;
}
