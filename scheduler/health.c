/*
 * health.c: see health.h. Critical: something stands still until a person acts. Warning: something
 * is late and is tried again by itself.
 */
#include "scheduler/health.h"

#include <stdio.h>

#define PROBLEMS_MAX 20
#define DRIFT_MAX    20 /* named, of one spoke */
/* A spoke that has not answered for so long is no passing fault any more. */
#define DOWN_CRITICAL_S 3600

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_CRITICAL };

struct findings {
	enum level level;
	json_t *problems;
	size_t n;
};

static void find(struct findings *f, enum level level, const char *fmt, ...) PRINTF(3, 4);

static void find(struct findings *f, enum level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	f->level = MAX(f->level, level);
	f->n++;
	if (f->n > PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(f->problems, json_string(text) ?: json_string("a name is not UTF-8"));
}

static void look_at_spoke(struct findings *f, const struct spoke_state *s, struct now now)
{
	bool long_down = s->last_seen.s && now.wall.s - s->last_seen.s > DOWN_CRITICAL_S;

	if (s->key_refused)
		find(f, LEVEL_CRITICAL, "spoke %s: %s", s->name, s->text);
	else if (!s->up && s->ever_up)
		find(f, long_down ? LEVEL_CRITICAL : LEVEL_WARNING, "spoke %s is down: %s", s->name,
		     s->text);
	else if (!s->up && *s->text)
		find(f, LEVEL_WARNING, "spoke %s was never reached: %s", s->name, s->text);
}

struct drifts {
	struct findings *f;
	const char *spoke;
};

static void found_drift(void *arg, const struct hub_drift *d)
{
	const struct drifts *x = arg;

	find(x->f, LEVEL_WARNING, "spoke %s: %s/%s was %s there: %s", x->spoke, d->group, d->path,
	     d->what, d->words);
}

static void look_at_drift(struct findings *f, struct hub *h, const char *spoke)
{
	struct drifts x = {f, spoke};
	uint64_t n = hub_drifts(h, spoke, DRIFT_MAX, found_drift, &x);

	f->n += n - MIN(n, (uint64_t)DRIFT_MAX);
}

/* Nothing of this spoke moves, and what is staged waits for the rest of its set: where that waits
 * for room, each waits for the other. */
static bool is_jammed(const struct spoke_state *s)
{
	const struct job *j;

	if (s->running)
		return false;
	TAILQ_FOREACH (j, &s->jobs, by_spoke)
		if (j->state == JOB_STAGED && j->waits & WAIT_SET)
			return true;
	return false;
}

static void look_at_job(struct findings *f, const struct job *j, bool jammed)
{
	const struct version *v = j->version;
	enum level level = LEVEL_OK;

	if (j->waits & WAIT_SPACE && (j->stuck || jammed))
		level = LEVEL_CRITICAL;
	else if (j->waits & (WAIT_SPACE | WAIT_RETRY | WAIT_IN_USE))
		level = LEVEL_WARNING;
	if (j->late)
		find(f, LEVEL_WARNING, "job %llu %s/%s -> %s: it will miss its deadline",
		     (unsigned long long)j->id, v->group, v->path, j->spoke->name);
	if (level != LEVEL_OK)
		find(f, level, "job %llu %s/%s -> %s: %s", (unsigned long long)j->id, v->group,
		     v->path, j->spoke->name, j->reason ? j->reason : "");
}

/* A failed job counts while it is the last word on its file. */
static void look_at_ended(struct findings *f, struct core *core)
{
	struct job *j;

	TAILQ_FOREACH (j, core_ended(core), by_spoke) {
		const struct version *v = j->version;

		if (j->state == JOB_FAILED && core_job_missing(core, j))
			find(f, LEVEL_CRITICAL, "job %llu %s/%s -> %s failed: %s",
			     (unsigned long long)j->id, v->group, v->path, j->spoke->name,
			     j->reason ? j->reason : "");
	}
}

json_t *health_of_hub(struct hub *h, struct now now)
{
	static const char *const words[] = {"ok", "warning", "critical"};
	struct findings f = {.problems = json_array()};
	const struct config *cfg = core_config(hub_core(h));
	struct hub_group_stats st;
	const char *untold;
	struct spoke_state *s;
	struct job *j;
	bool jammed;

	for (size_t i = 0; i < cfg->n_groups; i++) {
		st = (struct hub_group_stats){0};
		hub_group_stats(h, cfg->groups[i].name, &st);
		if (st.problem)
			find(&f, LEVEL_CRITICAL, "group %s: %s", cfg->groups[i].name, st.problem);
		if (st.distrust)
			find(&f, LEVEL_WARNING, "group %s: extents are not believed: %s",
			     cfg->groups[i].name, st.distrust);
	}
	TAILQ_FOREACH (s, core_spokes(hub_core(h)), entry) {
		look_at_spoke(&f, s, now);
		look_at_drift(&f, h, s->name);
		jammed = is_jammed(s);
		TAILQ_FOREACH (j, &s->jobs, by_spoke) {
			look_at_job(&f, j, jammed);
		}
	}
	look_at_ended(&f, hub_core(h));
	hub_untold(h, &untold);
	if (untold)
		find(&f, LEVEL_WARNING, "%s", untold);
	return json_pack("{s:s, s:o, s:I}", "level", words[f.level], "problems", f.problems,
			 "problems_total", (json_int_t)f.n);
}
