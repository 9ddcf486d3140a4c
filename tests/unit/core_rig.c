/*
 * core_rig.c: see core_rig.h.
 */
#include "tests/unit/core_rig.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct config *rig_config(const char *ini)
{
	char dir[] = "/tmp/core_rig.XXXXXX", file[64];
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	FILE *f;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/hub.ini", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(ini, f);
	assert_int_equal(fclose(f), 0);
	r = config_load(file, &cfg, &errors);
	for (size_t i = 0; i < errors.n; i++)
		print_error("%s\n", errors.text[i]);
	config_errors_done(&errors);
	unlink(file);
	rmdir(dir);
	assert_int_equal(r, 0);
	return cfg;
}

static struct config *hub_config(const char *daemon, const char *rest)
{
	char *ini = xasprintf("[daemon]\nrole = hub\nstate_dir = /nostate\n"
			      "control = /nostate/control.sock\n%s\n%s\n",
			      daemon, rest);
	struct config *cfg = rig_config(ini);

	free(ini);
	return cfg;
}

struct rig *rig_new(const char *daemon, const char *rest)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct config *cfg = hub_config(daemon, rest);

	r->c = core_new(cfg, 1);
	config_unref(cfg);
	r->now = (struct now){.wall = {RIG_MONDAY}, .mono = {1000 * SECOND_US}};
	return r;
}

struct rig *rig_world(const char *daemon, const char *rest)
{
	struct rig *r = rig_new(daemon, rest);

	rig_pass(r);
	rig_up(r, "a");
	rig_up(r, "b");
	rig_pass(r);
	return r;
}

struct rig *rig_free(struct rig *r)
{
	core_free(r->c);
	free(r);
	return NULL;
}

void rig_reload(struct rig *r, const char *daemon, const char *rest)
{
	struct config *cfg = hub_config(daemon, rest);

	core_set_config(r->c, cfg);
	config_unref(cfg);
}

static void see(void *arg, const struct action *a)
{
	struct rig *r = arg;

	assert_true(r->n_seen < RIG_ACTIONS);
	r->seen[r->n_seen++] = (struct rig_action){.kind = a->kind,
						   .job = a->job ? a->job->id : 0,
						   .spoke = a->spoke ? a->spoke->name : NULL,
						   .old_state = a->old_state};
}

void rig_pass(struct rig *r)
{
	size_t n;

	r->n_seen = 0;
	r->next = core_plan(r->c, r->now, see, r);
	/* A second pass at the same now has nothing to say. */
	n = r->n_seen;
	core_plan(r->c, r->now, see, r);
	assert_int_equal(r->n_seen, n);
}

void rig_move(struct rig *r, int64_t seconds)
{
	r->now.wall.s += seconds;
	r->now.mono.us += seconds * SECOND_US;
	rig_pass(r);
}

unsigned rig_run(struct rig *r, int64_t seconds)
{
	int64_t end = r->now.mono.us + seconds * SECOND_US;
	int64_t wall_us = r->now.wall.s * SECOND_US + r->now.wall_us;
	unsigned n = 0;

	for (;;) {
		int64_t to = MIN(MAX(r->next.us, r->now.mono.us + 1), end);

		wall_us += to - r->now.mono.us;
		r->now.mono.us = to;
		r->now.wall.s = wall_us / SECOND_US;
		r->now.wall_us = (uint32_t)(wall_us % SECOND_US);
		rig_pass(r);
		if (to == end)
			return n;
		n++;
	}
}

void rig_up(struct rig *r, const char *spoke)
{
	struct spoke_state *s = core_spoke(r->c, spoke);

	assert_non_null(s);
	core_fact_spoke_up(r->c, s, "UTC", r->now);
}

struct version *rig_version(struct rig *r, const char *group, const char *path, bool indexed)
{
	struct version *v = version_new(group, path);

	v->id = ++r->versions;
	v->size = v->nonzero = 10 * 1000 * 1000;
	v->indexed = indexed;
	return v;
}

struct job *rig_add(struct rig *r, const char *spoke, const char *group, const char *path)
{
	struct version *v = rig_version(r, group, path, true);
	struct job *j = core_add_job(r->c, 0, JOB_PUT, v, spoke, r->now);

	version_unref(v);
	return j;
}

void rig_end(struct rig *r, struct job *j, enum job_outcome o)
{
	core_fact_ended(r->c, j, o, NULL, r->now);
	rig_pass(r);
}

unsigned rig_saw(const struct rig *r, enum action_kind kind, const struct job *j)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n_seen; i++)
		n += r->seen[i].kind == kind && (!j || r->seen[i].job == j->id);
	return n;
}

unsigned rig_saw_spoke(const struct rig *r, enum action_kind kind, const char *spoke)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n_seen; i++)
		n += r->seen[i].kind == kind && r->seen[i].spoke &&
		     !strcmp(r->seen[i].spoke, spoke);
	return n;
}

uint64_t rig_override(struct rig *r, enum override_kind kind, const char *spoke, const char *group,
		      int64_t seconds)
{
	const struct override o = {.kind = kind,
				   .spoke = spoke ? xstrdup(spoke) : NULL,
				   .group = group ? xstrdup(group) : NULL,
				   .rate = RATE_UNLIMITED,
				   .since = r->now.wall,
				   .until = {r->now.wall.s + seconds},
				   .until_mono = {r->now.mono.us + seconds * SECOND_US}};

	return core_override_add(r->c, &o);
}
