/*
 * bundle.c: one bundle: a plan, the content and the bases that it is made of. It lives as long as
 * somebody holds it: a plan is made again in a second, its encoded frames are in the cache.
 */
#include "transfer/bundle_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void bundle_bases_init(struct bundle_base bases[FRAME_BASES_MAX])
{
	for (unsigned i = 0; i < FRAME_BASES_MAX; i++)
		bases[i] = (struct bundle_base){.fd = -1};
}

void bundle_bases_done(struct bundle_base bases[FRAME_BASES_MAX])
{
	for (unsigned i = 0; i < FRAME_BASES_MAX; i++) {
		anchors_free(bases[i].anchors);
		anchors_free(bases[i].gone);
		sectors_free(bases[i].sectors);
		survivors_free(bases[i].left);
		index_unref(bases[i].index);
		if (bases[i].fd >= 0)
			close(bases[i].fd);
	}
	bundle_bases_init(bases);
}

struct bundle *bundle_new(struct bundler *b, const struct content *content, struct plan *plan,
			  struct index *index)
{
	int fd = fcntl(content->fd, F_DUPFD_CLOEXEC, 0);
	struct bundle *n;

	if (fd < 0)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->refs = 1;
	n->bundler = b;
	n->plan = plan;
	n->index = index;
	n->content = *content;
	n->content.fd = fd;
	bundle_bases_init(n->bases);
	return n;
}

struct bundle *bundle_ref(struct bundle *b)
{
	b->refs++;
	return b;
}

struct bundle *bundle_unref(struct bundle *b)
{
	if (b == NULL || --b->refs > 0)
		return NULL;
	if (b->listed)
		TAILQ_REMOVE(&b->bundler->bundles, b, entry);
	plan_free(b->plan);
	index_unref(b->index);
	bundle_bases_done(b->bases);
	close(b->content.fd);
	free(b);
	return NULL;
}

const struct plan *bundle_plan(const struct bundle *b)
{
	return b->plan;
}

int bundle_effort(const struct bundle *b, int wanted)
{
	int lowest = INT_MAX, lower = 0;

	for (unsigned i = 0; i < EFFORTS_MOST; i++) {
		if (b->efforts[i] == 0 || b->efforts[i] == wanted)
			return wanted;
		lowest = MIN(lowest, b->efforts[i]);
		if (b->efforts[i] < wanted)
			lower = MAX(lower, b->efforts[i]);
	}
	return lower > 0 ? lower : lowest;
}
