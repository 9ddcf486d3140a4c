/*
 * forward_rig.h: a core on a bench (core_rig.h) with two spokes that are up, run forward; and what
 * of that was told.
 */
#ifndef SPOKESYNC_TESTS_FORWARD_RIG_H
#define SPOKESYNC_TESTS_FORWARD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/forward.h"
#include "tests/unit/core_rig.h"

#define SPOKE(name, more) "[spoke " name "]\nurl = https://" name ":4480\n" RIG_KEY(name) more
#define GROUP(more)	  "[group g]\npath = /nowhere/g\nspokes = a, b\npolicy = p\n" more
#define SPOKES		  SPOKE("a", "transfers = 1\n") SPOKE("b", "transfers = 1\n")
#define ALWAYS(rate)	  "[policy p]\nwindow = mon-sun 00:00-24:00 " rate "\n"
#define HOUR		  3600

struct seen {
	struct forward_move moves[64];
	struct forward_end ends[64];
	struct forward_who who[64]; /* behind the ends: the run's own are gone */
	unsigned n_moves, n_ends;
};

static inline void see_move(void *arg, const struct forward_move *m)
{
	struct seen *s = arg;

	s->moves[s->n_moves++] = *m;
}

static inline void see_end(void *arg, const struct forward_end *e)
{
	struct seen *s = arg;

	s->who[s->n_ends] = *e->job;
	s->ends[s->n_ends++] = *e;
}

static inline struct seen run(struct rig *r, struct config *cfg, int64_t until)
{
	struct seen s = {0};
	struct forward_run f = {.cfg = cfg, .move = see_move, .end = see_end, .arg = &s};

	f.until.s = until ? r->now.wall.s + until : 0;
	assert_int_equal(forward_run(r->c, &f, r->now), 0);
	return s;
}

static inline int64_t after(const struct rig *r, struct wall t)
{
	return t.s - r->now.wall.s;
}

static inline const struct forward_end *end_for(const struct seen *s, const struct job *j)
{
	for (unsigned i = 0; i < s->n_ends; i++)
		if (s->who[i].id == j->id)
			return &s->ends[i];
	fail_msg("job %llu has no end", (unsigned long long)j->id);
	return NULL;
}

#endif
